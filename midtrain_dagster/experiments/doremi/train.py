"""DoReMi's second run: a proxy whose domain weights follow its losses.

The trainer's step takes the mean over all labels of its batch, whoever they are from, and knows no
second model; so the loop here is its own. Everything else is the trainer's: the plan of windows
(each is of one domain), the batches, a stage's beginning, its optimizer, clipping and rates. A
step needs its excess losses before it knows its objective, so it is one forward pass over the whole
batch, whose logits are held at once: proxies are small. Where a step has no window of a domain, its
excess is that of the last step that had one, as in the authors' code.

The objective is the sum of weight times excess, of which a token that the proxy predicts better
than the reference is no part (as huggingface/nanotron's ``examples/doremi`` has it).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from midtrain_dagster.dataloader.batch import UNLABELLED, Batch, collate
from midtrain_dagster.experiments.doremi import update
from midtrain_dagster.experiments.doremi.update import Floats, updated
from midtrain_dagster.experiments.short_run import Vocabulary
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.tokens.splits import shard_files
from midtrain_dagster.training import loop
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.position import started
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.step.failures import failed_step
from midtrain_dagster.training.step.parallel import Place

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
USES = (update, loop)

STEPS = pl.Schema(
    {"step": pl.Int64, "domain": pl.String, "excess": pl.Float64, "weight": pl.Float64}
)
"""A row a step and domain: the excess loss in nats a token, and the weight after the step."""


@dataclass(frozen=True)
class Ground:
    """What both runs have in common."""

    shards: Path
    """A folder of token shards that holds the domains."""
    vocabulary: Vocabulary
    model: ModelConfig
    seed: int

    def job(self, name: str, stage: Stage) -> Job:
        """The training of a stage from random weights."""
        return Job(
            name=name,
            stage=stage,
            seed=self.seed,
            shards=tuple((each.tokens, each.index) for each in shard_files(self.shards)),
            token_dtype=self.vocabulary.dtype,
            padding=self.vocabulary.padding,
            vocabulary=self.vocabulary.tokens,
            model=self.model,
        )


def reference(ground: Ground, stage: Stage, output: Path) -> Path:
    """Train the reference as any stage is; returns the folder of its model, below ``output``."""
    return loop.train(ground.job("reference", stage), output=output)


def reweigh(
    ground: Ground,
    stage: Stage,
    reference: Path,
    *,
    domains: Sequence[str],
    step_size: float,
    smoothing: float,
) -> pl.DataFrame:
    """Train the proxy on ``stage``, which reads all ``domains`` alike, beside the ``reference``;
    returns :data:`STEPS`.

    Raises ``NonFiniteLossError`` for a loss that is no number.
    """
    import torch

    from midtrain_dagster.models.load import load_to_evaluate

    job = ground.job("proxy", stage)
    opened = job.open_shards()
    planned = job.plan(opened)
    planned.check()
    judge, position = load_to_evaluate(reference), started(job, Place(0, 1, "cpu"))
    weights = np.full(len(domains), 1 / len(domains))
    excess, rows = np.zeros(len(domains)), []
    parameters = [each for each in position.model.parameters() if each.requires_grad]
    for step in range(stage.steps):
        windows = [planned.window(step, slot) for slot in planned.slots(0, 1, step)]
        batch = collate(opened, windows, sequence_length=stage.sequence_length, padding=job.padding)
        of = np.array([domains.index(window.domain) for window in windows])
        found = token_excess(position.model, judge, batch)
        excess_now, present = by_domain(found, batch, of, len(domains))
        excess = np.where(present, excess_now.detach().double().numpy(), excess)
        if not np.isfinite(excess).all():
            raise failed_step("not finite", f"doremi, step {step}: an excess loss is no number")
        weights = updated(weights, excess, step_size=step_size, smoothing=smoothing)
        (torch.from_numpy(weights).float() * excess_now).sum().backward()
        torch.nn.utils.clip_grad_norm_(parameters, stage.optimizer.clip or math.inf)
        for group in position.optimizer.param_groups:
            group["lr"] = float(position.learning_rates[step])
        position.optimizer.step()
        position.optimizer.zero_grad()
        rows += [
            (step, name, float(over), float(weight))
            for name, over, weight in zip(domains, excess, weights, strict=True)
        ]
    return pl.DataFrame(rows, STEPS, orient="row")


def token_excess(proxy: Any, reference: Any, batch: Batch) -> "Tensor":
    """By how much the proxy loses more than the reference on each token ``[windows, L - 1]``, in
    nats; 0 where it loses less, and where there is no label."""
    import torch

    losses = _token_losses(proxy, batch)
    with torch.inference_mode():
        known = _token_losses(reference, batch)
    return (losses - known.clone()).clamp(min=0)


def by_domain(
    excess: "Tensor", batch: Batch, of: np.ndarray, count: int
) -> "tuple[Tensor, np.ndarray]":
    """The mean excess over each domain's labelled tokens ``[count]`` (0 without any), and which
    domains have some; ``of`` is the number of each window's domain."""
    import torch

    labels = np.count_nonzero(batch.labels[:, 1:] != UNLABELLED, axis=1)
    tokens = np.bincount(of, labels, minlength=count)
    sums = torch.zeros(count).index_add(0, torch.from_numpy(of), excess.sum(dim=1))
    return sums / torch.from_numpy(np.maximum(tokens, 1)).float(), tokens > 0


def _token_losses(model: Any, batch: Batch) -> "Tensor":
    """The loss of each token but the first ``[windows, L - 1]``, 0 where it has no label."""
    import torch
    from torch.nn.functional import cross_entropy

    from midtrain_dagster.models.head import logits

    ids, places = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.position_ids)
    labels = torch.from_numpy(batch.labels)[:, 1:]
    made = logits(model, ids, places)[:, :-1].float()
    return cross_entropy(
        made.flatten(0, 1), labels.flatten(), reduction="none", ignore_index=UNLABELLED
    ).view_as(labels)


def mean_weights(steps: pl.DataFrame) -> Floats:
    """The mean weight of each domain over all steps, in the order in which they stand."""
    found = steps.group_by("domain", maintain_order=True).agg(pl.col("weight").mean())
    return found["weight"].to_numpy()
