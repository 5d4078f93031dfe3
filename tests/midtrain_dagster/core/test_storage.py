import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.core.storage import Storage, StorageError


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return Storage(root=str(tmp_path))
    endpoint = request.getfixturevalue("s3_endpoint")
    return Storage(root=f"s3://midtrain/{tmp_path.name}", endpoint=endpoint, region="us-east-1")


def test_what_is_written_is_read_listed_and_measured(storage: Storage) -> None:
    assert storage.size("a/b.bin") is None
    storage.write("a/b.bin", b"12345")
    storage.write("a/c/d.bin", b"")
    assert storage.read("a/b.bin") == b"12345"
    assert storage.size("a/b.bin") == 5
    assert storage.list("a") == ["a/b.bin", "a/c/d.bin"]
    assert storage.list("nothing") == []


def test_writing_again_replaces(storage: Storage) -> None:
    storage.write("x", b"old")
    storage.write("x", b"new")
    assert storage.read("x") == b"new"


def test_polars_scans_what_pyarrow_wrote(storage: Storage) -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "n": [1, 2]})
    import io

    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    storage.write("table.parquet", buffer.getvalue())
    uri, options = storage.uri("table.parquet"), storage.polars_options()
    assert pl.scan_parquet(uri, storage_options=options).collect().equals(frame)


def test_a_local_folder_holds_the_files_and_is_gone_afterwards(storage: Storage) -> None:
    storage.write("deep/model.bin", b"weights")
    with storage.local_folder({"model.bin": "deep/model.bin"}) as folder:
        assert (folder / "model.bin").read_bytes() == b"weights"
    assert not folder.exists()
    assert storage.read("deep/model.bin") == b"weights"


def test_a_file_is_taken_in_and_stays_where_it_was(storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "weights"
    file.parent.mkdir()
    file.write_bytes(b"new")
    storage.write("deep/model.bin", b"old and longer")
    storage.put("deep/model.bin", file)
    assert storage.read("deep/model.bin") == file.read_bytes() == b"new"
    assert storage.list("deep") == ["deep/model.bin"]
    file.unlink()
    assert storage.read("deep/model.bin") == b"new"


def test_a_link_is_taken_in_as_the_file_that_it_names(storage: Storage) -> None:
    storage.write("runs/weights", b"weights")
    with storage.local_folder({"weights": "runs/weights"}) as folder:
        storage.put("parts/weights", folder / "weights")
    assert storage.read("parts/weights") == b"weights"


def test_a_missing_file_is_an_error(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read("nothing/here")


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(StorageError, match="unknown kind of store"):
        _ = Storage(root="ftp://host/x").scheme


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A file size limit makes the kernel refuse the write as a full disk does, half-way."""
    program = f"""
import resource, signal
from midtrain_dagster.core.storage import Storage, StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    Storage(root={str(tmp_path)!r}).write("big.bin", b"x" * 100_000)
except StorageError as error:
    print(error)
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert "big.bin could not be written" in output
    assert "free some space" in output
    assert not list(tmp_path.iterdir())
