"""Killed at any moment, a stage ends with the bytes of one that nothing happened to.

The loop is driven directly here: one interpreter that has imported all it needs forks the workers
of every stage here again and again, each time until one of them is killed. Through Ray Train:
``test_fit``; through Dagster: ``tests/test_resume.py``.
"""

import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.training.job import Job

Make = Callable[..., Job]

DRIVER = """
import json, os, signal, sys, threading, time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # no thread may live when a worker is forked
import numba, polars, pyarrow.fs, torch, torch.distributed, transformers  # once, not in every fork
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.retention import latest_checkpoint, prune



def forked(work, *arguments):
    child = os.fork()
    if child == 0:
        try:
            work(*arguments)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def find(folder, output):
    found = latest_checkpoint(output, lambda error: print(f"refused: {error}", flush=True))
    (folder / "resume").write_text(found or "")


def worker(folder, attempt, number, resume, rank):
    job = Job.model_validate(attempt["job"])
    workers, seen = job.stage.workers, []
    if workers > 1:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/meeting-{number}", rank=rank, world_size=workers
        )
    window = Plan.window

    def noted(plan, step, slot):
        found = window(plan, step, slot)
        if not threading.current_thread().name.startswith("next batch"):
            return found  # looked at, and not to be trained on
        ids = [[plan.shards.ids[span.document], span.start, span.stop] for span in found.spans]
        with open(folder / "seen.jsonl", "a") as stream:
            stream.write(json.dumps([number, step, slot, ids]) + "\\n")
        return found

    Plan.window = noted
    die = lambda: os.kill(os.getpid(), signal.SIGKILL)
    if rank == attempt.get("rank", 0):
        if "event" in attempt:
            left = [attempt["event"]]

            def hook(event, arguments):
                if event in ("open", "os.rename", "os.mkdir") and ".partial" in str(arguments[0]):
                    left[0] -= 1
                    if left[0] == 0:
                        die()

            sys.addaudithook(hook)

    output = Path(attempt["output"])

    def on_step(record):
        if rank == attempt.get("rank", 0) and record.step == attempt.get("step"):
            last = record.step // job.stage.checkpoint_every * job.stage.checkpoint_every
            while last and not (output / f"step-{last:06d}").exists():
                time.sleep(0.001)  # it is being written beside the training
            die()

    train(
        job, output=output, resume=Path(resume) if resume else None, rank=rank,
        world_size=workers, on_step=on_step,
        on_checkpoint=lambda written: written and prune(output, job.stage),
    )


def attempted(folder, number, attempt):
    if "damage" in attempt:
        file = Path(attempt["output"], attempt["damage"])
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    os.waitpid(forked(find, folder, attempt["output"]), 0)
    resume = (folder / "resume").read_text()
    workers = attempt["job"]["stage"]["workers"]
    living = {forked(worker, folder, attempt, number, resume, rank) for rank in range(workers)}
    if "second" in attempt:
        time.sleep(attempt["second"])
        os.kill(*living, signal.SIGKILL)
    codes = []
    while living:
        child, status = os.wait()
        living.discard(child)
        codes.append(os.waitstatus_to_exitcode(status))
        if codes[-1] != 0:
            for other in living:  # what a cluster does when a worker is lost
                os.kill(other, signal.SIGKILL)
    return {"resume": resume, "codes": codes}


for line in sys.stdin:
    asked = json.loads(line)
    folder = Path(asked["folder"])
    for number, attempt in enumerate(asked["attempts"]):
        print(json.dumps(attempted(folder, number, attempt)), flush=True)
"""


