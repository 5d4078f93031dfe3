"""A file is read again when it may hold something else, and only then."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from midtrain_dagster.core import known_digests
from midtrain_dagster.core.causes import digest
from midtrain_dagster.core.known_digests import folder_digests, known_digest, remember_in

Write = Callable[[bytes], Path]


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(known_digests, "_known", known_digests._Known())
    yield


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the file, with a time of change long ago."""

    def written(content: bytes) -> Path:
        file = tmp_path / "file"
        file.write_bytes(content)
        os.utime(file, ns=(0, 1_000_000_000_000))
        return file

    return written


def test_unchanged_file_is_not_read_again_also_by_another_process(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_in(tmp_path / "digests")
    file = write(b"one")
    assert known_digest(file) == digest(b"one")
    file.write_bytes(b"two")
    os.utime(file, ns=(0, 1_000_000_000_000))
    assert known_digest(file) == digest(b"one"), "size, time and inode are as they were"
    with (tmp_path / "digests").open("a") as unfinished:
        unfinished.write("0123")
    monkeypatch.setattr(known_digests, "_known", known_digests._Known())
    remember_in(tmp_path / "digests")
    assert known_digest(file) == digest(b"one")


@pytest.mark.parametrize("what", ["size", "time", "inode"])
def test_changed_file_is_read_again(write: Write, tmp_path: Path, what: str) -> None:
    file = write(b"one")
    known_digest(file)
    if what == "inode":
        other = tmp_path / "other"
        other.write_bytes(b"two")
        os.utime(other, ns=(0, 1_000_000_000_000))
        other.replace(file)
    else:
        content, seconds = (b"longer", 1_000) if what == "size" else (b"two", 1_001)
        file.write_bytes(content)
        os.utime(file, (0, seconds))
    assert known_digest(file) == digest(file.read_bytes())


def test_file_that_changed_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    """A second change within the clock's grain would leave size, time and inode as they are."""
    file = tmp_path / "file"
    file.write_bytes(b"one")
    known_digest(file)
    status = file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert known_digest(file) == digest(b"two")


def test_folder_digests_name_each_file_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b").write_bytes(b"b")
    (tmp_path / "a").write_bytes(b"a")
    assert folder_digests(tmp_path) == {"a": digest(b"a"), "deep/b": digest(b"b")}
