"""When a recipe's graph is refreshed, and how far."""

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.suggestion import did_you_mean


def _known_timezone(name: str) -> str:
    known = available_timezones()
    if name not in known:
        raise ValueError(
            f"{name!r} is no time zone of the IANA database, such as Europe/Berlin"
            + did_you_mean(name, known)
        )
    return name


class Refresh(FrozenModel):
    """A schedule that makes what is new, and a sensor that does so when a source has changed."""

    cron: str = Field(description="When, as cron writes it: minute, hour, day, month, weekday")
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        "UTC", description="In which the cron is meant: a name of the IANA database"
    )
    until: str = Field(
        "token_shards", description="The asset that is refreshed, with all that it is made from"
    )
    quiet: int = Field(
        7,
        ge=1,
        description="So many refreshes in a row that find nothing new are an alert "
        "(docs/automation.md)",
    )
    running: bool = Field(
        False,
        description="Whether schedule and sensor run unless somebody stops them; otherwise they "
        "stand still until somebody starts them",
    )
