"""What a file is, by its first bytes."""

import bz2
import gzip
import lzma
import zipfile
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
import zstandard

from midtrain_dagster.collection.file_kind import memory_needed, mistaken
from midtrain_dagster.core.source_file import SourceFile


def archive() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.txt", "otters")
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = BytesIO()
    pl.DataFrame({"text": ["otters"]}).write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("reader", "name", "content", "words"),
    [
        ("text", "a.txt", b"otters", None),
        ("text", "a.txt", b"", None),
        ("text", "a.txt.gz", gzip.compress(b"otters"), None),
        ("text", "a.txt.gz", b"otters", "its name ends in .gz"),
        ("text", "a.txt.zst", gzip.compress(b"otters"), "its name ends in .zst"),
        ("text", "a.txt", gzip.compress(b"otters"), "let its name end in .gz"),
        ("text", "a.txt", zstandard.compress(b"otters"), "let its name end in .zst"),
        ("text", "a.txt", archive(), "a ZIP archive"),
        ("text", "a.txt", parquet(), "say reader: parquet"),
        ("json_lines", "a.jsonl.bz2", bz2.compress(b"{}"), "compressed by bzip2"),
        ("json_lines", "a.jsonl.xz", lzma.compress(b"{}"), "compressed by xz"),
        ("json_lines", "a.warc", b"WARC/1.0\r\n", "say reader: warc, or wet"),
        ("warc", "a.warc", b"WARC/1.0\r\n", None),
        ("warc", "a.warc", gzip.compress(b"WARC/1.0\r\n"), None),
        ("warc", "a.warc.gz", b"WARC/1.0\r\n", None),
        ("warc", "a.warc.gz", b"\r\n" + gzip.compress(b"WARC/1.0\r\n"), None),
        ("warc", "a.warc.zst", b"\x5d\x2a\x4d\x18\x01\0\0\0x", None),
        ("json_lines", "a.jsonl.zst", b"\x50\x2a\x4d\x18\x01\0\0\0x", None),
        ("parquet", "a.parquet", parquet(), None),
        ("parquet", "a.parquet", b"ARROW1\0\0", "an Arrow IPC (Feather) file"),
        ("parquet", "a.parquet", b"text\notters\n", "it is not a Parquet file"),
        ("json_lines", "a.jsonl", '{"text": 1}'.encode("utf-16"), "write it in UTF-8 first"),
        ("text", "a.txt", "otters".encode("utf-16"), None),
        ("parquet", "a.parquet", b"PARE\0\0", "an encrypted Parquet file"),
        (
            "text",
            "a.md",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:a",
            "git lfs pull",
        ),
        ("pdf", "a.pdf", b"\n\n%PDF-1.4", None),
        ("pdf", "a.pdf", b"<html>", "it is not a PDF file"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_file_that_its_reader_cannot_read_is_named(
    tmp_path: Path, reader: str, name: str, content: bytes, words: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = mistaken(reader, SourceFile(name=name, uri=str(path), bytes=len(content), digest=""))
    assert found is None if words is None else words in (found or "")


@pytest.mark.parametrize(("window", "needed"), [(20, 0), (27, 0), (28, 1 << 28), (31, 1 << 31)])
def test_long_windows_of_zstd_need_memory(tmp_path: Path, window: int, needed: int) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=window, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(compressor.compress(b"otters") + compressor.flush())
    file = SourceFile(name=path.name, uri=str(path), bytes=path.stat().st_size, digest="")
    assert memory_needed(file) == needed
