from typing import Any

import polars as pl

from midtrain_dagster.core.parts import write_output
from midtrain_dagster.display.blocks import Table, Text
from midtrain_dagster.display.numbers import count
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
        "unique_tokens": train["length"].sum(),
        "held_out_documents": held_out.height,
        "held_out_tokens": held_out["length"].sum(),
    }
    assert counted["tokens"] + counted["held_out_tokens"] == shards.tokens


def test_section_has_a_row_for_each_domain(tiny_run: Any) -> None:
    shards = tiny_run["token_shards"]
    table, words = report_section(shards).blocks
    assert isinstance(table, Table) and isinstance(words, Text)
    assert len(table.rows) == 5
    assert len({column.title for column in table.columns}) == len(table.columns)
    assert str(words.content).startswith(f"The shards hold {count(shards.tokens)} tokens")
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_repeated_document_is_counted_once_among_the_unique_tokens(
    store: Any,
) -> None:
    index = {"id": ["a", "a#2", "b"], "domain": ["web"] * 3, "length": [30, 30, 5]}

    def build(fingerprint: str) -> Any:
        tables = {"train_index": pl.DataFrame(index), "held_out_index": pl.DataFrame(index).clear()}
        folder = f"parts/token_shards/{fingerprint}"
        return [write_output(store.storage, folder, *each) for each in tables.items()], {}

    (row,) = tokens_by_domain(store.make("token_shards", {}, None, {}, build)).to_dicts()
    assert (row["documents"], row["tokens"], row["unique_tokens"]) == (3, 65, 35)
