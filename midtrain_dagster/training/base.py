"""Where mid-training starts: a checkpoint that is given, or a small one trained in the graph."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.models.new import NEW_MODEL, ModelConfig


class Base(FrozenModel):
    """Exactly one of the two.

    With ``model``, the recipe has a stage ``base`` that starts from ``random`` and stands for
    pre-training. With ``checkpoint``, stages start from ``base`` and that is the checkpoint.
    """

    checkpoint: str | None = Field(None, description="a Hugging Face folder or hub id")
    model: ModelConfig | None = Field(None, description="a model trained from random weights")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.checkpoint is None) == (self.model is None):
            raise ValueError("give either 'checkpoint' (a folder or hub id) or 'model', not both")
        return self

    def config_at_hand(self, folder: Path | None) -> bytes | None:
        """The ``config.json`` that says of what family the run's checkpoints are; None where that
        is not at hand. ``folder`` is that of a given checkpoint, if it is on this machine."""
        if self.model is not None:
            return NEW_MODEL
        file = folder / "config.json" if folder is not None else None
        return file.read_bytes() if file is not None and file.is_file() else None
