from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.display.blocks import Stack, Table
from midtrain_dagster.display.numbers import count, share
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.mixture.report_section import report_section


def only_web(weights: pl.DataFrame, store: ArtifactStore) -> FoundMixture:
    """A mixture of one domain of another's."""
    part = write_output(store.storage, "parts/web", "weights", weights.filter(domain="web"))
    return FoundMixture(store.make("mixture", {}, None, {}, lambda _: ([part], {})))


def test_found_mixtures_stand_beside_each_other(tiny_run: Any, store: ArtifactStore) -> None:
    flattened = FoundMixture(tiny_run["mixture/flattened"])
    weights = flattened.artifact.read("weights").sort("domain")
    made = report_section({"flattened": flattened, "only_web": only_web(weights, store)})
    (table,) = made.blocks
    assert isinstance(table, Table)
    assert [column.title for column in table.columns] == ["Domain", "flattened", "only web"]
    assert [row[0].text for row in table.rows] == ["mathematics", "web"]
    assert table.rows[0][2] == "\N{EN DASH}" and table.rows[1][1] == table.rows[1][2]
    for row, (_, part, tokens) in zip(table.rows, weights.iter_rows(), strict=True):
        assert row[1] == Stack((share(part), f"of {count(tokens)} tokens to train on"))
