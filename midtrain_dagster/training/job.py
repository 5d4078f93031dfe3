"""What a training run is told: a stage, and the files it works on. It travels as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.training.stage import RANDOM, Stage

if TYPE_CHECKING:
    from midtrain_dagster.dataloader.plan import Plan
    from midtrain_dagster.tokens.shards import TokenShards


class Job(FrozenModel):
    """One run of one stage. Every worker builds the same shards and the same plan from it."""

    name: str
    """Of the stage: it names the checkpoints' state and seeds the plan."""
    stage: Stage
    seed: int
    shards: tuple[tuple[Path, Path], ...]
    """Token file and index of each part, in the order of the parts."""
    token_dtype: Literal["uint16", "uint32"]
    padding: int
    """The token that fills a window's end."""
    vocabulary: int
    start: Path | None = None
    """Hugging Face folder of the stage or base it continues; none for a random start."""
    model: ModelConfig | None = None
    """The model of a random start."""
    tokenizer: Path | None = None
    """Folder whose tokenizer files go into every checkpoint."""

    @model_validator(mode="after")
    def _has_a_start(self) -> Self:
        if (self.stage.start == RANDOM) != (self.start is None):
            raise ValueError(
                f"{self.name}: it starts from {self.stage.start!r}, but start is {self.start}"
            )
        if self.start is None and self.model is None:
            raise ValueError(f"{self.name}: a random start needs a model")
        return self

    def open_shards(self) -> "TokenShards":
        """The token shards, mapped into memory."""
        from midtrain_dagster.tokens.shards import TokenShards

        return TokenShards.open(self.shards, dtype=self.token_dtype)

    def plan(self, shards: "TokenShards") -> "Plan":
        """Which spans of which documents each window of each step holds."""
        from midtrain_dagster.dataloader.plan import Plan
        from midtrain_dagster.training.transition.begin import data_position

        return Plan(
            shards,
            self.stage.mixture,
            seed=self.seed,
            stage=self.name,
            sequence_length=self.stage.sequence_length,
            windows_per_step=self.stage.windows_per_step,
            steps=self.stage.steps,
            begin=data_position(self),
        )
