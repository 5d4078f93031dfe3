"""Which checkpoints of a running stage stay, as a recipe says it."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens


class Checkpoints(FrozenModel):
    """Which of a running stage's checkpoints stay."""

    keep_last: Annotated[int, Field(ge=2), NOT_A_CAUSE] = 2
    """The latest, and as many before it as make this number: one at least, for the latest may turn
    out to be damaged."""
    milestones: Tokens | None = None
    """Every so many tokens one more checkpoint is written, and stays; null: none."""
