"""The base of every part of a recipe: validated when loaded, immutable, without unknown fields."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A recipe's section. Unknown fields are errors, so a typo is found before anything runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)
