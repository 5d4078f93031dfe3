"""Collection: sources become documents, written once and never changed."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.build import Build, Built, Given, Input, artifact_asset
from midtrain_dagster.collection.read import read, versions
from midtrain_dagster.collection.units import units
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.recipe import Recipe

RETRY = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)
"""For sources behind a network: what was made before it failed is found again."""


def collection_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``documents``, made of every source of the recipe."""
    sources = dict(sorted(recipe.sources.items()))
    planted = {key for source in sources.values() for key in source.item_benchmarks}

    def items_read(items: Given) -> Any:
        assert not isinstance(items, Artifact)
        return {key: items[key].fingerprint for key in sorted(planted)}

    def found(_: Mapping[str, Given]) -> dict[str, dict[str, Any]]:
        blocked = {name: each.block_files(name, recipe.folder) for name, each in sources.items()}
        return {
            "files": {name: each.list_files(name, recipe.folder) for name, each in sources.items()},
            "blocked": {name: files for name, files in blocked.items() if files},
        }

    @artifact_asset(
        recipe,
        "documents",
        group="collection",
        kinds=("parquet", "ray"),
        versions={key: n for each in sources.values() for key, n in versions(each).items()},
        section={"collection": recipe.collection, "sources": recipe.sources},
        inputs={"benchmark_items": Input("benchmark_items", cause=items_read)},
        external=found,
        gate=lambda _, artifact: _refuse_empty(recipe, artifact),
        rows="documents",
        retry=RETRY if any(source.is_remote for source in sources.values()) else None,
    )
    def documents(build: Build) -> Built:
        """Every document of every source: id, text, source, domain, kind, format.

        Small files share a part and large ones stand alone. What a reader could not take is in the
        table `rejections`, with file, row and reason; the good rest goes on.
        """
        files, blocked = build.external["files"], build.external["blocked"]
        items = build.partitions("benchmark_items")
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


def _refuse_empty(recipe: Recipe, artifact: Artifact) -> None:
    """Gate: a source without any document stops the run, naming why its inputs were refused."""
    import polars as pl

    for name in recipe.sources:
        parts = [part for part in artifact.parts("documents") if part.label == name]
        if sum(part.rows for part in parts):
            continue
        reasons = (
            artifact.scan("rejections")
            .filter(pl.col("source") == name)
            .group_by("reason")
            .len()
            .sort("reason")
            .collect()
        )
        counts = ", ".join(f"{count} x {reason}" for reason, count in reasons.iter_rows())
        raise dg.Failure(
            f"the source {name!r} gave no document (rejected: {counts or 'nothing'}); "
            "mend its files or take it out of the recipe",
            allow_retries=False,
        )
