from typing import Any

from midtrain_dagster.display.blocks import Table
from midtrain_dagster.tokens.report_section import BY_DOMAIN, report_section, tokens_by_domain


def test_tokens_by_domain_are_all_tokens_of_the_shards(tiny_run: Any) -> None:
    shards = tiny_run["token_shards"]
    found = tokens_by_domain(shards)
    assert found.schema == BY_DOMAIN
    assert found["domain"].to_list() == ["mathematics", "qa", "web", "wikipedia"]
    counted = found.drop("domain").sum().row(0, named=True)
    train, held_out = (shards.read(f"{split}_index") for split in ("train", "held_out"))
    assert counted == {
        "documents": train.height,
        "tokens": train["length"].sum(),
        "held_out_documents": held_out.height,
        "held_out_tokens": held_out["length"].sum(),
    }
    assert counted["tokens"] + counted["held_out_tokens"] == shards.tokens


def test_section_has_a_row_for_each_domain(tiny_run: Any) -> None:
    (table,) = report_section(tiny_run["token_shards"]).blocks
    assert isinstance(table, Table)
    assert len(table.rows) == 4
    assert all(len(row) == len(table.columns) for row in table.rows)
