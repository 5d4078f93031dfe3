import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from midtrain_dagster.collection.files import list_files, units
from midtrain_dagster.collection.pieces import pieces
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.source_file import local_file

ReadWhole = Callable[..., Any]
SOURCE = TypeAdapter(Source)
LINES = SOURCE.validate_python(
    {"reader": "json_lines", "paths": ["*"], "domain": "web", "kind": "prose"}
)


def rows(read_whole: ReadWhole, source: Any, bundles: list[Any]) -> tuple[list[Any], list[Any]]:
    """Documents and rejections of several units."""
    read = [read_whole("web", source, bundle, max_document_bytes=2000) for bundle in bundles]
    documents = [row for tables in read for row in tables["documents"].rows()]
    return documents, [row for tables in read for row in tables["rejections"].rows()]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"", b"{broken", b'{"text": "' + b"y" * 90 + b'"}', b'{"text": "z"}\r']),
        max_size=40,
    ),
    st.booleans(),
    st.integers(1, 400),
)
def test_lines_in_pieces_are_the_lines(
    tmp_path_factory: pytest.TempPathFactory,
    read_whole: ReadWhole,
    lines: list[bytes],
    ended: bool,
    target: int,
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "a.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n" * ended)
    file = local_file("a.jsonl", path)
    cut = pieces(LINES, file, target)
    assert rows(read_whole, LINES, [[each] for each in cut]) == rows(read_whole, LINES, [[file]])
    assert sum(each.bytes for each in cut) == file.bytes
    if len(cut) > 1:
        assert max(each.bytes for each in cut) < target + 105


def test_a_piece_is_known_by_its_own_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"line {n}"}) + "\n" for n in range(100)))
    before = pieces(LINES, local_file("a.jsonl", path), 300)
    with path.open("a") as handle:
        handle.write('{"text": "one more"}\n')
    after = pieces(LINES, local_file("a.jsonl", path), 300)
    assert len(before) > 3
    assert [each.cause for each in after][: len(before) - 1] == [e.cause for e in before[:-1]]
    assert after[len(before) - 1].cause != before[-1].cause


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_is_packed_is_one_piece(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(b"packed\n" * 100)
    file = local_file(path.name, path)
    assert pieces(LINES, file, 10) == [file]


@pytest.fixture
def parquet(source: Callable[..., Any]) -> Any:
    return source(reader="parquet", paths=["a.parquet"], keep=["n"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    texts = [f"{number} " + "x" * (number % 50) for number in range(1000)]
    table = pa.table({"n": range(1000), "text": texts})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100, compression=None)
    return tmp_path / "a.parquet"


@pytest.mark.parametrize(("target", "count"), [(1, 10), (8000, 5), (2**20, 1)])
def test_row_groups_are_packed_into_pieces(
    path: Path, parquet: Any, read_whole: ReadWhole, target: int, count: int
) -> None:
    (file,) = list_files("web", parquet, path.parent)
    cut = pieces(parquet, file, target)
    assert len(cut) == count
    whole = rows(read_whole, parquet, [[file]])
    assert rows(read_whole, parquet, [[each] for each in cut]) == whole
    assert len({json.dumps(each.model_dump()["piece"]) for each in cut}) == count


def test_a_file_without_the_columns_is_rejected_once(
    path: Path, source: Callable[..., Any], read_whole: ReadWhole
) -> None:
    section = source(reader="parquet", paths=["a.parquet"], keep=["absent"])
    (file,) = list_files("web", section, path.parent)
    cut = pieces(section, file, 1)
    documents, rejections = rows(read_whole, section, [[each] for each in cut])
    assert not documents
    assert [row[2] for row in rejections] == ["missing_key"]


def test_a_broken_file_is_left_to_its_reader(path: Path, parquet: Any) -> None:
    path.write_bytes(path.read_bytes()[:-20])
    (file,) = list_files("web", parquet, path.parent)
    assert pieces(parquet, file, 1) == [file]


def test_units_of_a_large_file(path: Path, parquet: Any) -> None:
    files = list_files("web", parquet, path.parent)
    assert len(units(parquet, files, 8000)) == 5
    assert units(parquet, files, 2**20) == [files]
    assert units(parquet.model_copy(update={"take": 3}), files, 8000) == [files]
