"""Which checkpoints of a running stage stay, as a recipe says it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens


class Checkpoints(FrozenModel):
    """Which of a running stage's checkpoints stay."""

    keep_last: Annotated[int, Field(ge=2), NOT_A_CAUSE] = 2
    """The latest, and as many before it as make this number: one at least, for the latest may turn
    out to be damaged."""
    milestones: Tokens | None = None
    """Every so many tokens one more checkpoint is written, and stays; null: none."""
    moments: Annotated[bool, CAUSE_IF_SET] = False
    """Whether milestones keep moments and state too, thrice the size of weights alone, so that a
    stage can start at one of them (its ``milestone``)."""

    @model_validator(mode="after")
    def _moments_are_of_milestones(self) -> Self:
        if self.moments and self.milestones is None:
            raise ValueError("'moments' are those of milestones: say after how many tokens one is")
        return self
