"""The base of every part of a recipe: validated when loaded, immutable, without unknown fields.

Each field says what it is, with its unit: in ``Field(description=...)``, or in the docstring below
it. The reference of recipes and the schema that editors use are made of these words, which are
read when they are (``field_docstrings``).
"""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A recipe's section. Unknown fields are errors, so a typo is found before anything runs; so
    are ``.nan`` and ``.inf``, which pass most comparisons with a bound."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
