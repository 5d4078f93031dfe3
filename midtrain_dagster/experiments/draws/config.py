"""The rules of drawing mixtures that a recipe can name, one line a member."""

from typing import Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.experiments.draws.methods import olmix, regmix, space_filling

_Rule = Annotated[regmix.Config | olmix.Config | space_filling.Config, Field(discriminator="draw")]
_Name = Literal["regmix", "olmix", "space_filling"]

DrawRule = Annotated[_Rule, by_name("draw", _Rule | _Name)]
"""A search's entry ``draw``, as ``{draw: NAME, ...}`` or as the name alone."""

USUAL = regmix.Config()
"""The rule of a search that names none."""
