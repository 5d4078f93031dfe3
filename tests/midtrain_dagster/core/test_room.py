"""A full disk is told with its numbers. Its free space is the one thing that is made up here."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from midtrain_dagster.core.room import FullDiskError, free_bytes, in_units, is_full, require_room
from midtrain_dagster.core.storage import Storage


def test_free_bytes_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "there") == pytest.approx(free_bytes(tmp_path), rel=0.5)


def test_require_room_says_how_much_is_lacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2_500_000))
    require_room(tmp_path, 2_500_000, "it")
    with pytest.raises(FullDiskError) as full:
        require_room(tmp_path, 84_000_000_000, "the copy")
    assert str(full.value).startswith(
        f"{tmp_path}: the copy needs 84.0 GB, and 2.5 MB are free on that disk: free some space"
    )
    with pytest.raises(FullDiskError, match=r"a/b needs 3\.0 MB, and 2\.5 MB are"):
        Storage(root=str(tmp_path)).write("a/b", bytes(3_000_000))
    assert list(tmp_path.iterdir()) == []


def test_is_full_knows_the_errors_of_a_full_disk() -> None:
    assert is_full(OSError(28, "No space left on device"))
    assert is_full(OSError(122, "Disk quota exceeded"))
    assert is_full(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not is_full(OSError(2, "No such file"))
    assert not is_full(RuntimeError("os error 2"))


def test_in_units_of_a_thousand() -> None:
    assert [in_units(size) for size in (12, 12_345, 10**6, 123 * 10**10)] == [
        "12 bytes",
        "12.3 kB",
        "1.0 MB",
        "1,230.0 GB",
    ]
