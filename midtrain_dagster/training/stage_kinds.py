"""The kinds of stages that a recipe may have: one line a kind."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from midtrain_dagster.training.stages.train import Train


def _kind(section: Any) -> Any:
    """The ``kind`` of a section; ``train`` where it says none."""
    if isinstance(section, dict):
        return section.get("kind", "train")
    return getattr(section, "kind", None)


StageSection = Annotated[
    Annotated[Train, Tag("train")],
    Discriminator(_kind),
]
"""A stage as a recipe writes it; each kind is a file in ``stages/`` and a ``runs.StageKind``."""
