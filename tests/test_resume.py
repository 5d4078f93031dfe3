"""A training stage that is killed half-way goes on from its last checkpoint, to the same bytes."""

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

EVERY, STEPS = 20, 300
KILLED_AFTER = 60
UNTIL = ("--until", "checkpoint/base")


@pytest.fixture
def recipe(tiny: Path, tmp_path: Path) -> Path:
    """The tiny recipe with one stage only, long enough to be killed in."""
    text = tiny.read_text().replace("../../data", str(tiny.parents[2] / "data"))
    fields = yaml.safe_load(text)
    base = fields["stages"]["base"] | {"tokens": STEPS * 1024, "checkpoint_every": EVERY}
    base["mixture"] |= {"max_epochs": 50}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields | {"stages": {"base": base}}, sort_keys=False))
    return path


def run_folder(root: Path, old: set[str]) -> Path | None:
    """Where Ray Train keeps the run that the store's earlier run had not."""
    found = [path for path in (root / "runs").glob("base-*") if path.name not in old]
    return found[0] if found else None


def written(folder: Path | None) -> list[int]:
    """The steps of the checkpoints that a resumed run would find: each whole, since it is there."""
    paths = folder.glob("step-*") if folder else ()
    return [int(path.name.removeprefix("step-")) for path in paths]


def test_stage_resumes_and_ends_as_if_nothing_had_happened(
    recipe: Path, whole_run: Any, new_command: Any, on_ray: Any
) -> None:
    killed, undisturbed = new_command("resumed"), new_command("undisturbed")
    for each in (killed, undisturbed):
        shutil.copytree(whole_run[0].root, each.root)
    old = {path.name for path in (killed.root / "runs").iterdir()}

    process = killed.start("run", str(recipe), *UNTIL)
    while max(written(run_folder(killed.root, old)), default=0) < KILLED_AFTER:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    folder = run_folder(killed.root, old)
    assert folder is not None
    left = set(written(folder))
    before = max(left)
    assert before < STEPS, "it was killed too late to be a test of anything"
    assert {path for path in killed.manifests() if path.startswith("checkpoint/")} == {
        path for path in whole_run[0].manifests() if path.startswith("checkpoint/")
    }

    process = killed.start("run", str(recipe), *UNTIL)
    seen: set[int] = set()
    while process.poll() is None:
        seen |= set(written(folder))
        time.sleep(0.01)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert min(seen - left) == before + EVERY, "it must go on from the last"
    assert max(seen) == STEPS

    finished = undisturbed.here("run", str(recipe), *UNTIL)
    assert finished.code == 0, finished.output
    assert killed.manifests() == undisturbed.manifests()
