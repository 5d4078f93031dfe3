import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from midtrain_dagster.collection.first_documents import first_documents
from midtrain_dagster.collection.read import read
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.schema import DOCUMENTS


@pytest.fixture
def source(tmp_path: Path) -> Source:
    for name, count in (("a", 5), ("b", 1), ("c", 5)):
        lines = [json.dumps({"text": f"{name} {number}"}) for number in range(count)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(["no JSON", *lines]))
    fields = {"reader": "json_lines", "domain": "web", "kind": "qa", "paths": [str(tmp_path)]}
    return TypeAdapter(Source).validate_python(fields)


@pytest.mark.parametrize(
    ("count", "texts", "rejected"),
    [
        (2, ["a 0", "b 0"], 0),
        (6, ["a 0", "b 0", "c 0", "a 1", "a 2", "a 3"], 3),
        (99, ["a 0", "a 1", "a 2", "a 3", "a 4", "b 0", *(f"c {n}" for n in range(5))], 3),
    ],
)
def test_files_give_the_same_share_and_more_where_others_have_less(
    source: Source, tmp_path: Path, count: int, texts: list[str], rejected: int
) -> None:
    files = source.list_files("s", tmp_path)
    found = first_documents("s", source, files, count, max_document_bytes=1000)
    if count > 2:
        assert (found.documents["text"].to_list(), found.rejected) == (texts, rejected)
    assert found.documents.height == len(texts)
    assert found.documents.schema == DOCUMENTS
    whole = dict(read("s", source, files, part_bytes=10**6, max_document_bytes=1000))
    assert {*found.documents.iter_rows()} <= {*whole["documents"].iter_rows()}


def test_a_source_that_cannot_be_read_is_given_up(source: Source, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("no JSON\n" * 1000)
    files = source.list_files("s", tmp_path)[:1]
    found = first_documents("s", source, files, 3, max_document_bytes=1000)
    assert (found.documents.height, found.rejected) == (0, 60)
