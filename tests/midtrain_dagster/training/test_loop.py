"""The loop: exact resumes, true inheritance, and losses that do not depend on how work is split."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from midtrain_dagster.dataloader.batch import collate
from midtrain_dagster.dataloader.fill_in_the_middle import Sentinels
from midtrain_dagster.models.head import logits
from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training import loop
from midtrain_dagster.training.checkpoints.checkpoint import read_log, verify_checkpoint
from midtrain_dagster.training.gradient import compute_gradient
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.metrics.log import LOG, StepRecord
from midtrain_dagster.training.record import plan_of
from midtrain_dagster.training.step.failures import LossSpikeError, NonFiniteLossError
from midtrain_dagster.training.step.objective import summed_loss

Make = Callable[..., Job]
SMOLLM = Path(__file__).parents[3] / "data" / "smollm2-135m-instruct"
NEXT = {"start": "base", "schedule": [{"phase": "decay", "shape": "linear", "to": 0.0}]}
WHY = {"reset": "to see what happens"}
MODEL = {"hidden_size": 32, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate_size": 64}


def assert_same_bytes(one: Path, other: Path) -> None:
    assert {file.name for file in one.iterdir()} == {file.name for file in other.iterdir()}
    for file in one.iterdir():
        assert file.read_bytes() == (other / file.name).read_bytes(), file.name


def test_train_learns_and_says_what_it_did(job: Make, tmp_path: Path) -> None:
    records: list[StepRecord] = []
    folders: list[Path] = []
    last = train(
        job(tokens=60 * 256, checkpoint_every=50),
        output=tmp_path,
        on_step=records.append,
        on_checkpoint=folders.append,
    )
    assert [record.step for record in records] == list(range(60))
    assert [record.tokens for record in records] == [256 * (step + 1) for step in range(60)]
    assert records[0].loss == pytest.approx(math.log(97), abs=0.1)
    assert records[-1].loss < records[0].loss - 1
    assert folders == [tmp_path / "step-000050", last] == sorted(tmp_path.iterdir())
    state = verify_checkpoint(last)
    assert (state.step, state.tokens, state.learning_rate) == (60, 60 * 256, 1e-3)
    assert read_log(last) == [record.logged() for record in records]


def test_train_resumed_equals_an_undisturbed_run(job: Make, tmp_path: Path) -> None:
    """In fp32; in bf16, and killed: ``test_resume``."""
    told = job(micro_batch_tokens=96)
    undisturbed = train(told, output=tmp_path / "whole")
    resumed = train(told, output=tmp_path / "rest", resume=tmp_path / "whole" / "step-000003")
    assert undisturbed.name == resumed.name == "step-000008"
    assert_same_bytes(undisturbed, resumed)


def test_train_on_tied_windows_and_classes_of_length_resumes_to_the_same_bytes(
    job: Make, tmp_path: Path
) -> None:
    mixture = {
        "domains": {"web": 0.5, "code": 0.5},
        "length_classes": {"method": "shares", "shares": {0: 0.5, "1/4": 0.5}},
        "max_epochs": 10_000,
    }
    packing = {"method": "untie_knots", "share": 0.7, "knots": ["a", "b"]}
    told = job({"knots": (91, 92)}, packing=packing, mixture=mixture)
    whole = train(told, output=tmp_path / "whole")
    rest = train(told, output=tmp_path / "rest", resume=tmp_path / "whole" / "step-000003")
    assert_same_bytes(whole, rest)
    plan = told.plan(told.open_shards())
    assert any(plan.window(step, slot).knots for step in range(8) for slot in range(8))
    losses = [
        [row["loss"] for row in read_log(folder)]
        for folder in (whole, train(job(), output=tmp_path / "plain"))
    ]
    assert losses[0] != losses[1]


def test_train_on_turned_documents_resumes_to_the_same_bytes(job: Make, tmp_path: Path) -> None:
    sentinels = Sentinels(91, 92, 93, end=94, opening=0)
    fill = {"domains": ["web", "code"], "rate": 0.8}
    told = job({"sentinels": sentinels}, fill_in_the_middle=fill)
    whole = train(told, output=tmp_path / "whole")
    rest = train(told, output=tmp_path / "rest", resume=tmp_path / "whole" / "step-000003")
    assert_same_bytes(whole, rest)
    assert told.plan(told.open_shards()).turned()["turned"].sum() > 0
    again = Job.model_validate_json(told.model_dump_json())
    assert (again.sentinels, again.stage) == (sentinels, told.stage)
    plain = train(job(), output=tmp_path / "plain")
    assert [row["loss"] for row in read_log(whole)] != [row["loss"] for row in read_log(plain)]


def test_train_with_a_batch_that_changes_goes_on_anywhere(job: Make, tmp_path: Path) -> None:
    """In the middle of a level and where the batch changes, with the same windows and rates."""
    ramp = {"batch_tokens": "128 -> 256 @ 384 -> 96 @ 1152", "tokens": 1440, "checkpoint_every": 1}
    told = job(**ramp, micro_batch_tokens=64, noise_scale_every=2)
    records: list[StepRecord] = []
    undisturbed = train(told, output=tmp_path / "whole", on_step=records.append)
    sizes = [128] * 3 + [256] * 3 + [96] * 3
    assert [record.tokens for record in records] == np.cumsum(sizes).tolist()
    begins = np.cumsum([0, *sizes])
    expected = told.stage.schedule.learning_rates(begins, tokens=1440, found=0.0)
    assert [record.learning_rate for record in records] == expected[:-1].tolist()
    for step in (1, 3, 4, 6):
        at = tmp_path / "whole" / f"step-{step:06d}"
        assert verify_checkpoint(at).tokens == begins[step]
        resumed = train(told, output=tmp_path / f"from-{step}", resume=at)
        assert_same_bytes(undisturbed, resumed)
    plan = plan_of(told.record(), told.open_shards())
    assert told.record().windows_per_step == ((3, 4), (3, 8), (3, 3))
    assert [plan.windows_of(step) for step in range(9)] == [size // 32 for size in sizes]


def test_train_on_a_batch_that_changes_does_not_depend_on_micro_batches(
    job: Make, tmp_path: Path
) -> None:
    """The gradient of a step is the mean over its own labels, whatever the micro-batches are."""
    ramp = {"batch_tokens": "128 -> 256 @ 384", "tokens": 896}
    constant = [{"phase": "constant", "learning_rate": 1e-3}]
    whole = train(job(**ramp, schedule=constant), output=tmp_path / "whole")
    parts = train(job(**ramp, schedule=constant, micro_batch_tokens=32), output=tmp_path / "parts")
    for one, other in zip(read_log(whole), read_log(parts), strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)


def test_train_by_default_can_go_on_from_the_way_to_the_same_bytes(
    job: Make, base: Path, tmp_path: Path
) -> None:
    """Nobody asked for checkpoints, and whatever the clock has chosen is no cause of the end."""
    told = job(checkpoint_every=None)
    whole: list[Path] = []
    last = train(told, output=tmp_path / "whole", on_checkpoint=whole.append)
    assert_same_bytes(last, base)
    assert len(whole) >= 2
    assert whole[0].name == "step-000001"
    assert whole[-1] == last
    for folder in whole:
        assert verify_checkpoint(folder).step == int(folder.name[-6:])
        assert_same_bytes(train(told, output=tmp_path / folder.name, resume=folder), base)


def test_train_waits_for_the_disk_where_memory_has_no_room_for_a_copy(
    job: Make, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "has_room_for_a_copy", lambda model: False)
    written = train(job(), output=tmp_path / "run")
    for name in ("step-000003", "step-000006", "step-000008"):
        assert_same_bytes(written.parent / name, base.parent / name)


def test_train_fails_where_a_checkpoint_cannot_be_written(job: Make, tmp_path: Path) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device", str(folder))

    steps: list[StepRecord] = []
    told = job(tokens=1000 * 256)
    with pytest.raises(OSError, match="No space left"):
        train(told, output=tmp_path, on_step=steps.append, on_checkpoint=full)
    assert len(steps) < 1000


def test_train_resumed_inherits_what_the_whole_run_did(
    job: Make, base: Path, tmp_path: Path
) -> None:
    told = job({"name": "annealed", "start": base}, **NEXT)
    undisturbed = train(told, output=tmp_path / "whole")
    resumed = train(told, output=tmp_path / "rest", resume=tmp_path / "whole" / "step-000006")
    assert_same_bytes(undisturbed, resumed)
    assert read_log(undisturbed)[0]["learning_rate"] == 1e-3


def test_train_returns_a_finished_run_as_it_is(job: Make, base: Path, tmp_path: Path) -> None:
    assert train(job(), output=tmp_path / "again", resume=base) == base
    assert not (tmp_path / "again").exists()


def first_batch(told: Job) -> Any:
    shards = told.open_shards()
    plan = told.plan(shards)
    windows = [plan.window(0, slot) for slot in range(told.stage.windows_per_step)]
    return collate(shards, windows, sequence_length=told.stage.sequence_length, padding=0)


def updated_by_hand(start: Path, told: Job, *, keep_moments: bool) -> dict[str, torch.Tensor]:
    """AdamW with clipping, by its formulas (arXiv 1711.05101): one update, learning rate 1e-3."""
    model = load_to_train(start)
    batch = first_batch(told)
    found = logits(model, torch.from_numpy(batch.input_ids), torch.from_numpy(batch.position_ids))
    (summed_loss(found, torch.from_numpy(batch.labels)) / batch.labelled).backward()
    stored = load_file(start / "optimizer.safetensors")
    count = int(stored["steps"]) + 1 if keep_moments else 1
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    norm = math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients.values()))
    updated = {}
    for name, parameter in model.named_parameters():
        gradient = gradients[name] * min(1.0, 1.0 / norm)
        first = stored[f"exp_avg.{name}"] if keep_moments else torch.zeros_like(parameter)
        second = stored[f"exp_avg_sq.{name}"] if keep_moments else torch.zeros_like(parameter)
        first = 0.9 * first + 0.1 * gradient
        second = 0.95 * second + 0.05 * gradient**2
        decay = 0.1 if parameter.ndim == 2 and "embed" not in name else 0.0
        moved = first / (1 - 0.9**count) / ((second / (1 - 0.95**count)).sqrt() + 1e-8)
        updated[name] = (parameter * (1 - 1e-3 * decay) - 1e-3 * moved).detach()
    return updated


@pytest.mark.parametrize("moments", ["keep", WHY])
def test_train_uses_the_moments_it_inherits(
    job: Make, base: Path, tmp_path: Path, moments: Any
) -> None:
    told = job(
        {"name": "annealed", "start": base}, **NEXT, tokens=256, inherit={"moments": moments}
    )
    last = train(told, output=tmp_path / "annealed")
    found = load_file(last / "model.safetensors")
    expected = updated_by_hand(base, told, keep_moments=moments == "keep")
    other = updated_by_hand(base, told, keep_moments=moments != "keep")
    for name, weights in expected.items():
        torch.testing.assert_close(found[name], weights, rtol=1e-5, atol=2e-6)
    assert max(float((other[name] - found[name]).abs().max()) for name in other) > 1e-4


def test_train_draws_weights_anew_that_are_reset(job: Make, base: Path, tmp_path: Path) -> None:
    inherit = {"weights": WHY, "moments": WHY}
    told = job({"name": "annealed", "start": base}, **NEXT, tokens=256, inherit=inherit)
    last = train(told, output=tmp_path / "annealed")
    assert read_log(last)[0]["loss"] == pytest.approx(math.log(97), abs=0.1)


def test_train_in_micro_batches_has_the_same_loss(job: Make, base: Path, tmp_path: Path) -> None:
    """Nor do workers: ``step/test_parallel``."""
    whole = read_log(base)
    pieces = read_log(train(job(micro_batch_tokens=96), output=tmp_path / "pieces"))
    for field in ("loss", "gradient_norm"):
        found, expected = ([record[field] for record in log] for log in (pieces, whole))
        np.testing.assert_allclose(found, expected, rtol=2e-5)


def overflowing(job: Make, base: Path, tmp_path: Path, **stage: Any) -> Job:
    """A job whose start has finite weights and no finite logits."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((base / "config.json").read_bytes())
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"][3] = 3e38
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    inherit = {"moments": WHY, "learning_rate": WHY}
    schedule = [{"phase": "constant", "learning_rate": 1e-3}]
    return job({"start": broken}, start="base", schedule=schedule, inherit=inherit, **stage)


