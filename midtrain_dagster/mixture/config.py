"""The ways of finding a mixture that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Discriminator, Tag

from midtrain_dagster.mixture.methods import accepted, proportional, proposed, quality_curve


def _method(section: object) -> object:
    """The ``method`` of a section."""
    if isinstance(section, dict):
        return section.get("method")
    return getattr(section, "method", None)


MixtureMethod = Annotated[
    Annotated[proportional.Config, Tag("proportional")]
    | Annotated[accepted.Config, Tag("accepted")]
    | Annotated[proposed.Config, Tag("proposed")]
    | Annotated[quality_curve.Config, Tag("quality_curve")],
    Discriminator(_method),
]
"""A recipe's entry under ``mixtures``."""
