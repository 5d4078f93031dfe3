import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard


def test_files_have_the_format_of_their_suffix_or_are_rejected(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    files = {
        "a.txt": b"\xef\xbb\xbfone\r\ntwo\rthree\0",
        "b.md": b"# Title\n",
        "c.rst": b"Title\n=====\n",
        "deep/d.markdown": b"*e\xcc\x81*",
        "e.txt": "\ufeffw\u00efde\r\n".encode("utf-16-be"),
        "empty.txt": b" \n",
        "latin.txt": b"caf\xe9",
        "large.txt": b"x" * 101,
        "ignored.pdf": b"%PDF",
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    collected = collect(reader="text", paths=["."], max_document_bytes=100)
    assert collected.documents.select("locator", "text", "format").rows() == [
        ("a.txt", "one\ntwo\nthree", "plain"),
        ("b.md", "# Title\n", "markdown"),
        ("c.rst", "Title\n=====\n", "restructuredtext"),
        ("deep/d.markdown", "*e\u0301*", "markdown"),
        ("e.txt", "w\u00efde\n", "plain"),
    ]
    assert collected.reasons == {
        "empty.txt": "empty",
        "large.txt": "too_large",
        "latin.txt": "invalid_encoding",
    }
    assert "at byte 3" in collected.detail("latin.txt")


def test_files_of_code_are_known_by_their_suffix(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "Makefile").write_text("all:\n")
    documents = collect(reader="text", paths=["*"], kind="code").documents
    assert documents.select("locator", "format", "kind").rows() == [
        ("Makefile", "plain", "code"),
        ("a.py", "python", "code"),
    ]


def test_files_may_be_compressed_or_sphinx_sources(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    page = b"Title\n=====\n"
    files = {
        "a.rst.gz": gzip.compress(page),
        "b.rst.txt": page,
        "c.md.zst": zstandard.compress(b"# Title\n"),
        "d.5.2.txt": b"notes",
        "expands.txt.gz": gzip.compress(b"x" * 101),
        "torn.txt.gz": gzip.compress(page)[:-9],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    collected = collect(reader="text", paths=["*"], max_document_bytes=100)
    assert collected.documents.select("locator", "text", "format").rows() == [
        ("a.rst.gz", page.decode(), "restructuredtext"),
        ("b.rst.txt", page.decode(), "restructuredtext"),
        ("c.md.zst", "# Title\n", "markdown"),
        ("d.5.2.txt", "notes", "plain"),
    ]
    assert collected.reasons == {"expands.txt.gz": "too_large", "torn.txt.gz": "broken_stream"}
