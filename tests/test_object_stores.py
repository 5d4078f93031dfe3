"""Runs on object stores, of the whole graph on S3 and of the least recipe on the others: equal to
those on a disk, no secret written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.object_stores import Server
from midtrain_dagster.core.filesystem import endpoint_of
from midtrain_dagster.core.storage import Storage
from tests.conftest import Command


@pytest.fixture(scope="module")
def least(new_command: Callable[[str], Command], tiny: Path) -> tuple[Path, dict[str, str]]:
    """The least recipe, whose stage is trained on what it curates, and its manifests on a disk."""
    recipe, command = tiny.parent / "minimal.yaml", new_command("least")
    finished = command("run", str(recipe))
    assert finished.code == 0, finished.output
    return recipe, command.manifests()


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a whole run, and a server that is one process in Python
def test_the_whole_graph_on_s3_is_that_on_a_disk(
    whole_run: tuple[Command, str], tiny: Path, run_on: Callable[[str, Path], dict[str, str]]
) -> None:
    assert run_on("s3", tiny) == whole_run[0].manifests()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["az", "gs"])
def test_a_run_on_an_object_store_is_that_on_a_disk(
    scheme: str, least: tuple[Path, dict[str, str]], run_on: Callable[[str, Path], dict[str, str]]
) -> None:
    recipe, on_a_disk = least
    assert run_on(scheme, recipe) == on_a_disk


@pytest.fixture
def run_on(
    object_store: Callable[[str], Server],
    new_command: Callable[[str], Command],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[[str, Path], dict[str, str]]:
    """Runs a recipe on the object store of a scheme, and gives back its manifests; the secret by
    which it is opened stands nowhere in what was written and told."""

    def run(scheme: str, recipe: Path) -> dict[str, str]:
        return _run_on(scheme, recipe, object_store, new_command, monkeypatch, tmp_path)

    return run


def _run_on(
    scheme: str,
    recipe: Path,
    object_store: Callable[[str], Server],
    new_command: Callable[[str], Command],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> dict[str, str]:
    server = object_store(scheme)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    root = f"{server.bucket}/{tmp_path.name}"
    command = new_command(scheme)
    command.beside = {"MIDTRAIN_ROOT": root, "DAGSTER_HOME": str(tmp_path)}
    finished = command("run", str(recipe))
    assert finished.code == 0, finished.output
    storage = Storage(root=root, endpoint=endpoint_of(scheme))
    written = {path: storage.read(path) for path in storage.list("")}
    made = {
        path.removeprefix("manifests/"): content.decode()
        for path, content in written.items()
        if path.startswith("manifests/")
    }
    assert any(path.startswith("checkpoint/") for path in made)
    beside = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    secret = server.secret.encode()
    told = {"terminal": finished.output.encode()}
    assert [name for name, content in (written | beside | told).items() if secret in content] == []
    return made
