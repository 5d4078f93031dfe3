"""The laws of mixtures and of ratios that a recipe can name, one line a member."""

from typing import Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.laws.mixing.methods import (
    bimix,
    cmr,
    d_cpt,
    log_linear,
    mixing_law,
    regmix,
)

_Law = Annotated[
    regmix.Config | log_linear.Config | mixing_law.Config | bimix.Config,
    Field(discriminator="law"),
]
_Name = Literal["regmix", "log_linear", "mixing_law", "bimix"]

MixtureLaw = Annotated[_Law, by_name("law", _Law | _Name)]
"""A law of the shares of all domains, as ``{law: NAME, ...}`` or as the name alone."""

RatioLaw = Annotated[d_cpt.Config | cmr.Config, Field(discriminator="law")]
"""A law of one ratio, the tokens and the model's size."""
