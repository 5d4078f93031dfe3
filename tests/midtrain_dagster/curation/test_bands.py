"""Bands of a domain by rating: each document in one, by itself alone."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.problems import View
from midtrain_dagster.curation.bands import Bands, banded
from midtrain_dagster.curation.decisions import DECISIONS, curate
from midtrain_dagster.curation.duplicates.config import default_duplicates
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.problems import problems

WEB = Bands(by="quality", at=(0.4, 0.9))


def documents(**ratings: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": list(ratings),
            "domain": ["code" if name.startswith("code") else "web" for name in ratings],
            "quality": pl.Series(list(ratings.values()), dtype=pl.Float32),
        }
    )


def test_a_band_begins_with_its_rating_and_the_first_has_those_without_one() -> None:
    table = documents(a=0.1, b=0.5, c=0.95, none=None, code=0.95, odd=float("nan"), d=float("inf"))
    made = dict(banded(table, {"web": WEB}).iter_rows())
    assert made == {
        **{"a": "web/1", "b": "web/2", "c": "web/3", "none": "web/1", "code": None},
        **{"odd": "web/1", "d": "web/3"},
    }
    assert WEB.names("web") == ["web/1", "web/2", "web/3"]
    with pytest.raises(ValidationError, match="rise from one to the next"):
        Bands(by="quality", at=(0.9, 0.4))


@given(st.lists(st.floats(0, 1, width=32), min_size=1), st.sets(st.floats(0, 1, width=32)))
def test_bands_are_those_that_are_counted_one_by_one(ratings: list[float], at: set[float]) -> None:
    bounds = sorted(at) or [0.5]
    table = documents(**{f"d{number}": rating for number, rating in enumerate(ratings)})
    found = banded(table, {"web": Bands(by="quality", at=tuple(bounds))})["band"].to_list()
    assert found == [f"web/{1 + sum(each >= bound for bound in bounds)}" for each in ratings]


def judged(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(
        source=pl.lit("pages"),
        kind=pl.lit("prose"),
        reason=pl.lit(None, pl.String),
        characters=pl.lit(9, pl.UInt32),
        utf8_bytes=pl.lit(9, pl.UInt32),
        date=pl.lit(None, pl.String),
    )


def test_decisions_say_the_band() -> None:
    table = documents(**{f"d{number}": number / 20 for number in range(20)}, code=0.5)
    clusters = pl.DataFrame(schema={"id": pl.String, "kept": pl.Boolean})
    plain = curate(judged(table), clusters, maximum_repeated=1.0)["decisions"]
    made = curate(judged(table), clusters, maximum_repeated=1.0, bands={"web": WEB})["decisions"]
    assert plain.schema == DECISIONS, "without bands nothing is another"
    assert made.drop("band").equals(plain)
    assert made["band"].to_list() == banded(table, {"web": WEB})["band"].to_list()


def test_problems_of_bands() -> None:
    view = View(sources={"pages": "web", "pairs": "qa"}, synthetic={"made": "qa"})
    told: dict[Any, str] = dict(
        problems(
            CurationPolicy(),
            {},
            default_duplicates(),
            None,
            view,
            {"wbe": WEB, "qa": WEB, "web": WEB},
        )
    )
    assert told[("bands", "wbe")].endswith("did you mean 'web'?")
    assert told[("bands", "qa")].startswith("synthesis feeds it too")
    assert told[("bands", "web", "by")].startswith("no rater 'quality' is declared")


def test_mixtures_weigh_bands_in_place_of_their_domain() -> None:
    view = View(sources={"pages": "web", "code": "code"}, bands={"web": WEB.names("web")})
    assert view.trained_on == {"web/1", "web/2", "web/3", "code"}
    assert view.domain_of_band["web/2"] == "web"
