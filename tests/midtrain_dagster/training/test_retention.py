"""Which checkpoints are written, kept and resumed from."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.atomic_folder import partial_folder
from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.batch.steps import steps_of
from midtrain_dagster.training.checkpoints.checkpoint import State as CheckpointState
from midtrain_dagster.training.checkpoints.checkpoint import save_checkpoint
from midtrain_dagster.training.checkpoints.settings import Checkpoints
from midtrain_dagster.training.optimizers.method import add_missing_state
from midtrain_dagster.training.optimizers.methods.adamw import AdamW
from midtrain_dagster.training.retention import (
    Usual,
    is_due,
    is_milestone,
    keeps_milestones,
    latest_checkpoint,
    milestones,
    prune,
    superfluous,
)


def stage(every: int | None = None, batch: int = 10, steps: int = 20, **kept: Any) -> Any:
    return SimpleNamespace(
        steps=steps,
        batches=steps_of(((batch, 0),), batch * steps),
        checkpoint_every=every,
        checkpoints=Checkpoints.model_validate(kept),
    )


def test_is_due_at_intervals_milestones_and_the_end() -> None:
    told = stage(every=6, milestones=75)
    due = [step for step in range(1, 21) if is_due(told, step)]
    assert due == [6, 8, 12, 15, 18, 20]
    assert [step for step in due if is_milestone(told, step)] == [8, 15]
    assert [step for step in range(1, 21) if is_due(stage(), step)] == [20]


def due_at(told: Any, busy: set[int], seconds: float) -> list[int]:
    """The steps with a checkpoint, where each takes so many seconds, and none is begun in some."""
    now = 0.0
    usual = Usual(told, clock=lambda: now)
    steps = []
    for step in range(1, told.steps + 1):
        now += seconds
        if usual.is_due(step, is_free=step not in busy):
            usual.written()
            steps.append(step)
    return steps


def test_usual_is_each_twentieth_and_waits_for_no_disk() -> None:
    assert due_at(stage(steps=100), set(), 0.1) == list(range(5, 101, 5))
    assert due_at(stage(steps=100), {9, 10, 11, 50}, 0.1)[:3] == [5, 12, 15]
    assert due_at(stage(steps=7), {2}, 0.1) == [1, 3, 4, 5, 6, 7]
    assert due_at(stage(steps=30), set(), 0.1)[:4] == [2, 3, 5, 6]


def test_usual_is_every_few_minutes_of_a_long_stage() -> None:
    found = due_at(stage(steps=1000), set(), 60.0)
    assert found[:13] == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 50]
    assert found[13:15] == [54, 58]


def test_usual_leaves_it_to_a_recipe_that_says_how_often() -> None:
    assert due_at(stage(every=6, steps=100), set(), 1000.0) == []


@settings(max_examples=50, deadline=None)
@given(batch=st.integers(1, 50), every=st.integers(1, 200), steps=st.integers(1, 60))
def test_is_milestone_at_the_step_that_reached_a_multiple(
    batch: int, every: int, steps: int
) -> None:
    told = stage(batch=batch, steps=steps, milestones=every)
    reached = {-(-count // batch) for count in range(every, steps * batch + 1, every)}
    assert {step for step in range(steps + 1) if is_milestone(told, step)} == reached
    assert milestones(told) == sorted(reached - {steps})


def test_milestones_are_the_kept_checkpoints_before_the_end() -> None:
    assert milestones(stage(batch=100, steps=10)) == []
    assert milestones(stage(batch=100, steps=10, milestones=250)) == [3, 5, 8]
    assert not keeps_milestones(stage(batch=100, steps=2, milestones=200))


def test_of_a_quintillion_steps_none_is_looked_at_by_itself() -> None:
    many = 10**18
    assert not keeps_milestones(stage(batch=1, steps=many))
    assert keeps_milestones(stage(batch=1, steps=many, milestones=2))
    assert milestones(stage(batch=1, steps=many, milestones=many // 3)) == [
        many // 3 * number for number in (1, 2, 3)
    ]


def test_superfluous_spares_the_last_and_the_milestones() -> None:
    told = stage(every=1, milestones="40", keep_last=3)
    assert superfluous(told, range(1, 12)) == [1, 2, 3, 5, 6, 7]
    assert superfluous(told, [2, 1]) == []


def test_superfluous_spares_one_before_the_last() -> None:
    with pytest.raises(ValidationError, match="keep_last"):
        Checkpoints(keep_last=1)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkpoints of steps 1 to 3."""
    folder = tmp_path_factory.mktemp("written")
    config = ModelConfig(hidden_size=8, layers=1, heads=2, kv_heads=1, intermediate_size=8)
    model = new_model(config, vocabulary=20, sequence_length=16, seed=0)
    optimizer = AdamW().make(model)
    add_missing_state(optimizer)
    for step in (1, 2, 3):
        save_checkpoint(
            folder / f"step-{step:06d}",
            model=model,
            optimizer=optimizer,
            state=CheckpointState(stage="base", seed=1, step=step, tokens=step, learning_rate=0.0),
            log=[],
            tokenizer=None,
        )
    return folder


