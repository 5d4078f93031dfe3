import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.source_file import SourceFile, local_file

ROWS = 3000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = pa.table(
        {
            "text": [f"document {number}" for number in range(ROWS)],
            "url": [f"u{number}" for number in range(ROWS)],
            "score": [float("nan") if number == 1 else number / 2 for number in range(ROWS)],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1000)
    return tmp_path / "a.parquet"


def test_rows_are_documents(path: Path, collect: Callable[..., Any]) -> None:
    collected = collect(reader="parquet", paths=["a.parquet"], keep=["url", "score"])
    assert collected.documents.height == ROWS - 1
    assert collected.texts["a.parquet:2999"] == "document 2999"
    assert collected.documents["metadata"][0] == '{"score": 0.0, "url": "u0"}'
    assert collected.reasons == {"a.parquet:1": "invalid_json"}  # JSON knows no NaN


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.binary()])
def test_rows_hold_strings_of_any_kind(
    tmp_path: Path, collect: Callable[..., Any], kind: pa.DataType
) -> None:
    column = pa.array([b"cr\r\nlf", None, b""], pa.binary()).cast(kind)
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    collected = collect(reader="parquet", paths=["a.parquet"])
    assert collected.texts == {"a.parquet:0": "cr\nlf"}
    assert collected.reasons == {"a.parquet:1": "empty", "a.parquet:2": "empty"}


def test_rows_of_a_dictionary_are_decoded(tmp_path: Path, collect: Callable[..., Any]) -> None:
    column = pa.array(["otter", "seal", "otter"]).dictionary_encode()
    pq.write_table(pa.table({"body": column}), tmp_path / "a.parquet")
    collected = collect(reader="parquet", paths=["a.parquet"], text="body", keep=["body"])
    assert list(collected.texts.values()) == ["otter", "seal", "otter"]
    assert collected.documents["id"].n_unique() == 3


def test_rows_that_are_not_utf8_are_rejected(tmp_path: Path, collect: Callable[..., Any]) -> None:
    data = pa.array([b"good", b"bad \xff"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), len(data), data.buffers())
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    collected = collect(reader="parquet", paths=["a.parquet"])
    assert collected.texts == {"a.parquet:0": "good"}
    assert collected.reasons == {"a.parquet:1": "invalid_encoding"}
    assert "at byte 4 of the value" in collected.detail("a.parquet:1")


def test_files_that_are_truncated_are_rejected_whole(
    path: Path, collect: Callable[..., Any]
) -> None:
    path.write_bytes(path.read_bytes()[:-20])
    collected = collect(reader="parquet", paths=["a.parquet"])
    assert collected.documents.is_empty()
    assert collected.reasons == {"a.parquet": "unreadable_file"}


def test_rows_before_a_corrupt_page_stay(path: Path, collect: Callable[..., Any]) -> None:
    group = pq.ParquetFile(path).metadata.row_group(2).column(0)
    start = group.dictionary_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + group.total_compressed_size] = b"\xee" * group.total_compressed_size
    path.write_bytes(data)
    collected = collect(reader="parquet", paths=["a.parquet"])
    assert collected.reasons == {"a.parquet:2000": "unreadable_rows"}
    assert collected.documents.height == 2000
    assert "1000 rows from row 2000 on" in collected.detail("a.parquet:2000")


@pytest.mark.parametrize(
    ("text", "keep", "reason", "detail"),
    [
        ("body", [], "missing_key", r"no column ['body']; there are ['text', 'url', 'score']"),
        ("text", ["date"], "missing_key", "no column ['date']"),
        ("score", [], "not_text", "column 'score' holds double"),
    ],
)
def test_files_without_the_columns_are_rejected(
    path: Path, collect: Callable[..., Any], text: str, keep: list[str], reason: str, detail: str
) -> None:
    collected = collect(reader="parquet", paths=["a.parquet"], text=text, keep=keep)
    assert collected.reasons == {"a.parquet": reason}
    assert detail in collected.detail("a.parquet")