Run = Callable[[Path, list[dict[str, Any]]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Makes attempts one after the other: what each resumed from, how its workers ended, and in the
    last entry everything else that was printed."""
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdin
    assert driver.stdout
    stdin, stdout = driver.stdin, driver.stdout

    def made(folder: Path, attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        stdin.write(json.dumps({"folder": str(folder), "attempts": attempts}) + "\n")
        stdin.flush()
        found: list[dict[str, Any]] = []
        printed = ""
        while len(found) < len(attempts):
            line = stdout.readline()
            assert line, "the driver has ended"
            if line.startswith("{"):
                found.append(json.loads(line))
            else:
                printed += line
        for one in found:
            # A worker that is left alone may notice before it is killed too: it then ends with 1.
            assert set(one["codes"]) <= ({0, -9, 1} if -9 in one["codes"] else {0}), printed
        return [*found, {"printed": printed}]

    yield made
    stdin.close()
    assert driver.wait(60) == 0


def attempt(job: Job, output: Path, **killed: Any) -> dict[str, Any]:
    return {"job": job.model_dump(mode="json"), "output": str(output), **killed}


def assert_same_bytes(one: Path, other: Path) -> None:
    assert {file.name for file in one.iterdir()} == {file.name for file in other.iterdir()}
    for file in one.iterdir():
        assert file.read_bytes() == (other / file.name).read_bytes(), file.name


def step_of(resume: str) -> int:
    return int(resume.rsplit("-", 1)[1]) if resume else 0


def test_resume_after_kills_at_random_steps_and_while_writing(
    job: Make, run: Run, tmp_path: Path
) -> None:
    told = job(tokens=16 * 256, checkpoint_every=2, precision="bf16", micro_batch_tokens=96)
    draw = random.Random(4)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    surely = [
        {"event": draw.randrange(1, 12)},  # before anything is whole
        {"step": draw.randrange(2, 6)},  # after an update, be it due or not
        *({"event": draw.randrange(10, 26)} for _ in range(4)),
    ]
    perhaps = [{"second": draw.uniform(0.05, 0.5)} for _ in range(3)]  # perhaps it is done by then
    attempts = [
        attempt(told, whole),
        *(attempt(told, killed, **how) for how in surely + perhaps),
        attempt(told, killed),
    ]
    first, *tries, last, _ = run(tmp_path, attempts)
    assert first["codes"] == last["codes"] == [0]
    assert all(one["codes"] == [-9] for one in tries[:6])
    resumed = [step_of(one["resume"]) for one in [*tries, last]]
    assert resumed == sorted(resumed)
    assert len(set(resumed)) > 3, "it made no progress between the kills"
    assert_same_bytes(whole / "step-000016", killed / "step-000016")
    left = {path.name for path in killed.glob("step-*")}
    assert left == {"step-000014", "step-000016"}


def test_resume_refuses_a_damaged_checkpoint_and_takes_the_one_before_it(
    job: Make, run: Run, tmp_path: Path
) -> None:
    told = job(precision="bf16")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    damage = "step-000006/optimizer.safetensors"
    attempts = [
        attempt(told, whole),
        attempt(told, killed, step=7),
        attempt(told, killed, damage=damage),
    ]
    *_, again, printed = run(tmp_path, attempts)
    assert again == {"resume": f"{killed}/step-000003", "codes": [0]}
    assert f"refused: {killed}/{damage}: changed since it was written" in printed["printed"]
    assert_same_bytes(whole / "step-000008", killed / "step-000008")


def seen(folder: Path) -> dict[int, dict[int, Any]]:
    """What each step saw by slot, in the last of the attempts that made the step."""
    steps: dict[int, dict[int, dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
    for line in (folder / "seen.jsonl").read_text().splitlines():
        number, step, slot, spans = json.loads(line)
        assert slot not in steps[step][number], "two workers took one window"
        steps[step][number][slot] = spans
    return {step: attempts[max(attempts)] for step, attempts in steps.items()}


@pytest.mark.slow
def test_resume_of_two_workers_ends_as_two_that_were_not_killed(
    job: Make, run: Run, tmp_path: Path
) -> None:
    told = job(precision="bf16", workers=2, checkpoint_every=2)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    attempts = [
        attempt(told, whole),
        attempt(told, killed, step=3, rank=1),
        attempt(told, killed, event=11),
        attempt(told, killed, step=6),
        attempt(told, killed),
    ]
    first, *tries, last, _ = run(tmp_path, attempts)
    assert first["codes"] == last["codes"] == [0, 0]
    assert all(one["codes"][0] == -9 for one in tries)
    assert step_of(last["resume"]) > 0
    assert_same_bytes(whole / "step-000008", killed / "step-000008")


def test_resume_with_another_number_of_workers_sees_the_same_documents(
    job: Make, run: Run, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    attempts = [
        attempt(job(workers=1), output, step=3),
        attempt(job(workers=2), output, step=6, rank=1),
        attempt(job(workers=3), output),
    ]
    one, two, three, _ = run(tmp_path, attempts)
    assert [step_of(each["resume"]) for each in (one, two, three)] == [0, 3, 6]
    assert three["codes"] == [0, 0, 0]
    shards = job().open_shards()
    plan = job().plan(shards)
    found = seen(tmp_path)
    assert sorted(found) == list(range(8))
    for step, slots in found.items():
        spans = [(*span, slot) for slot in sorted(slots) for span in slots[slot]]
        rows = plan.documents_of_step(step).select("id", "start", "stop", "slot").rows()
        assert spans == rows
    # The same windows were made by 1, 2 and 3 workers, and none of them twice in a step.
    assert {step: len(slots) for step, slots in found.items()} == dict.fromkeys(range(8), 8)
