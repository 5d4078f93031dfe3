import polars as pl

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.display.blocks import Stack, Table
from midtrain_dagster.mixture.reference import WEIGHTS, FoundMixture
from midtrain_dagster.mixture.report_section import report_section


def found(store: ArtifactStore, name: str, shares: dict[str, float]) -> FoundMixture:
    rows = [(domain, share, 1_000) for domain, share in shares.items()]
    table = pl.DataFrame(rows, schema=WEIGHTS, orient="row")
    part = write_output(store.storage, f"parts/{name}", "weights", table)
    return FoundMixture(store.make("mixture", {}, name, {}, lambda _: ([part], {})))


def test_found_mixtures_stand_beside_each_other(store: ArtifactStore) -> None:
    made = report_section(
        {
            "by_size": found(store, "by_size", {"web": 0.25, "code": 0.75}),
            "flat": found(store, "flat", {"web": 1.0}),
        }
    )
    (table,) = made.blocks
    assert isinstance(table, Table)
    assert [column.title for column in table.columns] == ["Domain", "by size", "flat"]
    assert [row[0].text for row in table.rows] == ["code", "web"]
    assert table.rows[1][1] == Stack(("25%", "of 1,000 tokens"))
    assert table.rows[0][2] == "\N{EN DASH}"
