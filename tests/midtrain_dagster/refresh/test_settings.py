"""A time zone is one of the IANA database, or it is said which was meant."""

import pytest
from pydantic import ValidationError

from midtrain_dagster.refresh.settings import Refresh


def test_stands_still_in_utc_up_to_the_shards_unless_it_says_otherwise() -> None:
    section = Refresh(cron="0 3 * * *")
    assert (section.timezone, section.until, section.running) == ("UTC", "token_shards", False)


def test_unknown_timezone_is_refused_with_the_one_meant() -> None:
    with pytest.raises(ValidationError, match="did you mean 'Europe/Berlin'"):
        Refresh(cron="0 3 * * *", timezone="Europe/Berlim")
