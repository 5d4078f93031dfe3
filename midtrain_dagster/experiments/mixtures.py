"""All ways of finding a mixture that a recipe can name: those of the room of mixtures, and those
that train, one line a member."""

from typing import Annotated

from pydantic import Discriminator, Tag

from midtrain_dagster.experiments.doremi import method as doremi
from midtrain_dagster.mixture.config import Members, method

MixtureMethod = Annotated[
    Members | Annotated[doremi.Config, Tag("doremi")],
    Discriminator(method),
]
"""A recipe's entry under ``mixtures``."""
