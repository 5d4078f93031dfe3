"""Collection: sources become documents, written once and never changed."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import Given, Input
from assets.takedown import named_for_removal, removal_told, without_removed
from midtrain_dagster.collection.losses import (
    RejectionCeilingError,
    check_losses,
    collection_losses,
    told,
)
from midtrain_dagster.collection.read import read, versions
from midtrain_dagster.collection.units import units
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.curation import takedown
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import field_in_file
from resources.terminal import LOST

RETRY = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)
"""For sources behind a network: what was made before it failed is found again."""


def collection_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``documents``, made of every source of the recipe."""
    sources = dict(sorted(recipe.sources.items()))
    planted = {key for source in sources.values() for key in source.item_benchmarks}

    def items_read(items: Given) -> Any:
        assert not isinstance(items, Artifact)
        return {key: items[key].fingerprint for key in sorted(planted)}

    def found(_: Mapping[str, Given]) -> dict[str, Any]:
        blocked = {name: each.block_files(name, recipe.folder) for name, each in sources.items()}
        return {
            "files": {name: each.list_files(name, recipe.folder) for name, each in sources.items()},
            "blocked": {name: files for name, files in blocked.items() if files},
            **named_for_removal(recipe),
        }

    @artifact_asset(
        recipe,
        "documents",
        group="collection",
        kinds=("parquet", "ray"),
        versions={
            **{key: n for each in sources.values() for key, n in versions(each).items()},
            **(versions_of(takedown) if recipe.removed else {}),
        },
        section={"collection": recipe.collection, "sources": recipe.sources},
        inputs={"benchmark_items": Input("benchmark_items", cause=items_read)} if planted else {},
        external=found,
        gate=lambda _, artifact: _check_losses(recipe, artifact),
        rows="documents",
        metadata=lambda artifact: _metadata(recipe, artifact),
        retry=RETRY if any(source.is_remote for source in sources.values()) else None,
    )
    def documents(build: Build) -> Built:
        """Every document of every source: id, text, source, domain, kind, format.

        Small files share a part and large ones stand alone. What a reader could not take is in the
        table `rejections`, with file, row and reason; the good rest goes on, unless more of a
        source is rejected than the recipe allows (`max_rejected`). What a removal list names is not
        among them; the table `taken_down` says which that are.
        """
        files, blocked = build.external["files"], build.external["blocked"]
        items = build.partitions("benchmark_items") if planted else {}
        labels, works = [], []
        for name in sources:
            own = _works(recipe, name, files[name], blocked.get(name, {}), items)
            labels += [name] * len(own)
            works += own
        parts = [
            part.model_copy(update={"label": name})
            for name, made in zip(labels, build.by_work(works), strict=True)
            for part in made
        ]
        parts = without_removed(build, parts)
        rows = {
            table: sum(part.rows for part in parts if part.table == table)
            for table in ("documents", "rejections")
        }
        return parts, {**rows, "files": sum(map(len, files.values()))}

    return [documents]


def _works(
    recipe: Recipe,
    name: str,
    files: list[SourceFile],
    blocked: Mapping[str, SourceFile],
    items: Mapping[str, Artifact],
) -> list[Work]:
    """A source's units of work; the files are causes by what is in them, not by where they lie."""
    source, settings = recipe.sources[name], recipe.collection
    planted: list[Part] = [
        part for key in source.item_benchmarks for part in items[key].parts("items")
    ]
    return [
        Work(
            read,
            versions=versions(source),
            tables={"benchmark_items": planted} if planted else {},
            parameters={
                "source_name": name,
                "source": source,
                "files": unit,
                "block_files": blocked,
                "part_bytes": settings.part_bytes,
                "max_document_bytes": settings.max_document_bytes,
            },
        )
        for unit in units(source, files, settings.part_bytes)
    ]


def _check_losses(recipe: Recipe, artifact: Artifact) -> None:
    """Gate: no source may lose more than its ceiling, or give no document at all.

    Reading again would find the same, so it is not tried.
    """
    losses = collection_losses(artifact, recipe.sources)
    try:
        check_losses(
            losses, recipe.sources, recipe.collection, lambda place: field_in_file(recipe, place)
        )
    except RejectionCeilingError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _metadata(recipe: Recipe, artifact: Artifact) -> dict[str, Any]:
    """What was not taken: for the terminal in lines, for the UI as a table."""
    losses = collection_losses(artifact, recipe.sources)
    rows = [
        (
            each.source,
            found.reason,
            f"{found.records:,}",
            "no" if found.tolerated else "yes",
            "; ".join(found.told.examples),
        )
        for each in losses
        for found in each.rejected
    ]
    lost = told(losses) + removal_told(recipe, artifact)
    if not rows:
        return {LOST: "\n".join(lost)} if lost else {}
    columns = ("source", "reason", "records", "counts as lost", "for example")
    return {
        LOST: "\n".join(lost),
        "rejected": markdown_table(columns, rows, numbers=("records",)),
    }
