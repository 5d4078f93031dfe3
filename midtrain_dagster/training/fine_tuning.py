"""A small supervised fine-tuning, the same for every checkpoint: judged by what it becomes.

Mid-training is for the sake of what comes after. A model whose rate never decayed looks worse than
a decayed one before it is fine-tuned, and may be better after (the survey *LLM Mid-Training*, arXiv
2510.23081, section 2); so a recipe may ask for a few hundred steps on instructions, fixed once for
all checkpoints, and for every measure on what comes out. It is a check and no product; what comes
after mid-training proper is another tool's work.

The rate rises over the first 3% of the steps (two at least, for the first has rate 0) and falls to
0 along a line, as in Tülu 3 (arXiv 2411.15124, table 10). Moments begin at zero, since another
objective begins.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.dataloader.batch import LossOn
from midtrain_dagster.mixture.weights import Share
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale, scaled_stage
from midtrain_dagster.training.stage import Stage

WARMUP = 0.03

WHY = {"reset": "a fine-tuning has an objective, a rate and an order of its own"}

KEPT = (
    *("sequence_length", "packing", "positions", "optimizer", "precision", "micro_batch_tokens"),
    *("z_loss", "failures"),
)
"""What a short stage has as the stage that it goes on from, unless it says its own."""

MACHINES = ("workers", "parallel", "context_parallel", "activation_checkpointing", "accelerator")
"""The same, of one that is trained as stages are."""


class FineTuning(FrozenModel):
    """What every checkpoint is fine-tuned on, and how long."""

    domains: Annotated[dict[str, Share], Field(min_length=1)]
    """Domains of instructions, conversations or questions with answers, and their shares."""
    steps: Annotated[int, Field(ge=4)] = 200
    """Steps, the same for all."""
    rate: Annotated[float, Field(gt=0)]
    """The learning rate at its height."""
    batch_tokens: Tokens
    """Tokens of a step."""
    sequence_length: Annotated[int | None, Field(ge=2)] = None
    """Tokens of a window; null: as the stage's that is fine-tuned."""
    loss_on: LossOn = "assistant"
    """Which tokens of conversations the loss is taken on."""
    checkpoints: tuple[str, ...] | None = None
    """The checkpoints that are fine-tuned and measured after it, as ``NAME/fine_tuned``; null: all
    of the recipe."""
    max_epochs: float = Field(
        default=4.0, gt=0, description="Most passes over the documents of a domain"
    )

    def stage(self, start: str, before: Stage | None, kept: Sequence[str] = ()) -> Stage:
        """The stage that fine-tunes the checkpoint called ``start``, which the stage ``before``
        trained (None: a given base, and the section says its window). ``kept`` are fields that it
        has as that stage, beside :data:`KEPT`."""
        tokens = self.steps * self.batch_tokens
        warmup = max(2, round(WARMUP * self.steps)) * self.batch_tokens
        own = {} if self.sequence_length is None else {"sequence_length": self.sequence_length}
        return Stage.model_validate(
            {
                **kept_of(before, (*KEPT, *kept)),
                **own,
                "start": start,
                "tokens": tokens,
                "batch_tokens": self.batch_tokens,
                "schedule": [
                    {"phase": "warmup", "start": 0.0, "to": self.rate, "tokens": warmup},
                    {"phase": "decay", "shape": "linear", "to": 0.0},
                ],
                "mixture": {"domains": self.domains, "max_epochs": self.max_epochs},
                "loss_on": self.loss_on,
                "inherit": dict.fromkeys(("moments", "learning_rate", "data", "rng"), WHY),
            }
        )

    def tuned(self, checkpoints: Sequence[str]) -> list[str]:
        """Those of the checkpoints that are fine-tuned."""
        chosen = checkpoints if self.checkpoints is None else self.checkpoints
        return [each for each in checkpoints if each in chosen]


def fine_tunings(
    tuning: FineTuning,
    checkpoints: Sequence[str],
    every: Sequence[Run],
    ingredients: Mapping[str, Sequence[str]],
    scale: Scale,
    *,
    seed: int,
) -> list[Run]:
    """A run for each checkpoint that is fine-tuned, at the recipe's scale.

    ``every`` are the runs that train checkpoints, at full scale, ``ingredients`` those of soups; a
    given base has the window of the first stage.
    """
    by_name = {run.name: run.stage for run in every}
    found = []
    for name in tuning.tuned(checkpoints):
        trained = ingredients.get(name, [name])[0]
        before = by_name.get(trained, every[0].stage)
        stage = scaled_stage(tuning.stage(name, before, MACHINES), scale)
        found.append(Run(name, stage, seed, "fine_tuned"))
    return found


def kept_of(before: Stage | None, fields: Sequence[str] = KEPT) -> dict[str, Any]:
    """The fields that a short stage takes over from the stage that it goes on from."""
    if before is None:
        return {}
    said = before.model_dump(exclude_unset=True)
    return {name: said[name] for name in fields if name in said}
