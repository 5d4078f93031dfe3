"""`midtrain clean` on a store of two recipes: what either needs stays, or a killed run made."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from jobs.records import Invocation, write_record
from midtrain.command import main
from midtrain_dagster.core.lease import lease
from midtrain_dagster.core.storage import Storage
from tests.assets.conftest import FIELDS, Graph, in_folder, passages, write_lines

SMALL: dict[str, Any] = {
    **{key: each for key, each in FIELDS.items() if key not in ("raters", "benchmarks")},
    "curation": {"prose": {"languages": "all"}},
}
MADE = ("documents", "signals")


class Shared:
    """A store that two recipes share, each with sources of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.root = folder, folder / "store"
        monkeypatch.setenv("MIDTRAIN_ROOT", str(self.root))
        monkeypatch.setenv("RAY_TMPDIR", str(folder / "ray"))
        (folder / "ray").mkdir()
        self.graphs = {name: self._graph(name) for name in ("first", "second")}
        for number, graph in enumerate(self.graphs.values()):
            self.write(graph.recipe.name, 10 * number, 10 * number + 10)
            graph.make(*MADE)

    def _graph(self, name: str) -> Graph:
        from midtrain_dagster.recipe_file import load_recipe

        sources = {
            each: {**SMALL["sources"][each], "paths": [f"{name}-{each}.jsonl"]}
            for each in ("web", "wikipedia")
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**SMALL, "name": name, "sources": sources}))
        home = dg.DagsterInstance.ephemeral(str(self.folder / f"home-{name}"))
        self.folder.mkdir(exist_ok=True)
        return Graph(load_recipe(path), in_folder(self.root), home)

    def write(self, name: str, start: int, stop: int) -> None:
        write_lines(self.folder / f"{name}-web.jsonl", passages("owt", start, stop))
        write_lines(self.folder / f"{name}-wikipedia.jsonl", passages("wikipedia", start, stop))

    def clean(self, capsys: Any, *options: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["clean", str(self.folder / "first.yaml"), *options])
        return int(ended.value.code or 0), capsys.readouterr().out

    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shared:
    return Shared(tmp_path, monkeypatch)


def test_what_nothing_needs_goes_and_what_anything_needs_stays(shared: Shared, capsys: Any) -> None:
    code, output = shared.clean(capsys)
    assert code == 0 and "everything there is needed" in output

    before = shared.files()
    shared.write("first", 5, 15)
    shared.graphs["first"].make(*MADE)
    current = shared.files() - before
    (shared.root / "parts" / ".leftover.json.0123").write_text("half")
    linked = shared.root / ".local" / "midtrain-old"
    linked.mkdir(parents=True)
    (linked / "link").symlink_to("/nowhere")
    session = shared.folder / "ray" / "midtrain-dead" / "session_1"
    session.mkdir(parents=True)
    (session / "log").write_text("x" * 1000)
    os.utime(session.parent, (0, 0))

    everything = shared.files()
    code, output = shared.clean(capsys)
    assert code == 0 and "`--yes` removes it" in output
    for kind in ("manifests", "parts", "temporary files", "Ray sessions that died"):
        assert kind in output, output
    assert shared.files() == everything and session.exists()

    code, output = shared.clean(capsys, "--yes")
    assert code == 0 and "removed" in output
    left = shared.files()
    assert current <= left
    assert not session.parent.exists() and not linked.exists()
    assert not any("/.leftover" in path for path in left)
    for graph in shared.graphs.values():
        for name in MADE:
            assert graph.artifact(name).scan(name).collect().height == 20
    gone = {path.split("/")[0] for path in everything - left}
    assert gone >= {"parts", "manifests"} and not gone & {"materialized", "digests.tsv"}
    assert {
        path for path in everything if path.startswith("records/") and ".used" not in path
    } <= left
    code, output = shared.clean(capsys)
    assert "everything there is needed" in output

    # What was removed is made again when it is asked for.
    shared.write("first", 0, 10)
    shared.graphs["first"].make(*MADE)
    assert shared.graphs["first"].artifact("signals").rows("signals") == 20


def test_what_a_killed_run_has_made_stays_for_it(shared: Shared, capsys: Any) -> None:
    record = Invocation(
        id="dead0001",
        recipe="second",
        file="second.yaml",
        text="",
        started=datetime.now(UTC).isoformat(),
        machine="here",
    )
    storage = Storage(root=str(shared.root))
    write_record(storage, record)
    before = shared.files()
    shared.write("second", 20, 30)
    shared.graphs["second"].make("documents")
    # It was killed before it wrote a manifest and a pointer.
    made = {path for path in shared.files() - before if path.startswith("parts/")}
    for path in shared.files() - before:
        if path.startswith("manifests/"):
            (shared.root / path).unlink()
    shutil.rmtree(shared.root / "materialized" / "second")
    unfinished = shared.root / "runs" / f"annealed-{'0' * 32}"
    unfinished.mkdir(parents=True)
    (unfinished / "checkpoint").write_text("half way")
    code, output = shared.clean(capsys, "--yes")
    assert code == 0 and "the last run of second (dead0001) is killed" in output
    assert made <= shared.files()
    assert (unfinished / "checkpoint").exists()


def test_nothing_is_cleaned_while_something_is_being_made(shared: Shared, capsys: Any) -> None:
    storage = Storage(root=str(shared.root))
    (shared.root / "parts" / ".being_written").write_text("half")
    with lease(storage, "documents/somebody"):
        code, output = shared.clean(capsys, "--yes")
    assert code == 2 and "clean it afterwards" in output
    assert (shared.root / "parts" / ".being_written").exists()
