"""The rules of drawing mixtures that a recipe can name, one line a member."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from midtrain_dagster.experiments.draws.methods import olmix, regmix, space_filling


def _spelled_out(section: Any) -> Any:
    """A rule's name alone stands for the rule with its defaults."""
    return {"draw": section} if isinstance(section, str) else section


_Rule = Annotated[regmix.Config | olmix.Config | space_filling.Config, Field(discriminator="draw")]
_Name = Literal["regmix", "olmix", "space_filling"]

DrawRule = Annotated[_Rule, BeforeValidator(_spelled_out, json_schema_input_type=_Rule | _Name)]
"""A search's entry ``draw``, as ``{draw: NAME, ...}`` or as the name alone."""

USUAL = regmix.Config()
"""The rule of a search that names none."""
