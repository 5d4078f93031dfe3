"""A small supervised fine-tuning, the same for every checkpoint: judged by what it becomes.

Mid-training is for the sake of what comes after. A model whose rate never decayed looks worse than
a decayed one before it is fine-tuned, and may be better after (the survey *LLM Mid-Training*, arXiv
2510.23081, section 2); so a recipe may ask for a few hundred steps on instructions, fixed once for
all checkpoints, and for every measure on what comes out. It is a check and no product; what comes
after mid-training proper is another tool's work.

The rate rises over the first 3% of the steps and falls to 0 along a line, as in Tülu 3 (arXiv
2411.15124, table 10). Moments begin at zero, since another objective begins.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.dataloader.batch import LossOn
from midtrain_dagster.mixture.weights import Share
from midtrain_dagster.training.stage import Stage

WARMUP = 0.03

WHY = {"reset": "a fine-tuning has an objective, a rate and an order of its own"}

KEPT = (
    *("sequence_length", "packing", "positions", "optimizer", "precision", "micro_batch_tokens"),
    *("z_loss", "failures"),
)
"""What a short stage has as the stage that it goes on from, unless it says its own."""


class FineTuning(FrozenModel):
    """What every checkpoint is fine-tuned on, and how long."""

    domains: Annotated[dict[str, Share], Field(min_length=1)]
    """Domains of instructions, conversations or questions with answers, and their shares."""
    steps: Annotated[int, Field(ge=2)] = 200
    """Steps, the same for all."""
    rate: Annotated[float, Field(gt=0)]
    """The learning rate at its height."""
    batch_tokens: Tokens
    """Tokens of a step."""
    sequence_length: Annotated[int | None, Field(ge=2)] = None
    """Tokens of a window; null: as the stage's that is fine-tuned."""
    loss_on: LossOn = "assistant"
    """Which tokens of conversations the loss is taken on."""
    max_epochs: float = Field(
        default=4.0, gt=0, description="Most passes over the documents of a domain"
    )

    def stage(self, start: str, before: Stage | None, fields: Mapping[str, Any]) -> Stage:
        """The stage that fine-tunes the checkpoint called ``start``, which the stage ``before``
        trained (None: a given base, of which the recipe says ``fields``, the window for one)."""
        tokens = self.steps * self.batch_tokens
        warmup = max(1, round(WARMUP * self.steps)) * self.batch_tokens
        own = {} if self.sequence_length is None else {"sequence_length": self.sequence_length}
        return Stage.model_validate(
            {
                **kept_of(before),
                **fields,
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


def kept_of(before: Stage | None, fields: Sequence[str] = KEPT) -> dict[str, Any]:
    """The fields that a short stage takes over from the stage that it goes on from."""
    if before is None:
        return {}
    said = before.model_dump(exclude_unset=True)
    return {name: said[name] for name in fields if name in said}
