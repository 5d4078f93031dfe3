from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midtrain_dagster.collection.read import read
from midtrain_dagster.collection.units import units
from midtrain_dagster.core.in_place import InPlace, scan_in_place
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.core.storage import StorageError

TEXTS = [f"document {number} " + "é" * (number % 90) for number in range(400)]
LIMITS = {"part_bytes": 2**20, "max_document_bytes": 1000}

Write = Callable[..., Path]
Documents = Callable[..., Sequence[Any]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, texts: Any, rows: int = 100, **others: Any) -> Path:
        table = pa.table({"text": texts, **others})
        pq.write_table(table, tmp_path / name, row_group_size=rows)
        return tmp_path / name

    return write


@pytest.fixture
def documents(tmp_path: Path, source: Callable[..., Any]) -> Documents:
    """The parts of the documents of the test's folder."""

    def documents(part_bytes: int = 2**20, **fields: Any) -> list[pl.DataFrame | InPlace]:
        section = source(reader="parquet", paths=["*.parquet"], **fields)
        files = section.list_files("web", tmp_path)
        outputs = read("web", section, files, **{**LIMITS, "part_bytes": part_bytes})
        return [output for name, output in outputs if name == "documents"]

    return documents


def lazily(part: InPlace, folder: Path) -> pl.LazyFrame:
    """The part as from a store: its text is in the source's file only."""
    part.table.drop("text").write_parquet(folder / "stored")
    return scan_in_place(pl.scan_parquet(folder / "stored"), part.text_from, "parts/x")


def test_parts_read_from_the_source_are_what_was_collected(
    write: Write, documents: Documents, tmp_path: Path
) -> None:
    write("a.parquet", TEXTS, url=[f"u{number}" for number in range(400)])
    parts = documents(part_bytes=40_000, keep=["url"])
    assert len(parts) > 2
    for part in parts:
        assert isinstance(part, InPlace)
        assert lazily(part, tmp_path).collect().equals(part.table)
        assert lazily(part, tmp_path).collect_schema() == DOCUMENTS
    assert [text for part in parts for text in part.table["text"]] == TEXTS


def test_parts_of_several_files_refer_to_each(
    write: Write, documents: Documents, tmp_path: Path
) -> None:
    for name in ("a.parquet", "b.parquet"):
        write(name, TEXTS[:10], rows=4)
    (part,) = documents()
    assert [Path(each.uri).name for each in part.text_from] == ["a.parquet", "b.parquet"]
    assert lazily(part, tmp_path).collect()["text"].to_list() == TEXTS[:10] * 2


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_strings_stay_where_they_are(write: Write, documents: Documents, kind: Any) -> None:
    write("a.parquet", pa.array(TEXTS, kind))
    assert [type(part) for part in documents()] == [InPlace]


@pytest.mark.parametrize(
    "texts",
    [
        pa.array(["one", "two\r\n", "three"]),
        pa.array(["one", None, "three"]),
        pa.array(["one", "  ", "three"]),
        pa.array(["one", "x" * 1001, "three"]),
        pa.array([b"one", b"\xff", b"three"], pa.binary()),
        pa.array([b"one", b"two"], pa.binary()),
        pa.array(["one", "two"]).dictionary_encode(),
    ],
)
def test_texts_that_are_changed_or_rejected_or_no_string_are_copied(
    write: Write, documents: Documents, texts: pa.Array
) -> None:
    write("a.parquet", texts)
    (part,) = documents()
    assert isinstance(part, pl.DataFrame)
    assert part["text"].null_count() == 0


def test_parts_without_the_change_are_not_copied(write: Write, documents: Documents) -> None:
    write("a.parquet", [*TEXTS[:250], "cr\r\nlf", *TEXTS[250:]])
    parts = documents(part_bytes=40_000)
    copied = [part for part in parts if isinstance(part, pl.DataFrame)]
    assert len(parts) > 2
    assert len(copied) == 1
    assert "cr\nlf" in copied[0]["text"]


def test_samples_are_copied(write: Write, documents: Documents) -> None:
    write("a.parquet", TEXTS)
    (part,) = documents(take=400)
    assert isinstance(part, pl.DataFrame)


def test_row_groups_far_larger_than_a_part_are_copied(write: Write, documents: Documents) -> None:
    write("a.parquet", TEXTS, rows=400)
    assert all(isinstance(part, pl.DataFrame) for part in documents(part_bytes=2000))
    assert all(isinstance(part, InPlace) for part in documents(part_bytes=20_000))


def test_parts_may_refer_to_an_object_store(
    write: Write, source: Callable[..., Any], s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    put = {"Bucket": "midtrain", "Key": "corpus/a.parquet"}
    client.put_object(**put, Body=write("a.parquet", TEXTS).read_bytes())
    section = source(reader="parquet", paths=["s3://midtrain/corpus"])
    files = section.list_files("web", "/nowhere")
    (unit,) = units(section, files, 2**20)
    assert len(units(section, files, 4000)) == 4
    part, *_ = (output for _, output in read("web", section, unit, **LIMITS))
    assert isinstance(part, InPlace)
    (reference,) = part.text_from
    assert reference.uri == "s3://midtrain/corpus/a.parquet"
    assert reference.is_there
    assert reference.read("parts/x").to_pylist() == TEXTS
    client.put_object(**put, Body=write("a.parquet", [*TEXTS[:-1], "another"]).read_bytes())
    with pytest.raises(StorageError, match=r"s3://midtrain/corpus/a\.parquet has changed"):
        reference.read("parts/x")
    client.delete_object(**put)
    assert not reference.is_there
    with pytest.raises(StorageError, match=r"s3://midtrain/corpus/a\.parquet cannot be read"):
        reference.read("parts/x")


def test_sources_are_read_for_their_text_only(
    write: Write, documents: Documents, tmp_path: Path
) -> None:
    path = write("a.parquet", TEXTS)
    (part,) = documents()
    frame = lazily(part, tmp_path)
    third = pl.col("id") == part.table["id"][2]
    assert frame.filter(third).select("text").collect().item() == TEXTS[2]
    assert frame.filter(pl.col("text") == TEXTS[2]).select("locator").collect().item()
    assert frame.head(3).select("text", "id").collect()["text"].to_list() == TEXTS[:3]
    assert frame.tail(1).collect()["text"].to_list() == TEXTS[-1:]
    path.unlink()
    assert frame.select("locator", "id").filter(third).collect().height == 1
    assert frame.select(pl.len()).collect().item() == 400
    with pytest.raises(StorageError, match=r"a\.parquet cannot be read .* parts/x"):
        frame.select("text").collect()