@pytest.fixture
def run(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "run"))


@pytest.mark.parametrize("form", [str, Path, Path.as_uri], ids=["text", "path", "uri"])
def test_prune_removes_what_is_not_kept(run: Path, form: Any) -> None:
    (run / "milestones.txt").write_text("not a checkpoint")
    prune(form(run), stage(every=1, milestones=10**6))
    assert sorted(path.name for path in run.iterdir()) == [
        "milestones.txt",
        "step-000002",
        "step-000003",
    ]


@pytest.mark.parametrize("form", [str, Path, Path.as_uri], ids=["text", "path", "uri"])
def test_prune_removes_what_killed_writes_have_left(run: Path, form: Any) -> None:
    for step in (2, 3, 4):
        partial = partial_folder(run / f"step-{step:06d}")
        partial.mkdir()
        (partial / "model.safetensors").write_text("cut sho")
    (run / ".step-000001.partial").mkdir()  # as they were called before
    prune(form(run), stage(every=1))
    step, other, left = sorted(run.iterdir(), key=lambda path: path.name.lstrip("."))
    assert [step.name, other.name] == ["step-000002", "step-000003"]
    assert left == partial
    assert (left / "model.safetensors").is_file()


def test_prune_removes_nothing_where_nothing_is_whole(tmp_path: Path) -> None:
    prune(tmp_path / "not-there", stage(every=1))
    partial_folder(tmp_path / "step-000001").mkdir()
    prune(tmp_path, stage(every=1))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("form", [str, Path, Path.as_uri], ids=["text", "path", "uri"])
def test_latest_checkpoint_is_the_newest(run: Path, form: Any) -> None:
    for name in (".step-000004.partial", f".step-000004.{'0' * 32}.partial"):
        (run / name).mkdir()
    assert latest_checkpoint(form(run)) == f"{form(run)}/step-000003"


def test_latest_checkpoint_of_an_empty_folder_is_none(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path / "not-there") is None


def test_latest_checkpoint_refuses_a_damaged_one_by_name(run: Path) -> None:
    last, before = run / "step-000003", run / "step-000002"
    weights = bytearray((last / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (last / "model.safetensors").write_bytes(weights)
    (before / "digests.json").unlink()
    refused: list[CheckpointError] = []
    assert latest_checkpoint(run, refused.append) == f"{run}/step-000001"
    assert [str(error).split(": ")[0] for error in refused] == [
        f"{last}/model.safetensors",
        f"{before}/digests.json",
    ]
    # Put aside under another name: the evidence stays, and the step can be written again.
    assert sorted(path.name for path in run.iterdir()) == [
        "damaged-step-000002",
        "damaged-step-000003",
        "step-000001",
    ]
    assert (run / "damaged-step-000003" / "model.safetensors").read_bytes() == bytes(weights)
    assert latest_checkpoint(run) == f"{run}/step-000001"


def test_latest_checkpoint_may_find_one_step_damaged_twice(run: Path) -> None:
    for _ in range(2):
        shutil.copytree(run / "step-000001", run / "step-000009", dirs_exist_ok=True)
        (run / "step-000009" / "state.json").write_text("{}")
        assert latest_checkpoint(run) == f"{run}/step-000003"
    assert (run / "damaged-step-000009").is_dir()


def test_latest_checkpoint_logs_a_refusal_where_nobody_listens(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run / "step-000003" / "log.jsonl").unlink()
    latest_checkpoint(run)
    assert f"{run}/step-000003/log.jsonl: missing" in caplog.text
