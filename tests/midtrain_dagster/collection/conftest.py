"""What the reader tests share: a source written as a recipe would, read from a temporary folder."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import TypeAdapter

from midtrain_dagster.collection.read import read
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.in_place import InPlace
from midtrain_dagster.core.parts import Work, do_work

SOURCE = TypeAdapter(Source)


def read_whole(*arguments: Any, part_bytes: int = 2**20, **named: Any) -> dict[str, pl.DataFrame]:
    """What one unit of files gives, all its parts as one, wherever their text lies."""
    tables: dict[str, list[pl.DataFrame]] = {"documents": [], "rejections": [], "outcomes": []}
    for name, output in read(*arguments, part_bytes=part_bytes, **named):
        tables[name].append(output.table if isinstance(output, InPlace) else output)
    return {name: pl.concat(parts) for name, parts in tables.items()}


class Collected:
    """The tables of one source, and what the tests ask of them."""

    def __init__(self, tables: dict[str, pl.DataFrame]):
        self.documents = tables["documents"]
        self.rejections = tables["rejections"]

    @property
    def texts(self) -> dict[str, str]:
        return dict(self.documents.select("locator", "text").iter_rows())

    @property
    def reasons(self) -> dict[str, str]:
        return dict(self.rejections.select("locator", "reason").iter_rows())

    def detail(self, locator: str) -> str:
        return self.rejections.filter(pl.col("locator") == locator)["detail"].item()


@pytest.fixture(scope="session", name="read_whole")
def read_whole_fixture() -> Callable[..., dict[str, pl.DataFrame]]:
    """Read one unit of files, as one table of documents and one of rejections."""
    return read_whole


@pytest.fixture(scope="session")
def rows() -> Callable[..., tuple[list[Any], list[Any]]]:
    """Documents and rejections of several units, as rows."""

    def rows(source: Any, units: list[Any]) -> tuple[list[Any], list[Any]]:
        read = [read_whole("web", source, unit, max_document_bytes=2000) for unit in units]
        documents = [row for tables in read for row in tables["documents"].rows()]
        return documents, [row for tables in read for row in tables["rejections"].rows()]

    return rows


@pytest.fixture
def source() -> Callable[..., Any]:
    """A validated source; domain and kind need not be said."""
    return lambda **fields: SOURCE.validate_python({"domain": "web", "kind": "prose", **fields})


@pytest.fixture
def collect(tmp_path: Path, source: Callable[..., Any]) -> Callable[..., Collected]:
    """Read a source whose paths start in the test's temporary folder."""

    def collected(
        max_document_bytes: int = 10_000, benchmark_items: pl.DataFrame | None = None, **fields: Any
    ) -> Collected:
        section = source(**fields)
        files = section.list_files("test", tmp_path)
        tables = read_whole(
            "test",
            section,
            files,
            max_document_bytes=max_document_bytes,
            benchmark_items=benchmark_items,
            block_files=section.block_files("test", tmp_path),
        )
        return Collected(tables)

    return collected


@pytest.fixture
def lossy(tmp_path: Path) -> Path:
    """Files as people have them: most are good, and each source has a fault of its own."""
    notes, forum, logs, table = (tmp_path / name for name in ("notes", "forum", "logs", "table"))
    for each in (notes, forum, logs, table):
        each.mkdir()
    (notes / "good.md").write_text("# Otters\n\nThey float.\n")
    (notes / "latin.md").write_bytes("Fischotter m\u00f6gen".encode("latin-1"))
    (notes / "cut.md.gz").write_bytes(gzip.compress(b"They float on their backs. " * 900)[:60])
    good = [json.dumps({"text": f"The {number}th otter floats."}) for number in range(7)]
    bad = ["{broken", '{"body": "no text"}', '{"text": ""}']
    (forum / "a.jsonl").write_text("\n".join([*good[:4], *bad, *good[4:]]))
    lines = (json.dumps({"text": f"{number} {number**2}"}) for number in range(900))
    packed = gzip.compress("\n".join(lines).encode())
    (logs / "whole.jsonl.gz").write_bytes(packed)
    (logs / "half.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    pl.DataFrame({"text": ["one", "two"]}).write_parquet(table / "1.parquet")
    pl.DataFrame({"body": ["one", "two"]}).write_parquet(table / "2.parquet")
    return tmp_path


@pytest.fixture
def lossy_sources(lossy: Path, source: Callable[..., Any]) -> dict[str, Any]:
    """The sources that read them."""
    return {
        "forum": source(reader="json_lines", paths=["forum"]),
        "logs": source(reader="json_lines", paths=["logs"]),
        "notes": source(reader="text", paths=["notes"]),
        "table": source(reader="parquet", paths=["table"]),
    }


@pytest.fixture
def read_artifact(tmp_path: Path, store: ArtifactStore) -> Callable[..., Artifact]:
    """The artifact ``documents`` of sources, each of their files read by itself."""

    def made(sources: Mapping[str, Any]) -> Artifact:
        parts = []
        for name, source in sources.items():
            for file in source.list_files(name, tmp_path):
                parameters = {"source_name": name, "source": source, "files": [file]}
                sizes = {"part_bytes": 2000, "max_document_bytes": 10_000}
                work = Work(read, versions={}, parameters={**parameters, **sizes})
                parts += do_work(store.storage, work)
        return store.make("documents", {}, None, {}, lambda _: (parts, {}))

    return made
