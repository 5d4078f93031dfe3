"""What the assets that learn something of documents share: one part for each part of documents.

They are made in groups: once for the collected documents, and once for those of each synthesis
method, which pass the same tests, under the prefix ``synthesis/NAME``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.build import Build, Built, artifact_asset
from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Outputs, Work
from midtrain_dagster.recipe import Recipe

KINDS = ("polars", "ray")

ATTRIBUTES = ("language", "signals", "ratings")
"""The tables by which a document is judged; a recipe may do without all but the signals."""


@dataclass(frozen=True)
class AttributeGroup:
    """One use of the group: the recipe, the documents' asset, the prefix of the group's keys."""

    recipe: Recipe
    documents: str
    prefix: tuple[str, ...]

    @property
    def name(self) -> str:
        """The group's name in the UI."""
        return "_".join(self.prefix) or "curation"

    @property
    def attributes(self) -> list[str]:
        """The tables with a row for each document by which it is judged, of this recipe."""
        return [name for name in ATTRIBUTES if name not in self.unmade]

    @property
    def unmade(self) -> dict[str, None]:
        """Those of them that the recipe has no use for, as arguments."""
        is_used = {"language": self.recipe.judges_language, "ratings": bool(self.recipe.raters)}
        return dict.fromkeys(name for name, used in is_used.items() if not used)

    def key(self, asset: str) -> str:
        """An asset of this use of the group, as a path below the recipe."""
        return "/".join((*self.prefix, asset))

    def asset(
        self, name: str, **declared: Any
    ) -> Callable[[Callable[[Build], Built]], dg.AssetsDefinition]:
        """Declares an asset of the group (`artifact_asset`)."""
        declared = {"group": self.name, "kinds": KINDS, **declared}
        return artifact_asset(self.recipe, self.key(name), **declared)


def by_part(
    build: Build,
    function: Callable[..., Outputs],
    tables: Mapping[str, Sequence[Part]] | None = None,
    **work: Any,
) -> list[Part]:
    """What the function makes of each part of the input ``documents``, beside other ``tables``."""
    return build.parts(
        Work(function, tables={"documents": [part], **(tables or {})}, **work)
        for part in build["documents"].parts("documents")
    )
