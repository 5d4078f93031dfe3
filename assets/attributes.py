"""Attribute tables: one part for each part of documents, joined by id within it.

The assets that learn something of documents are made in groups: once for the collected documents,
and once, with the prefix ``synthetic``, for the synthetic ones, which pass the same tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.graph import asset_arguments, fingerprints, materialized
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Output, Work
from midtrain_dagster.recipe import Recipe
from resources.artifacts import ArtifactBuilder

Function = Callable[..., Mapping[str, Output]]


@dataclass(frozen=True)
class AttributeGroup:
    """One use of the group: the recipe, the documents' asset, the prefix of the group's keys."""

    recipe: Recipe
    documents: str
    prefix: tuple[str, ...]

    @property
    def group(self) -> str:
        """The group's name in the UI."""
        return "_".join((*self.prefix, "curation"))

    def name(self, asset: str) -> str:
        """An asset of this use of the group, as a path below the recipe."""
        return "/".join((*self.prefix, asset))

    def arguments(self, version: int, section: Any, **others: Any) -> dict[str, Any]:
        """The arguments of ``@dg.asset``."""
        return asset_arguments(
            self.recipe,
            self.group,
            version=version,
            section=section,
            kinds=("polars", "ray"),
            prefix=self.prefix,
            **others,
        )


def attribute_table(
    context: dg.AssetExecutionContext,
    workshop: ArtifactBuilder,
    method: str,
    version: int,
    function: Function,
    documents: Artifact,
    *,
    upstream: Mapping[str, Any],
    **work: Any,
) -> Artifact:
    """One attribute table: a part for each part of documents."""

    def build(_: str) -> tuple[list[Part], dict[str, int]]:
        tables = work.pop("tables", {})
        works = [
            Work(method, version, function, tables={"documents": [part], **tables}, **work)
            for part in documents.parts("documents")
        ]
        return [part for made in workshop.parts(context, works) for part in made], {}

    everything = {**fingerprints(documents=documents), **upstream}
    return workshop.store.make(method, version, work.get("parameters"), everything, build)


def whole_corpus_table(
    context: dg.AssetExecutionContext,
    workshop: ArtifactBuilder,
    work: Work,
    upstream: dict[str, Any],
) -> dg.Output[Artifact]:
    """An artifact made by one unit of work over the whole corpus."""

    def build(_: str) -> tuple[list[Part], dict[str, int]]:
        (parts,) = workshop.parts(context, [work])
        return parts, {}

    artifact = workshop.store.make(work.method, work.version, work.parameters, upstream, build)
    return materialized(artifact, artifact.manifest.parts[0].table)
