import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import scan_parts
from midtrain_dagster.core.filesystem import endpoint_of
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import MANY, Storage, StorageError


@pytest.fixture(
    params=[
        "folder",
        "s3",
        pytest.param("az", marks=pytest.mark.slow),
        pytest.param("gs", marks=pytest.mark.slow),
    ]
)
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Storage:
    """A folder, or a bucket on a server of its kind."""
    match request.param:
        case "folder":
            return Storage(root=str(tmp_path))
        case "s3":
            endpoint = request.getfixturevalue("s3_endpoint")
            root = f"s3://midtrain/{tmp_path.name}"
            return Storage(root=root, endpoint=endpoint, region="us-east-1")
        case scheme:
            server = request.getfixturevalue("object_store")(scheme)
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            root = f"{server.bucket}/{tmp_path.name}"
            return Storage(root=root, endpoint=endpoint_of(scheme))


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


def test_a_file_that_is_taken_in_twice_leaves_no_second_name(tmp_path: Path) -> None:
    store, file = Storage(root=str(tmp_path / "store")), tmp_path / "weights"
    file.write_bytes(b"weights")
    for _ in range(2):
        store.put("parts/weights", file)
    store.put("parts/weights", tmp_path / "store" / "parts" / "weights")
    assert [path.name for path in (tmp_path / "store" / "parts").iterdir()] == ["weights"]
    assert store.read("parts/weights") == b"weights"


def test_what_a_killed_process_or_a_system_left_is_not_listed(storage: Storage) -> None:
    for name in ("a.json", ".a.json.0f3c", ".DS_Store", "deep/.nfs0000000000a1b2c3"):
        storage.write(f"records/{name}", b"{}")
    assert storage.list("records") == ["records/a.json"]


@pytest.mark.parametrize("name", ["a [1] b", "star*?", "100% p%20q", "ha#sh", "büro 日本", "'q\""])
def test_a_store_may_be_called_anything(name: str, tmp_path: Path) -> None:
    """Polars and PyArrow each read names as patterns or as addresses, where they are let."""
    root = Storage(root=str(tmp_path / name / "store"))
    part = write_output(root, f"parts/{name}", "table", pl.DataFrame({"id": ["a"]}))
    assert root.list("parts") == [part.path]
    assert scan_parts(root, [part, part]).collect()["id"].to_list() == ["a", "a"]
    with root.local_folder({"table.parquet": part.path}) as folder:
        assert pl.read_parquet(folder / "table.parquet", glob=False).height == 1


def test_a_missing_file_is_an_error(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read("nothing/here")


@pytest.mark.parametrize(
    "path", ["../beside", "a/../../beside", "/etc/passwd", "a/..", "a\0b", "./a", ".."]
)
def test_a_path_that_leads_out_of_the_store_is_refused(path: str, tmp_path: Path) -> None:
    """It may be that of a manifest, or made of a name that somebody gave."""
    storage = Storage(root=str(tmp_path / "store"))
    storage.write("a/b", b"inside")
    (tmp_path / "beside").write_bytes(b"outside")
    for call in (storage.read, storage.size, storage.list, storage.uri, storage.delete):
        with pytest.raises(StorageError, match="leads out of the store"):
            call(path)
    with pytest.raises(StorageError, match="leads out of the store"):
        storage.write(path, b"")
    for files in ({path: "a/b"}, {"b": path}):
        with pytest.raises(StorageError), storage.local_folder(files):
            pass
    assert (tmp_path / "beside").read_bytes() == b"outside"


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not be written"):
        Storage(root=str(tmp_path)).write("n" * 300, b"")


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(StorageError, match="unknown kind of store"):
        _ = Storage(root="ftp://host/x").scheme


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A file size limit makes the kernel refuse the write as a full disk does, half-way."""
    program = f"""
import resource, signal
from midtrain_dagster.core.filesystem import endpoint_of
from midtrain_dagster.core.storage import MANY, Storage, StorageError
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


def test_many_files_are_looked_up_as_each_alone(storage: Storage) -> None:
    written = [f"parts/a/{number}/x.bin" for number in range(MANY)] + ["parts/b/0/x.bin", "top"]
    for number, path in enumerate(written):
        storage.write(path, b"." * number)
    asked = ["parts/a/none/x.bin", *reversed(written), "parts/b/none/x.bin", "nothing"]
    assert storage.sizes(asked) == [storage.size(path) for path in asked]
    assert [None if data is None else len(data) for data in storage.read_each(asked)] == (
        storage.sizes(asked)
    )
    assert storage.sizes([]) == storage.read_each([]) == []