def test_train_stops_at_a_loss_that_is_not_a_number(job: Make, base: Path, tmp_path: Path) -> None:
    told = overflowing(job, base, tmp_path)
    step = told.plan(told.open_shards()).documents_of_step(0)
    with pytest.raises(NonFiniteLossError, match="base, step 0: loss nan") as error:
        train(told, output=tmp_path / "run")
    assert all(identity in str(error.value) for identity in step["id"])
    assert not (tmp_path / "run").exists()


def with_a_broken_token(job: Make, tmp_path: Path, **stage: Any) -> tuple[Job, list[int]]:
    """A job whose gradient overflows where token 50 is to be predicted; and the steps that do so.

    The first dimension is positive at every position, and the head takes it for 1e30 against 50.
    """
    untied = {**MODEL, "tie_embeddings": False}
    model = new_model(ModelConfig.model_validate(untied), vocabulary=97, sequence_length=32, seed=1)
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 5.0
        model.lm_head.weight[50, 0] = -1e30
    model.save_pretrained(tmp_path / "broken")
    inherit = {"moments": WHY, "learning_rate": WHY}
    told = job(
        {"start": tmp_path / "broken"},
        start="base",
        schedule=[{"phase": "constant", "learning_rate": 1e-3}],
        inherit=inherit,
        batch_tokens=64,
        **{"tokens": 12 * 64, **stage},
    )
    plan, shards = told.plan(told.open_shards()), told.open_shards()
    broken = [
        step
        for step in range(told.stage.steps)
        if any(
            50 in shards.tokens(*span)[1:]
            for slot in range(2)
            for span in plan.window(step, slot).spans
        )
    ]
    return told, broken


