"""How sources become parts."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel


class CollectionSettings(FrozenModel):
    """Sizes of what is read at a time and of what is taken."""

    part_bytes: int = Field(
        8 * 2**20, gt=0, description="bytes of input in a part, the unit of work and of refresh"
    )
    max_document_bytes: int = Field(
        5 * 2**20, gt=0, description="the longest document taken; longer ones are rejected"
    )
    max_rejected: Annotated[float, NOT_A_CAUSE] = Field(
        0.2,
        ge=0,
        le=1,
        description="the share of a source's files, or of its rows, that may be rejected for a "
        "fault; above it a run stops. A source may say its own",
    )
