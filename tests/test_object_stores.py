"""Runs on object stores, of the whole graph on S3: equal to those on a disk, no secret written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.object_stores import Server
from midtrain_dagster.core.filesystem import endpoint_of
from midtrain_dagster.core.storage import Storage
from tests.conftest import Command

UNTIL_TRAINED = ["--until", "checkpoint/base"]


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a whole run, and a server that is one process in Python
@pytest.mark.parametrize(
    ("scheme", "until"), [("s3", []), ("az", UNTIL_TRAINED), ("gs", UNTIL_TRAINED)]
)
def test_a_run_on_an_object_store_is_that_on_a_disk(
    scheme: str,
    until: list[str],
    object_store: Callable[[str], Server],
    whole_run: tuple[Command, str],
    new_command: Callable[[str], Command],
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server = object_store(scheme)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    root = f"{server.bucket}/{tmp_path.name}"
    command = new_command(scheme)
    command.beside = {"MIDTRAIN_ROOT": root, "DAGSTER_HOME": str(tmp_path)}
    finished = command("run", str(tiny), *until)
    assert finished.code == 0, finished.output
    storage = Storage(root=root, endpoint=endpoint_of(scheme))
    written = {path: storage.read(path) for path in storage.list("")}
    made = {
        path.removeprefix("manifests/"): content.decode()
        for path, content in written.items()
        if path.startswith("manifests/")
    }
    on_a_disk = whole_run[0].manifests()
    assert made == (on_a_disk if not until else {path: on_a_disk[path] for path in made})
    assert any(path.startswith("checkpoint/") for path in made)
    beside = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    secret = server.secret.encode()
    told = {"terminal": finished.output.encode()}
    assert [name for name, content in (written | beside | told).items() if secret in content] == []
