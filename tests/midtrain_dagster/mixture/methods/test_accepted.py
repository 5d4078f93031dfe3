"""General domains, and what microanneals have accepted."""

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.mixture.method import WEIGHTS, NoTokensError
from midtrain_dagster.mixture.methods.accepted import Config, NothingAcceptedError, weights

INDEX = pl.LazyFrame({"domain": ["web", "code", "code", "books"], "length": [100, 20, 10, 10]})


def verdicts(**found: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"candidate": list(found), "domain": list(found), "verdict": list(found.values())},
        schema={"candidate": pl.String, "domain": pl.String, "verdict": pl.String},
    )


def shares(table: pl.DataFrame, **fields: Any) -> dict[str, float]:
    usual = {
        "name": "sources",
        "general": {"web": 1.0},
        "share": 0.4,
        "by": "evenly",
        "none_accepted": "general",
    }
    found = weights(INDEX, table, **usual | fields)["weights"]  # type: ignore[arg-type]
    assert found.schema == WEIGHTS
    return dict(found.select("domain", "share").iter_rows())


def test_what_is_accepted_divides_its_share_and_the_rest_is_general() -> None:
    table = verdicts(code="accept", books="accept")
    assert shares(table) == pytest.approx({"books": 0.2, "code": 0.2, "web": 0.6})
    assert shares(table, by="tokens") == pytest.approx({"books": 0.1, "code": 0.3, "web": 0.6})


def test_what_is_rejected_or_undecided_has_no_share() -> None:
    table = verdicts(code="accept", books="undecided")
    assert shares(table) == pytest.approx({"code": 0.4, "web": 0.6})


def test_an_accepted_domain_may_be_general_too() -> None:
    assert shares(verdicts(web="accept")) == pytest.approx({"web": 1.0})


def test_two_candidates_of_a_domain_are_one() -> None:
    table = verdicts(code="accept", forum="accept").with_columns(domain=pl.lit("code"))
    assert shares(table) == pytest.approx({"code": 0.4, "web": 0.6})


def test_with_nothing_accepted_it_is_general_or_an_end_that_says_why() -> None:
    table = verdicts(code="reject", books="undecided")
    assert shares(table) == {"web": 1.0}
    with pytest.raises(NothingAcceptedError, match="code reject, books undecided"):
        shares(table, none_accepted="stop")


def test_a_domain_without_tokens_is_an_error() -> None:
    with pytest.raises(NoTokensError, match="no curated token of poems"):
        shares(verdicts(poems="accept"))


def test_it_says_what_it_reads() -> None:
    fields = {"method": "accepted", "microanneals": "sources", "general": {"web": 1}, "share": 0.3}
    found = Config.model_validate(fields)
    assert found.reads == {"microanneals": "microanneals/sources"}
    for share in (0, 1):
        with pytest.raises(ValidationError, match="share"):
            Config.model_validate(fields | {"share": share})