def test_train_changes_nothing_but_the_log_in_a_skipped_step(job: Make, tmp_path: Path) -> None:
    told, broken = with_a_broken_token(job, tmp_path, failures={"not_finite": "skip"})
    assert 2 < len(broken) < 10
    last = train(told, output=tmp_path / "whole")
    log = read_log(last)
    assert [record["step"] for record in log] == list(range(12))
    assert [record["step"] for record in log if record["skipped"] == "not finite"] == broken
    assert [record["step"] for record in log if record["loss"] is None] == broken
    assert int(load_file(last / "optimizer.safetensors")["steps"]) == 12 - len(broken)
    assert all(tensor.isfinite().all() for tensor in load_file(last / "model.safetensors").values())

    resumed = train(told, output=tmp_path / "rest", resume=tmp_path / "whole" / "step-000006")
    assert_same_bytes(last, resumed)


def test_train_stops_where_it_only_skips(job: Make, tmp_path: Path) -> None:
    schedule = [{"phase": "constant", "learning_rate": 1e30}]
    told = job(schedule=schedule, tokens=20 * 256, failures={"not_finite": "skip"})
    with pytest.raises(NonFiniteLossError, match=r"base, step 11: .* after 10 skipped steps"):
        train(told, output=tmp_path)


def test_train_stops_where_it_skips_all_of_a_short_stage(
    job: Make, base: Path, tmp_path: Path
) -> None:
    told = overflowing(job, base, tmp_path, failures={"not_finite": "skip"}, tokens=3 * 256)
    with pytest.raises(NonFiniteLossError, match=r"step 2: .* after 2 skipped steps in a row"):
        train(told, output=tmp_path / "run")


