"""A small generator: a given model, fine-tuned on pairs that a method of synthesis accepted.

After JiuZhang3.0 (arXiv 2405.14365, section 3.1), whose numbers are the defaults: five epochs at a
rate of 1e-5, 32 windows of 2,048 tokens a step. The shape of the schedule is ours: a warm-up of a
twentieth, then a line to a tenth. The loss is taken on answers alone.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.step.parallel import Parallel
from midtrain_dagster.training.transition.config import CONFIG
from midtrain_dagster.training.transition.given import is_hub_id

VERSION = 1

WARMUP = 0.05
"""Of the tokens, that the rate rises over."""

LAST = 0.1
"""Of the rate, where the schedule ends."""


class SmallGenerator(FrozenModel):
    """A small generator that is trained on a method's accepted pairs."""

    pairs_of: str = Field(description="the method of synthesis whose accepted pairs are learnt")
    base: Annotated[str, NOT_A_CAUSE] = Field(
        description="the model that learns them: a Hugging Face folder, relative to the recipe, "
        "or a hub id"
    )
    epochs: int = Field(default=5, gt=0, description="passes over the pairs")
    learning_rate: float = Field(default=1e-5, gt=0, description="where the warm-up ends")
    batch_tokens: Tokens = 65_536
    """Tokens of a step."""
    sequence_length: int = Field(
        default=2048, ge=64, description="tokens of a window; a pair that is longer is left out"
    )
    seed: Seed = 0
    """Of the order of the pairs."""
    workers: Annotated[int, Field(ge=1), NOT_A_CAUSE] = 1
    """As of a stage."""
    parallel: Annotated[Parallel, NOT_A_CAUSE] = "ddp"
    """As of a stage."""
    accelerator: Annotated[str, Field(pattern="^(cpu|gpu)$"), NOT_A_CAUSE] = "cpu"
    """As of a stage."""

    def findings(self, find: Callable[[str], str]) -> Iterator[Finding]:
        """A base that is no model's folder, and windows that are too long for it."""
        folder = Path(find(self.base))
        if folder.is_dir() or not is_hub_id(self.base):
            config = folder / CONFIG
            if not config.is_file():
                yield Finding(("base",), f"{folder}: there is no model's folder: correct `base`")
                return
            longest = json.loads(config.read_text("utf-8")).get("max_position_embeddings")
            if longest is not None and longest < self.sequence_length:
                yield Finding(
                    ("sequence_length",),
                    f"{self.sequence_length} exceeds the {longest} positions of {folder.name}",
                )

    def stage(self, tokens: int, domain: str) -> Stage:
        """How it is trained on a domain of so many tokens: as a stage that starts from ``base``."""
        steps = max(2, -(-self.epochs * tokens // self.batch_tokens))
        new = "a model that is given has none of this task"
        return Stage.model_validate(
            {
                "start": "base",
                "tokens": steps * self.batch_tokens,
                "batch_tokens": self.batch_tokens,
                "sequence_length": self.sequence_length,
                "schedule": [
                    {
                        "phase": "warmup",
                        "start": self.learning_rate * LAST,
                        "to": self.learning_rate,
                        "tokens": max(1, round(steps * WARMUP)) * self.batch_tokens,
                    },
                    {"phase": "decay", "to": self.learning_rate * LAST},
                ],
                # The last step, and a step's worth of padding, begin one pass more.
                "mixture": {"domains": {domain: 1.0}, "max_epochs": 10**6},
                "loss_on": "assistant",
                "inherit": {"moments": {"reset": new}, "learning_rate": {"reset": new}},
                "seed": self.seed,
                "workers": self.workers,
                "parallel": self.parallel,
                "accelerator": self.accelerator,
            }
        )
