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

EVERY, STEPS = 20, 1000
UNTIL = ("--until", "checkpoint/base")


@pytest.fixture
def recipe(tiny: Path, tmp_path: Path) -> Path:
    """The tiny recipe with one stage only, long enough to be killed in."""
    text = tiny.read_text().replace("../../data", str(tiny.parents[2] / "data"))
    fields = yaml.safe_load(text)
    base = fields["stages"]["base"] | {"tokens": STEPS * 1024, "checkpoint_every": EVERY}
    base["mixture"] |= {"max_epochs": 1000}
    path = tmp_path / "tiny.yaml"
    measured = fields["evaluation"] | {"length": 64}
    only = {"stages": {"base": base}, "evaluation": measured}
    path.write_text(yaml.safe_dump(fields | only, sort_keys=False))
    return path


def run_folder(root: Path, old: set[str]) -> Path | None:
    """Where Ray Train keeps the run that the store's earlier run had not."""
    found = [path for path in (root / "runs").glob("base-*") if path.name not in old]
    return found[0] if found else None


def written(folder: Path | None) -> list[int]:
    """The steps of the checkpoints that a resumed run would find: each whole, since it is there."""
    paths = folder.glob("step-*") if folder else ()
    return [int(path.name.removeprefix("step-")) for path in paths]


def reached(root: Path, old: set[str]) -> int:
    """The last checkpoint of the run, as a step."""
    return max(written(run_folder(root, old)), default=0)


def wait_until(step: int, command: Any, old: set[str], process: Any) -> None:
    """Until the run has a checkpoint of that step."""
    while reached(command.root, old) < step:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)


def test_stage_resumes_and_ends_as_if_nothing_had_happened(
    recipe: Path, whole_run: Any, new_command: Any, on_ray: Any
) -> None:
    """It is stopped, goes on, is killed, and is taken over by a run that waited for it."""
    killed, undisturbed = new_command("resumed"), new_command("undisturbed")
    for each in (killed, undisturbed):
        shutil.copytree(whole_run[0].root, each.root)
    old = {path.name for path in (killed.root / "runs").iterdir()}

    process = killed.start("run", str(recipe), *UNTIL)
    wait_until(EVERY, killed, old, process)
    process.terminate()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 143, output
    assert output.endswith("run again to go on\n")
    assert "Traceback" not in output
    assert killed.run_statuses()[-1] == "CANCELED"
    assert killed.left_in_temporary_folders() == []

    process = killed.start("run", str(recipe), *UNTIL)
    wait_until(reached(killed.root, old) + EVERY, killed, old, process)
    second = killed.start("run", str(recipe), *UNTIL)
    told = second.stdout.readline()
    process.send_signal(signal.SIGSTOP)  # it holds its lease asleep, and so cannot end too early
    while f"checkpoint/base waits: process {process.pid} on " not in told:
        told = second.stdout.readline()
        assert told, "the second did not wait"
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

    seen: set[int] = set()
    while second.poll() is None:
        seen |= set(written(folder))
        time.sleep(0.01)
    output, _ = second.communicate()
    assert second.returncode == 0, output
    assert min(seen - left) == before + EVERY, "it must go on from the last"
    assert max(seen) == STEPS

    finished = undisturbed.here("run", str(recipe), *UNTIL)
    assert finished.code == 0, finished.output
    assert killed.manifests() == undisturbed.manifests()
