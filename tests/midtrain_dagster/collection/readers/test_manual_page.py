import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.collection.read import versions

PAGE = ".TH OTTER 1 2026-01-31\n.SH NAME\r\notter \\- float on the back\n"


def test_pages_are_documents(
    tmp_path: Path, collect: Callable[..., Any], source: Callable[..., Any]
) -> None:
    (tmp_path / "otter.1.gz").write_bytes(gzip.compress(PAGE.encode()))
    (tmp_path / "otter.txt").write_text("no page")
    collected = collect(reader="manual_page", paths=["."])
    assert collected.texts == {"otter.1.gz": "NAME\n\notter - float on the back"}
    assert collected.documents["format"].item() == "manual_page"
    assert collected.documents["metadata"].item() == (
        '{"date": "2026-01-31", "section": "1", "title": "OTTER"}'
    )
    section = source(reader="manual_page", paths=["."])
    assert versions(section) == {
        "collection.encoding": 1,
        "collection.read": 3,
        "collection.readers.manual_page": 2,
        "roff_text": 1,
    }


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.1", b".so man1/otter.1\n", "redirect"),
        ("a.1", b".TH A 1\n.SH NAME\ncaf\xe9\n", "invalid_encoding"),
        ("a.1", b'.\\" nothing\n', "empty"),
        ("a.1.gz", gzip.compress(PAGE.encode())[:-20], "broken_stream"),
        ("a.1", PAGE.encode() * 200, "too_large"),
    ],
)
def test_pages_that_cannot_be_taken_are_rejected(
    tmp_path: Path, collect: Callable[..., Any], name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.8").write_text(PAGE)
    collected = collect(reader="manual_page", paths=["."])
    assert collected.reasons == {name: reason}
    assert list(collected.texts) == ["good.8"]
