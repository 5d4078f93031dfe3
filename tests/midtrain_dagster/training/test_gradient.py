"""One step's gradient: the same however it is split, and measured on the way."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from transformers import AutoTokenizer

from midtrain_dagster.dataloader.batch import UNLABELLED, Batch, collate
from midtrain_dagster.dataloader.plan import Span, Window
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.tokens.chat_splits import shard_conversations
from midtrain_dagster.tokens.splits import open_shards
from midtrain_dagster.tokens.transcript import LAYOUT, transcript
from midtrain_dagster.training.gradient import compute_gradient, micro_batches
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.step.objective import make_objective

SMOLLM2 = Path(__file__).parents[3] / "data/smollm2-135m-instruct"
MODEL = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)

Make = Callable[..., Job]


def first_batch(told: Job, slots: range) -> Batch:
    shards = told.open_shards()
    plan = told.plan(shards)
    windows = [plan.window(0, slot) for slot in slots]
    return collate(shards, windows, sequence_length=told.stage.sequence_length, padding=0)


def module_of(told: Job) -> torch.nn.Module:
    assert told.model is not None
    return make_objective(new_model(told.model, vocabulary=97, sequence_length=32, seed=0).eval())


def gradients(module: torch.nn.Module) -> list[torch.Tensor]:
    return [p.grad.clone() for p in module.parameters() if p.grad is not None]


@pytest.mark.parametrize(
    "stage, workers, expected",
    [
        ({}, 1, (1, 8)),
        ({"micro_batch_tokens": 96}, 1, (3, 3)),
        ({"micro_batch_tokens": 96}, 3, (1, 3)),
        ({"micro_batch_tokens": 32}, 3, (3, 1)),
        ({"micro_batch_tokens": 32 * 100}, 1, (1, 8)),
    ],
)
def test_micro_batches_are_as_many_on_every_worker(
    job: Make, stage: dict[str, Any], workers: int, expected: tuple[int, int]
) -> None:
    assert micro_batches(job(**stage).stage, workers) == expected


def test_micro_batches_are_two_for_the_noise_scale(job: Make) -> None:
    assert micro_batches(job().stage, 1, split=True) == (2, 4)
    assert micro_batches(job().stage, 3, split=True) == (2, 2)
    assert micro_batches(job(micro_batch_tokens=96).stage, 1, split=True) == (3, 3)


@pytest.mark.parametrize("size", [32, 96, 160])
def test_compute_gradient_is_of_the_mean_over_all_labels(job: Make, size: int) -> None:
    told = job(optimizer={"clip": None})
    batch = first_batch(told, range(8))
    one, other = module_of(told), module_of(told)
    tensors = [torch.from_numpy(a) for a in (batch.input_ids, batch.position_ids, batch.labels)]
    _, summed, _ = one(*tensors)
    (one(*tensors)[0] / batch.labelled).backward()
    stage = job(optimizer={"clip": None}, micro_batch_tokens=size).stage
    found = compute_gradient(other, stage, batch, world_size=1, measure=False)
    assert found.loss == pytest.approx(summed.item() / batch.labelled, rel=1e-6)
    assert found.squares is None
    for mine, theirs in zip(gradients(other), gradients(one), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-7)
    norm = torch.sqrt(sum(g.double().square().sum() for g in gradients(one)))  # type: ignore
    assert found.norm == pytest.approx(norm.item(), rel=1e-5)


def test_compute_gradient_clips_and_says_what_the_norm_was(job: Make) -> None:
    told = job(optimizer={"clip": 0.01})
    module = module_of(told)
    found = compute_gradient(
        module, told.stage, first_batch(told, range(8)), world_size=1, measure=False
    )
    assert found.norm > 0.1
    norm = torch.nn.utils.get_total_norm(gradients(module))
    assert norm.item() == pytest.approx(0.01, rel=1e-3)


def test_compute_gradient_squares_the_first_part_and_all(job: Make) -> None:
    told = job(optimizer={"clip": None})
    batch = first_batch(told, range(8))
    found = compute_gradient(module_of(told), told.stage, batch, world_size=1, measure=True)
    half = first_batch(told, range(4))
    alone = compute_gradient(module_of(told), told.stage, half, world_size=1, measure=False)
    assert found.squares is not None
    assert found.squares.small == pytest.approx(alone.norm**2, rel=1e-5)
    assert found.squares.small_inverse == pytest.approx(1 / half.labelled)
    assert found.squares.big == pytest.approx(found.norm**2, rel=1e-6)
    assert found.squares.big_inverse == pytest.approx(1 / batch.labelled)


def test_loss_of_a_conversation_is_that_of_transformers_with_the_prompt_unlabelled(
    job: Make, tmp_path: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(SMOLLM2)
    messages = [
        {"role": "user", "content": "How deep is the sea?"},
        {"role": "assistant", "content": "Some 3,700 metres."},
    ]
    prompt = tokenizer.apply_chat_template(
        messages[:1], add_generation_prompt=True, return_dict=False
    )
    ids = tokenizer.apply_chat_template(messages, return_dict=False)
    labels = [UNLABELLED] * len(prompt) + ids[len(prompt) : -1] + [UNLABELLED]
    model = new_model(MODEL, vocabulary=len(tokenizer), sequence_length=64, seed=0).eval()
    by_hand = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
    by_hand.backward()
    expected = gradients(model)

    text, layout = transcript({"messages": messages})
    documents = pl.DataFrame(
        {"id": "a", "source": "chat", "domain": "chat", "text": text}
        | {"metadata": json.dumps({LAYOUT: layout})}
    )
    decisions = pl.DataFrame({"id": "a", "keep": True, "copies": 1, "edits": [[]]})
    made: Any = shard_conversations(documents, decisions, tokenizer=SMOLLM2, share=0.0, seed=0)
    made["train_tokens"].tofile(tmp_path / "train_tokens.bin")
    made["train_index"].write_parquet(tmp_path / "train_index.parquet")
    (tmp_path / "train_targets").write_bytes(made["train_targets"])
    shards = open_shards(tmp_path, dtype="<u2")
    windows = [Window("chat", (Span(0, 0, len(ids)),))]
    batch = collate(shards, windows, sequence_length=64, padding=2, loss_on="assistant")
    assert batch.labelled == len(ids) - len(prompt) - 1
    model.zero_grad()
    stage = job(optimizer={"clip": None}, sequence_length=64).stage
    found = compute_gradient(make_objective(model), stage, batch, world_size=1, measure=False)
    assert found.labels == batch.labelled
    assert found.loss == pytest.approx(by_hand.item(), rel=1e-6)
    for mine, theirs in zip(gradients(model), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-7)


def test_a_step_without_a_label_has_no_gradient_and_nothing_that_is_no_number(job: Make) -> None:
    told = job(optimizer={"clip": None})
    batch = first_batch(told, range(8))
    batch = replace(batch, labels=np.full_like(batch.labels, UNLABELLED))
    found = compute_gradient(module_of(told), told.stage, batch, world_size=1, measure=True)
    assert (found.loss, found.norm, found.labels, found.squares) == (0.0, 0.0, 0, None)
