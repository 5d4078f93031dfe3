"""The ways of finding a mixture that a recipe can name, one line a member.

Those that train models of their own are of the room of experiments, which names them all
(``experiments.mixtures``).
"""

from typing import Annotated

from pydantic import Tag

from midtrain_dagster.mixture.methods import accepted, proportional, proposed, quality_curve


def method(section: object) -> object:
    """The ``method`` of a section. A recipe's errors call the field as this function is called."""
    if isinstance(section, dict):
        return section.get("method")
    return getattr(section, "method", None)


Members = (
    Annotated[proportional.Config, Tag("proportional")]
    | Annotated[accepted.Config, Tag("accepted")]
    | Annotated[proposed.Config, Tag("proposed")]
    | Annotated[quality_curve.Config, Tag("quality_curve")]
)
"""Those that need no training."""