def test_train_skips_a_spike_and_again_on_a_resume(job: Make, tmp_path: Path) -> None:
    spike = {"action": "skip", "deviations": 0.5, "window": 4}
    told = job(tokens=16 * 256, failures={"spike": spike})
    last = train(told, output=tmp_path / "whole")
    log = read_log(last)
    skipped = [record["step"] for record in log if record["skipped"] == "spike"]
    assert skipped
    assert all(record["loss"] is not None for record in log)
    for step in skipped:
        window = log[max(0, step - 4) : step]
        assert any(
            log[step][name] > np.mean(values) + 0.5 * np.std(values, ddof=1)
            for name in ("loss", "gradient_norm")
            for values in [[record[name] for record in window]]
        )
    before = max(step for step in range(3, 16, 3) if step <= skipped[-1])
    checkpoint = tmp_path / "whole" / f"step-{before:06d}"
    assert_same_bytes(last, train(told, output=tmp_path / "rest", resume=checkpoint))
    stops = job(tokens=16 * 256, failures={"spike": {**spike, "action": "stop"}})
    with pytest.raises(LossSpikeError, match=f"base, step {skipped[0]}: loss .* documents: doc"):
        train(stops, output=tmp_path / "stopped")


def test_train_retries_after_a_fault_of_the_machine(
    job: Make, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: one gradient of the third step is spoiled, once."""
    told = job(failures={"not_finite": "retry"})
    attempts: list[int] = []

    def spoiled(module: Any, *arguments: Any, **options: Any) -> Any:
        found = compute_gradient(module, *arguments, **options)
        attempts.append(len(attempts))
        if len(attempts) == 3:
            next(module.parameters()).grad[0, 0] = float("nan")
            return replace(found, norm=float("nan"))
        return found

    monkeypatch.setattr(loop, "compute_gradient", spoiled)
    assert_same_bytes(train(told, output=tmp_path / "run"), base)
    assert len(attempts) == 8 + 1


def test_train_stops_at_what_fails_again(job: Make, tmp_path: Path) -> None:
    told, broken = with_a_broken_token(job, tmp_path, failures={"not_finite": "retry"})
    with pytest.raises(NonFiniteLossError, match=f"step {broken[0]}: .*, twice; its documents"):
        train(told, output=tmp_path / "run")


def test_train_measures_the_noise_scale_at_intervals(job: Make, base: Path, tmp_path: Path) -> None:
    log = read_log(train(job(noise_scale_every=3), output=tmp_path / "run"))
    names = ("gradient_square", "gradient_variance")
    measured = [record["step"] for record in log if record["gradient_square"] is not None]
    assert measured == [0, 3, 6]
    for record, plain in zip(log, read_log(base), strict=True):
        assert record["loss"] == pytest.approx(plain["loss"], rel=1e-5)
        assert (record["gradient_variance"] is None) == (record["step"] not in measured)
    square, variance = (np.mean([log[step][name] for step in measured]) for name in names)
    assert log[6]["noise_scale"] == pytest.approx(variance / square)


def test_train_with_a_z_loss_holds_the_partition(job: Make, tmp_path: Path) -> None:
    logs = [
        read_log(train(job(z_loss=z_loss, tokens=24 * 256), output=tmp_path / str(z_loss)))
        for z_loss in (0.0, 1e-4, 1.0)
    ]
    assert len({log[0]["loss"] for log in logs}) == 1
    assert logs[1][-1]["loss"] == pytest.approx(logs[0][-1]["loss"], rel=0.01)
    partitions = []
    for z_loss in (0.0, 1.0):
        model = load_to_train(tmp_path / str(z_loss) / "step-000024")
        with torch.no_grad():
            logits = model(input_ids=torch.arange(32)[None], use_cache=False).logits
        partitions.append(float(logits.logsumexp(-1).square().mean()))
    assert partitions[1] < partitions[0] / 2


def test_train_takes_longer_windows_on_extended_positions(
    job: Make, base: Path, tmp_path: Path
) -> None:
    longer = NEXT | {"sequence_length": 64, "tokens": 512}
    with pytest.raises(TransitionError, match="sequence_length 64 is beyond the 32 positions"):
        train(job({"start": base}, **longer), output=tmp_path / "refused")
    rope = {"method": "yarn", "factor": 2, "original_length": 32}
    last = train(job({"start": base}, **longer, rope=rope), output=tmp_path / "longer")
    config = load_to_train(last).config
    assert config.max_position_embeddings == 64
    assert config.rope_parameters["factor"] == 2


def test_train_refuses_a_learning_rate_that_jumps(job: Make, base: Path, tmp_path: Path) -> None:
    jump = NEXT | {"schedule": [{"phase": "constant", "learning_rate": 5e-3}]}
    with pytest.raises(TransitionError, match=r"jumps from 0\.001"):
        train(job({"start": base}, **jump), output=tmp_path / "refused")


def test_train_finds_no_moments_in_a_base_from_elsewhere(job: Make, tmp_path: Path) -> None:
    given = {"start": SMOLLM, "name": "annealed"}
    with pytest.raises(TransitionError, match="the learning rate of 'base' is not known"):
        train(job(given, **NEXT), output=tmp_path)
    fresh = NEXT | {
        "schedule": [{"phase": "constant", "learning_rate": 1e-4}],
        "inherit": {"learning_rate": WHY},
    }
    with pytest.raises(CheckpointError, match="no moments to keep"):
        train(job(given, **fresh), output=tmp_path)
    with pytest.raises(TransitionError, match="the tokenizer has 50000 tokens"):
        train(job(given | {"vocabulary": 50_000}, **fresh), output=tmp_path)


def test_train_refuses_to_resume_from_another_run(job: Make, base: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="of stage 'base' with seed 5, not of 'other'"):
        train(job({"name": "other"}), output=tmp_path / "run", resume=base)


def test_train_on_what_an_assistant_says_counts_it_and_passes_over_steps_without_any(
    job: Make, corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    tokens = int(np.memmap(corpus[0], "<u2", mode="r").size)
    for name, bits in (("half", np.arange(tokens) % 2), ("none", np.zeros(tokens, np.int64))):
        (tmp_path / f"{name}.bits").write_bytes(np.packbits(bits.astype(np.bool_)).tobytes())
    half = job({"targets": [tmp_path / "half.bits"]}, loss_on="assistant")
    log = read_log(train(half, output=tmp_path / "half"))
    shards = half.open_shards()
    plan = half.plan(shards)
    for step, row in enumerate(log):
        windows = [plan.window(step, slot) for slot in range(8)]
        batch = collate(shards, windows, sequence_length=32, padding=0, loss_on="assistant")
        assert row["targets"] == batch.labelled
        assert 60 < row["targets"] < 200
    # Without loss_on the same shards are learnt throughout, and the log is as it always was.
    plain = read_log(train(half.model_copy(update={"stage": job().stage}), output=tmp_path / "all"))
    assert [set(row) for row in plain] == [set(LOG)] * 8

    empty = job({"targets": [tmp_path / "none.bits"]}, loss_on="assistant")
    last = train(empty, output=tmp_path / "none")
    for row in read_log(last):
        assert (row["loss"], row["gradient_norm"], row["targets"]) == (None, 0.0, 0)
        assert row["skipped"] is None
    begun = load_file(last.parent / "step-000003/model.safetensors")
    for name, tensor in load_file(last / "model.safetensors").items():
        assert torch.equal(tensor, begun[name])
