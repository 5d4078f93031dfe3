"""The beginning of a source, and what it says of the whole."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.collection.first_rows import BYTES, FILES, PAGES, FirstRows, first_rows

TEXTS = [
    f"{number} " + "The otter swims in the river. " * (1 + number % 7) for number in range(9000)
]
SIZE = sum(map(len, TEXTS))


def lines(texts: list[str]) -> bytes:
    return "".join(json.dumps({"text": text, "more": "x" * 40}) + "\n" for text in texts).encode()


def looked(source: Any, folder: Path) -> FirstRows:
    return first_rows(source, source.look("test", folder).files, 10**6)


@pytest.mark.parametrize("form", ["lines", "compressed", "parquet", "many"])
def test_an_estimate_is_near_whatever_the_files_are(
    tmp_path: Path, source: Callable[..., Any], form: str
) -> None:
    reader, paths = "json_lines", ["*"]
    if form == "lines":
        (tmp_path / "a.jsonl").write_bytes(lines(TEXTS))
    elif form == "compressed":
        (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines(TEXTS), 1))
    elif form == "parquet":
        reader = "parquet"
        table = pl.DataFrame({"text": TEXTS, "other": [f"{n:0200}" for n in range(len(TEXTS))]})
        table.write_parquet(tmp_path / "a.parquet", row_group_size=1000)
    else:
        for start in range(0, len(TEXTS), 100):
            (tmp_path / f"{start}.jsonl").write_bytes(lines(TEXTS[start : start + 100]))
    rows = looked(source(reader=reader, paths=paths), tmp_path)
    assert rows.text_bytes <= BYTES + 10_000
    assert rows.about_documents == pytest.approx(len(TEXTS), rel=0.15)
    assert rows.about_text_bytes == pytest.approx(SIZE, rel=0.15)
    assert rows.longest == max(len(each.text) for each in rows.documents)


def test_files_of_one_document_are_known_by_their_sizes(
    tmp_path: Path, source: Callable[..., Any]
) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}.md").write_text("otters " * (10 + number))
    rows = looked(source(reader="text", paths=["*.md"]), tmp_path)
    assert len(rows.documents) == FILES <= PAGES
    assert rows.about_documents == pytest.approx(100, rel=0.2)
    assert rows.longest == pytest.approx(7 * 109)


def test_a_sample_is_no_more_than_it_takes(tmp_path: Path, source: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(TEXTS[:70]))
    rows = looked(source(reader="json_lines", paths=["a.jsonl"], take=10), tmp_path)
    assert rows.about_documents == 10
    assert rows.about_text_bytes == pytest.approx(sum(map(len, TEXTS[:70])) / 7)


def test_what_is_rejected_is_kept_by_its_file(tmp_path: Path, source: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(TEXTS[:3]) + b'{"text": " "}\n{"body": 1}\n')
    (tmp_path / "b.jsonl").write_text("{")
    rows = looked(source(reader="json_lines", paths=["*.jsonl"]), tmp_path)
    reasons = {file: [each.reason for each in found] for file, found in rows.rejections.items()}
    assert reasons == {"a.jsonl": ["empty", "missing_key"], "b.jsonl": ["invalid_json"]}
    assert dict(rows.found) == {"a.jsonl": 3}


def test_a_file_that_must_be_read_whole_is_passed_over_when_it_is_large(
    tmp_path: Path, source: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from midtrain_dagster.collection import first_rows as module

    (tmp_path / "Posts.xml").write_text("<posts>\n</posts>\n")
    section = source(reader="stack_exchange", paths=["Posts.xml"])
    assert list(looked(section, tmp_path).rejections) == ["Posts.xml"]
    monkeypatch.setattr(module, "LARGEST_READ_WHOLE", 10)
    assert looked(section, tmp_path).rejections == {}
