"""Keys lead into objects and lists, in JSON and in tables alike."""

import io
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midtrain_dagster.collection.row_values import (
    MISSING,
    Unwritable,
    array_at,
    keys_of,
    place_of,
    value_at,
    values_of,
)

ROWS: list[dict[str, Any]] = [
    {"data": {"text": "a", "some": [{"t": "p"}, {"t": "q"}]}, "lists": [["u"]], "a.b": 1},
    {"data": None, "lists": [], "a.b": 2},
    {"data": {"text": None, "some": []}, "lists": None, "a.b": 3},
    {"data": {"text": "z", "some": None}, "lists": [["v", "w"], ["y"]], "a.b": 4},
]
EXPECTED = {
    "data.text": ["a", None, None, "z"],
    "data.some.1.t": ["q", None, None, None],
    "lists.0.0": ["u", None, None, "v"],
    "lists.1": [None, None, None, ["y"]],
    "a.b": [1, 2, 3, 4],
}


@pytest.mark.parametrize("key", EXPECTED)
def test_keys_lead_to_the_same_values_in_objects_and_in_tables(key: str) -> None:
    found = [value_at(row, key) for row in ROWS]
    assert [None if value is MISSING else value for value in found] == EXPECTED[key]
    stored = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), stored)
    file = pq.ParquetFile(stored)
    place = place_of(file.schema_arrow, key)
    assert place is not None
    (batch,) = file.iter_batches(columns=[place.projection])
    assert array_at(batch, place).to_pylist() == EXPECTED[key]
    assert place.is_column == (key == "a.b")


def test_only_what_is_named_of_a_struct_is_read() -> None:
    schema = pa.Table.from_pylist(ROWS).schema
    place = place_of(schema, "data.text")
    assert place is not None
    assert place.projection == "data.text"
    assert keys_of(schema) == ["data.text", "data.some", "lists", "a.b"]


@pytest.mark.parametrize("key", ["none", "data.none", "data.0", "lists.x", "a", "a.b.c", ""])
def test_keys_that_lead_nowhere(key: str) -> None:
    assert place_of(pa.Table.from_pylist(ROWS).schema, key) is None
    assert value_at(ROWS[0], key) is MISSING


def test_values_that_are_none_in_python_are_told_and_identifiers_are_read() -> None:
    unknown = pa.array([0, None], pa.timestamp("us", "Mars/Phobos"))
    wrong, none = values_of(unknown)
    assert isinstance(wrong, Unwritable)
    assert (wrong.reason, none) == ("invalid_value", None)
    identifier = UUID("12345678-1234-5678-1234-567812345678")
    assert values_of(pa.array([identifier.bytes], pa.uuid())) == [identifier]
