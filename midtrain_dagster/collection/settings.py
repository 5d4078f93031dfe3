"""How sources become parts."""

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel


class CollectionSettings(FrozenModel):
    """Sizes of what is read at a time and of what is taken."""

    part_bytes: int = Field(
        8 * 2**20, gt=0, description="bytes of input in a part, the unit of work and of refresh"
    )
    max_document_bytes: int = Field(
        5 * 2**20, gt=0, description="the longest document taken; longer ones are rejected"
    )
