from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.display.blocks import Table, Text
from midtrain_dagster.mixture.proposal_tables import GAIN, better, overall
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.mixture.report_proposal import blocks
from midtrain_dagster.mixture.report_section import report_section
from tests.midtrain_dagster.mixture.methods.test_proposed import proposed, swarm


@pytest.fixture
def found(store: ArtifactStore) -> FoundMixture:
    """A proposal of a swarm in which proxy 3 failed."""
    tables = swarm()
    lost = pl.when(pl.col("proxy") == 3).then(pl.lit("loss is NaN"))
    tables["proxies"] = tables["proxies"].with_columns(failed=lost)
    made = proposed(tables, ceilings={"web": 0.5}, max_epochs=2, kl_weight=0.0)
    parts = [write_output(store.storage, "parts/x", name, each) for name, each in made.items()]
    return FoundMixture(store.make("mixture", {}, None, {}, lambda _: (parts, {})))


def texts(made: Any) -> list[str]:
    return [each.content for each in made if isinstance(each, Text)]


def test_domains_stand_with_their_bounds_and_what_was_delivered(found: FoundMixture) -> None:
    given = pl.DataFrame({"domain": ["web", "code"], "delivered": [0.25, 0.75]})
    table, *others = blocks(found, {"annealed": given})
    assert isinstance(table, Table)
    assert [head.title for head in table.columns] == [
        "Domain",
        "Prior",
        "Allowed",
        "Proposed",
        "Given to annealed",
    ]
    web, code, math = table.rows
    assert (web[2], web[4]) == ("0% to 50%", "25%")
    assert (code[2], code[4]) == ("0% to 60% by its tokens", "75%")
    assert (math[1], math[4]) == ("10%", "\N{EN DASH}")
    assert texts(others)[0].startswith("No mixture within the constraints is better")
    assert texts(others)[-1] == "Proxies that were left out, by number: 3 (failed: loss is NaN)."


def test_section_says_whether_the_proposal_is_better(found: FoundMixture) -> None:
    given = pl.DataFrame({"domain": ["web"], "delivered": [1.0]})
    section = report_section({"best": found}, {"best": {"annealed": given}})
    tables = [each for each in section.blocks if isinstance(each, Table)]
    assert any(column.title == "Given to annealed" for each in tables for column in each.columns)


def test_overall_says_what_the_interval_says() -> None:
    row = {
        "target": "objective",
        "unit": "nats a token",
        "weight": 1.0,
        "at_prior": 2.0,
        "at_proposal": 1.9,
        "difference": -0.1,
        "low": -0.3,
        "high": 0.1,
        "better": "undecided",
    }
    assert overall(pl.DataFrame([row], GAIN)) == (
        "not better than the prior beyond the error: undecided (-0.1000, from -0.3000 to +0.1000 "
        "nats a token, by the law's prediction)"
    )


def test_better_is_beyond_the_interval_alone() -> None:
    assert better(-0.1, -0.2, -0.01) == "yes"
    assert better(-0.1, -0.3, 0.1) == "undecided"
    assert better(0.1, -0.3, 0.4) == "no"