def test_tables_without_rows_have_no_documents(tmp_path: Path, collect: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert collect(reader="parquet", paths=["a.parquet"]).documents.is_empty()


def test_metadata_has_url_and_date_by_their_own_names(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    day = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    table = {"text": ["a"], "uri": ["https://example.org"], "seen": [day]}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    fields = {"url": "uri", "date": "seen", "keep": ["uri"]}
    documents = collect(reader="parquet", paths=["a.parquet"], **fields).documents
    assert json.loads(documents["metadata"].item()) == {
        "url": "https://example.org",
        "date": "2024-02-29 12:30:00+00:00",
        "uri": "https://example.org",
    }


@pytest.fixture
def groups(tmp_path: Path) -> SourceFile:
    """A file of ten row groups."""
    texts = [f"{number} " + "x" * (number % 50) for number in range(1000)]
    table = pa.table({"n": range(1000), "text": texts})
    pq.write_table(table, tmp_path / "groups.parquet", row_group_size=100, compression=None)
    return local_file("groups.parquet", tmp_path / "groups.parquet")


@pytest.mark.parametrize(("target", "count"), [(1, 10), (8000, 5), (2**20, 1)])
def test_pieces_are_runs_of_row_groups(
    groups: SourceFile,
    source: Callable[..., Any],
    rows: Callable[..., Any],
    target: int,
    count: int,
) -> None:
    section = source(reader="parquet", paths=["*"], keep=["n"])
    cut = section.pieces(groups, target)
    assert len(cut) == count
    assert rows(section, [[each] for each in cut]) == rows(section, [[groups]])
    assert len({cause(each) for each in cut}) == count


def test_pieces_of_a_file_without_the_columns_are_rejected_once(
    groups: SourceFile, source: Callable[..., Any], rows: Callable[..., Any]
) -> None:
    section = source(reader="parquet", paths=["*"], keep=["absent"])
    documents, rejections = rows(section, [[each] for each in section.pieces(groups, 1)])
    assert not documents
    assert [row[2] for row in rejections] == ["missing_key"]


def test_pieces_of_a_broken_file_are_left_to_be_read(
    groups: SourceFile, source: Callable[..., Any]
) -> None:
    path = Path(groups.uri)
    path.write_bytes(path.read_bytes()[:-20])
    assert source(reader="parquet", paths=["*"]).pieces(groups, 1) == [groups]


def test_members_of_structs_are_reached_by_dots_and_their_text_is_copied(
    tmp_path: Path, collect: Callable[..., Any], source: Callable[..., Any]
) -> None:
    rows = [
        {"data": {"content": f"document {n}", "more": "x" * n}, "meta": {"id": n, "tags": ["t"]}}
        for n in range(30)
    ]
    rows += [{"data": None, "meta": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=10)
    fields = {
        "reader": "parquet",
        "paths": ["a.parquet"],
        "text": "data.content",
        "keep": ["meta.id", "meta.tags.0"],
    }
    collected = collect(**fields)
    assert collected.texts == {f"a.parquet:{n}": f"document {n}" for n in range(30)}
    assert json.loads(collected.documents["metadata"][7]) == {"meta.id": 7, "meta.tags.0": "t"}
    assert collected.reasons == {"a.parquet:30": "empty"}
    section = source(**fields)
    file = local_file("a.parquet", tmp_path / "a.parquet")
    assert section.in_place([file], collected.documents, 2**20) is None
    assert len(section.pieces(file, 100)) == 4
    missing = collect(**(fields | {"text": "data.body"}))
    assert missing.reasons == {"a.parquet": "missing_key"}
    assert "'data.content', 'data.more', 'meta.id'" in missing.detail("a.parquet")
    assert collect(**(fields | {"text": "data"})).reasons == {"a.parquet": "not_text"}


def test_rows_hold_conversations_without_the_nulls_of_other_rows(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    call = {"function": {"name": "f", "arguments": {"x": 1, "y": None}}}
    messages = [
        {"role": "user", "content": "Go.", "tool_calls": None},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    rows = [{"data": {"messages": messages, "tools": '[{"name": "f"}]'}}, {"data": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    fields = {"reader": "parquet", "paths": ["a.parquet"], "kind": "agent"}
    collected = collect(**fields, messages={"turns": "data.messages", "tools": "data.tools"})
    assert collected.texts == {
        "a.parquet:0": 'user: Go.\n\nassistant calls f: {"x": 1}\n\ntools: [{"name": "f"}]'
    }
    assert collected.documents["format"].to_list() == ["chat"]
    assert collected.reasons == {"a.parquet:1": "not_messages"}
    assert collect(**fields).reasons == {"a.parquet": "missing_key"}


@pytest.mark.parametrize(
    "kind",
    [pa.binary(), pa.large_binary(), pa.binary_view(), pa.string_view(), pa.large_string()],
    ids=str,
)
def test_text_of_any_arrow_type_is_read(
    tmp_path: Path, collect: Callable[..., Any], kind: pa.DataType
) -> None:
    texts = pa.array(["sea otter \u00e9", None, "kelp"]).cast(kind)
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    assert pq.read_schema(tmp_path / "a.parquet").field(0).type == kind
    collected = collect(reader="parquet", paths=["a.parquet"])
    assert collected.documents["text"].to_list() == ["sea otter \u00e9", "kelp"]
    assert collected.reasons == {"a.parquet:1": "empty"}


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0, 2**62, 1], pa.timestamp("us")),
        pa.array([0, 2**62, 1], pa.duration("s")),
        pa.array([0, 2**31 - 1, 1], pa.date32()),
        pa.array([{"x": 0}, {"x": 2**62}, {"x": 1}], pa.struct([("x", pa.timestamp("ms"))])),
    ],
    ids=lambda values: str(values.type),
)
def test_a_value_that_python_does_not_have_costs_its_row(
    tmp_path: Path, collect: Callable[..., Any], values: pa.Array
) -> None:
    table = pa.table({"text": ["a", "b", "c"], "when": values})
    pq.write_table(table, tmp_path / "a.parquet")
    collected = collect(reader="parquet", paths=["a.parquet"], keep=["when"])
    assert collected.texts == {"a.parquet:0": "a", "a.parquet:2": "c"}
    assert collected.reasons == {"a.parquet:1": "invalid_value"}


def test_times_are_those_of_microseconds(tmp_path: Path, collect: Callable[..., Any]) -> None:
    table = pa.table({"text": ["a"], "when": pa.array([1_000_000_001_999], pa.timestamp("ns"))})
    pq.write_table(table, tmp_path / "a.parquet")
    collected = collect(reader="parquet", paths=["a.parquet"], keep=["when"])
    assert json.loads(collected.documents["metadata"].item()) == {
        "when": "1970-01-01 00:16:40.000001"
    }


def test_a_name_of_several_columns_is_told_where_it_is_needed(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    columns = [pa.array(["a"]), pa.array(["b"]), pa.array(["c"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "x", "x"]), tmp_path / "a.parquet")
    assert collect(reader="parquet", paths=["a.parquet"]).texts == {"a.parquet:0": "a"}
    collected = collect(reader="parquet", paths=["a.parquet"], text="x")
    assert "'x' is the name of several columns" in collected.detail("a.parquet")


def test_a_damaged_row_group_costs_its_rows(path: Path, collect: Callable[..., Any]) -> None:
    group = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = group.dictionary_page_offset
    data[start : start + group.total_compressed_size] = b"\xee" * group.total_compressed_size
    path.write_bytes(data)
    collected = collect(reader="parquet", paths=["a.parquet"])
    rows = [*range(1000), *range(2000, 3000)]
    assert collected.documents["text"].to_list() == [f"document {row}" for row in rows]
    assert collected.reasons == {"a.parquet:1000": "unreadable_rows"}


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "the file is empty"), (b"ARROW1\0\0" + bytes(90), "Arrow IPC")]
)
def test_what_is_no_parquet_is_named(
    tmp_path: Path, collect: Callable[..., Any], data: bytes, said: str
) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    collected = collect(reader="parquet", paths=["a.parquet"])
    assert said in collected.detail("a.parquet")


def test_a_file_that_is_gone_stops_the_reading(path: Path, source: Callable[..., Any]) -> None:
    section = source(reader="parquet", paths=[str(path)])
    (file,) = section.list_files("web", path.parent)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        list(section.records_of(file, 1000))
