from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.collection.tables import Tables
from midtrain_dagster.core.schema import DOCUMENTS, REJECTIONS

CONSTANTS = {"source": "web", "domain": "web", "kind": "prose", "language": None}


def row(text: str) -> tuple[str, ...]:
    return (text[:8], text, "plain", "a.txt", "{}")


@settings(max_examples=50)
@given(st.lists(st.integers(0, 3000), max_size=40))
def test_tables_hold_every_row_once_within_their_size(sizes: list[int]) -> None:
    texts = [f"{number:06d}" + "x" * size for number, size in enumerate(sizes)]
    tables = Tables(DOCUMENTS, CONSTANTS, 4000)
    full = [tables.add(row(text), len(text)) for text in texts]
    made = [table for table in (*full, *tables.rest()) if table is not None]
    assert pl.concat(made)["text"].to_list() == texts
    assert all(table.schema == DOCUMENTS for table in made)
    for table in made:
        assert table.height == 1 or table["text"].str.len_bytes().sum() <= 4000
    for table, following in pairwise(made):
        together = pl.concat([table, following.head(1)])["text"].str.len_bytes()
        assert together.sum() + 256 * len(together) > 4000


def test_constants_stand_in_every_row() -> None:
    tables = Tables(DOCUMENTS, CONSTANTS, 1)
    assert tables.add(row("one"), 3) is None
    made = [tables.add(row("two"), 3), *tables.rest()]
    assert [table["text"].to_list() for table in made] == [["one"], ["two"]]
    assert {table["source"].item() for table in made} == {"web"}
    assert {table["language"].item() for table in made} == {None}


def test_tables_of_no_row_are_one_empty_table() -> None:
    (table,) = Tables(REJECTIONS, {"source": "web"}, 1000).rest()
    assert table.is_empty()
    assert table.schema == REJECTIONS
