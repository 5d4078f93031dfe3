import json
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from midtrain_dagster.collection.outcomes import OUTCOMES
from midtrain_dagster.collection.read import read, versions
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.schema import DOCUMENTS, REJECTIONS, document_id
from midtrain_dagster.core.source_file import SourceFile, local_file

DATA = Path(__file__).parents[3] / "data"
OWT = DATA / "evals/evals/registry/data/schelling_point/owt_5.jsonl"
JSON_LINES = TypeAdapter(Source).validate_python(
    {"reader": "json_lines", "paths": ["*.jsonl"], "domain": "web", "kind": "prose"}
)
LIMITS = {"part_bytes": 2000, "max_document_bytes": 1000}


def digest(tables: dict[str, pl.DataFrame]) -> str:
    # The errors' own words are the libraries'; what is counted is the reason.
    rows = [tables["documents"].rows(), tables["rejections"].drop("detail").rows()]
    return blake2b(json.dumps(rows).encode(), digest_size=8).hexdigest()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "one\\r\\ntwo", "n": 1}\n{broken\n{"text": ""}\n')
    (tmp_path / "b.md").write_text("# Otters\n\nThey float.\n")
    (tmp_path / "c.rst").write_text("Otters\n======\n")
    pq.write_table(pa.table({"text": ["three", None], "u": ["x", "y"]}), tmp_path / "d.parquet")
    page = "<html><body><article><h1>Otters</h1><p>They float.</p></article></body></html>"
    (tmp_path / "e.html").write_text(page)
    return tmp_path


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"reader": "json_lines", "paths": ["*.jsonl"], "keep": ["n"], "licence": "MIT"},
            "2fd0ecd49b6cb2b1",
        ),
        ({"reader": "text", "paths": ["*.md", "*.rst"], "language": "en"}, "defb2e9d4c927b09"),
        ({"reader": "parquet", "paths": ["d.parquet"], "keep": ["u"]}, "d19b85d6bc0d299c"),
        ({"reader": "html", "paths": ["."]}, "08e92fba4f0cd6e1"),
    ],
    ids=lambda value: value["reader"] if isinstance(value, dict) else "",
)
def test_documents_of_this_corpus_change_with_their_versions(
    corpus: Path,
    source: Callable[..., Any],
    fields: dict[str, Any],
    expected: str,
    read_whole: Callable[..., Any],
) -> None:
    # Change the reader's VERSION, or read.VERSION, when this changes.
    section = source(**fields)
    tables = read_whole("web", section, section.list_files("web", corpus), max_document_bytes=1000)
    reader = {"json_lines": 3, "text": 3, "parquet": 3, "html": 4}[section.reader]
    named = {"collection.read": 3, f"collection.readers.{section.reader}": reader}
    assert named.items() <= versions(section).items()
    assert digest(tables) == expected


def test_tables_have_their_schema_whatever_is_found(
    corpus: Path, source: Callable[..., Any], read_whole: Callable[..., Any]
) -> None:
    for files in ([], JSON_LINES.list_files("web", corpus)):
        tables = read_whole("web", JSON_LINES, files, max_document_bytes=1000)
        assert tables["documents"].schema == DOCUMENTS
        assert tables["rejections"].schema == REJECTIONS
        assert tables["outcomes"].schema == OUTCOMES
    row = tables["documents"].row(0, named=True)
    assert row["id"] == document_id("web", "a.jsonl:1", "one\ntwo")
    assert (row["source"], row["domain"], row["kind"]) == ("web", "web", "prose")
    assert row["language"] is None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.text(max_size=5), max_size=5), min_size=1, max_size=4).flatmap(
        lambda files: st.tuples(st.just(files), st.permutations(range(len(files))))
    )
)
def test_ids_are_unique_and_the_same_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    read_whole: Callable[..., Any],
    drawn: tuple[list[list[str]], list[int]],
) -> None:
    contents, order = drawn
    folder = tmp_path_factory.mktemp("read")
    files: list[SourceFile] = []
    for number, texts in enumerate(contents):
        path = folder / f"{number}.jsonl"
        path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
        files.append(local_file(path.name, path))
    tables = read_whole("web", JSON_LINES, files, max_document_bytes=1000)
    assert tables["documents"]["id"].is_unique().all()
    shuffled = read_whole("web", JSON_LINES, [files[i] for i in order], max_document_bytes=1000)
    assert shuffled["documents"].equals(tables["documents"])
    assert shuffled["rejections"].equals(tables["rejections"])
    alone = [read_whole("web", JSON_LINES, [file], max_document_bytes=1000) for file in files]
    assert pl.concat([part["documents"] for part in alone]).equals(tables["documents"])
    assert tables["documents"].height + tables["rejections"].height == sum(map(len, contents))


