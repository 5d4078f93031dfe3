import gzip
from pathlib import Path

import pytest

from midtrain_dagster.collection.readers.whole_file import read_text, read_whole
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.core.source_file import local_file


@pytest.mark.parametrize(
    ("name", "data", "reason", "detail"),
    [
        ("a.txt", b"otters!", "too_large", "7 bytes"),
        ("a.txt.gz", gzip.compress(b"x" * 10**6), "too_large", "more than 6 bytes"),
        ("a.txt.gz", gzip.compress(b"otter")[:-3], "broken_stream", "ends in the middle"),
        ("a.txt.gz", b"otter", "broken_stream", "is corrupt"),
    ],
)
def test_files_without_bytes_say_why(
    tmp_path: Path, name: str, data: bytes, reason: str, detail: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    result = read_whole(local_file(name, path), 6)
    assert isinstance(result, Rejection)
    assert (result.locator, result.reason) == (name, reason)
    assert detail in result.detail


@pytest.mark.parametrize("data", [b"otters", b""])
def test_files_give_the_same_bytes_compressed_or_not(tmp_path: Path, data: bytes) -> None:
    for name, content in (("a.txt", data), ("a.txt.gz", gzip.compress(data))):
        (tmp_path / name).write_bytes(content)
        assert read_whole(local_file(name, tmp_path / name), 6) == data


def test_text_is_utf8_or_what_its_mark_says_or_says_why_not(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9")
    assert read_text(local_file("a.txt", path), 99) == "caf\u00e9"
    path.write_bytes("\ufeffcaf\u00e9".encode("utf-16-le"))
    assert read_text(local_file("a.txt", path), 99) == "caf\u00e9"
    path.write_bytes(b"caf\xe9")
    rejection = read_text(local_file("a.txt", path), 99)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, "at byte 3" in rejection.detail) == ("invalid_encoding", True)
