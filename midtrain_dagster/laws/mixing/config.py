"""The laws of mixtures and of ratios that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.laws.mixing.methods import (
    bimix,
    cmr,
    d_cpt,
    log_linear,
    mixing_law,
    regmix,
)

MixtureLaw = Annotated[
    regmix.Config | log_linear.Config | mixing_law.Config | bimix.Config,
    Field(discriminator="law"),
]
"""A law of the shares of all domains."""

RatioLaw = Annotated[d_cpt.Config | cmr.Config, Field(discriminator="law")]
"""A law of one ratio, the tokens and the model's size."""