def test_read_takes_or_rejects_every_real_page(
    source: Callable[..., Any], read_whole: Callable[..., Any]
) -> None:
    section = source(reader="json_lines", paths=[str(OWT)], text="0")
    files = section.list_files("web", "/nowhere")
    tables = read_whole("web", section, files, max_document_bytes=2000)
    assert tables["documents"].height + tables["rejections"].height == 1000
    assert set(tables["rejections"]["reason"]) == {"too_large"}


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 30), st.randoms())
def test_take_draws_the_smallest_ids_of_the_source(
    tmp_path_factory: pytest.TempPathFactory,
    read_whole: Callable[..., Any],
    take: int,
    size: int,
    random: Random,
) -> None:
    path = tmp_path_factory.mktemp("take") / "a.jsonl"
    path.write_text("".join(f'{{"text": "{random.random()}"}}\n' for _ in range(size)))
    files = [local_file(path.name, path)]
    every = read_whole("web", JSON_LINES, files, max_document_bytes=100)["documents"]
    section = JSON_LINES.model_copy(update={"take": take})
    taken = read_whole("web", section, files, max_document_bytes=100)["documents"]
    smallest = every["id"].sort().head(take)
    assert taken.equals(every.filter(pl.col("id").is_in(smallest.to_list())))


def test_take_drops_the_rest_while_reading(tmp_path: Path, read_whole: Callable[..., Any]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": "{number}"}}\n' for number in range(5000)))
    files = [local_file(path.name, path)]
    every = read_whole("web", JSON_LINES, files, max_document_bytes=100)["documents"]
    section = JSON_LINES.model_copy(update={"take": 7})
    made = read_whole("web", section, files, max_document_bytes=100)
    assert sorted(made["documents"]["id"]) == sorted(every["id"])[:7]
    assert made["outcomes"].rows() == [("web", "a.jsonl", "document", False, 5000)]


def test_parts_of_a_large_file_are_several(
    source: Callable[..., Any], read_whole: Callable[..., Any]
) -> None:
    section = source(reader="json_lines", paths=[str(OWT)], text="0")
    files = section.list_files("web", "/nowhere")
    whole = read_whole("web", section, files, max_document_bytes=10_000)
    made = list(read("web", section, files, part_bytes=200_000, max_document_bytes=10_000))
    parts = [output for name, output in made if name == "documents"]
    assert len(parts) > 3
    assert pl.concat(parts).equals(whole["documents"])
    assert max(part["text"].str.len_bytes().sum() for part in parts) <= 200_000
    rejections = [output for name, output in made if name == "rejections"]
    assert pl.concat(rejections).equals(whole["rejections"])
    taken = section.model_copy(update={"take": 500})
    made = list(read("web", taken, files, part_bytes=200_000, max_document_bytes=10_000))
    parts = [output for name, output in made if name == "documents"]
    assert len(parts) > 2
    assert pl.concat(parts)["id"].sort().equals(whole["documents"]["id"].sort().head(500))


def test_parts_of_many_rejections_are_several(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("broken\n" * 100)
    made = list(read("web", JSON_LINES, [local_file(path.name, path)], **LIMITS))
    tables = [output for name, output in made if name == "rejections"]
    assert len(tables) > 5
    assert sum(table.height for table in tables) == 100
    assert [output.height for name, output in made if name == "documents"] == [0]


def test_documents_that_stand_in_one_place_twice_are_taken_once(
    tmp_path: Path, source: Callable[..., Any]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("otters")
    files = [local_file(path.name, path)] * 2
    made = list(read("web", source(reader="text", paths=["*"]), files, **LIMITS))
    heights = {name: output.height for name, output in made}
    assert heights == {"documents": 1, "rejections": 1, "outcomes": 2}
    assert made[1][1]["reason"].item() == "repeated"
