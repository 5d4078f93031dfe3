"""Collection: sources become documents, written once and never changed."""

from pathlib import Path

import dagster as dg

from assets.graph import asset_arguments, fingerprints, inputs, materialized, require_benchmarks
from midtrain_dagster.collection.block_list import list_block_files
from midtrain_dagster.collection.files import list_files, units
from midtrain_dagster.collection.read import VERSION, read, version
from midtrain_dagster.collection.source import PlantedSource
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.recipe import Recipe
from resources.artifacts import ArtifactBuilder

METHOD = "documents"


def collection_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``documents``, made of every source of the recipe."""
    section = {
        "collection": recipe.collection,
        "sources": {name: [version(each), each.cause] for name, each in recipe.sources.items()},
    }

    @dg.asset(
        **asset_arguments(
            recipe, "collection", version=VERSION, section=section, kinds=("parquet", "ray")
        ),
        ins=inputs(recipe, benchmark_items="benchmark_items"),
    )
    def documents(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        benchmark_items: dict[str, Artifact],
    ) -> dg.Output[Artifact]:
        """Every document of every source: id, text, source, domain, kind, format.

        Small files share a part and large ones stand alone. What a reader could not take is in the
        table `rejections`, with file, row and reason; the good rest goes on.
        """
        items = require_benchmarks(recipe, benchmark_items)
        # In the order of names: how the recipe orders its sources is no cause of the documents.
        files = {
            name: list_files(name, source, Path(recipe.folder))
            for name, source in sorted(recipe.sources.items())
        }
        blocked = {name: _block_files(recipe, name) for name in files}
        planted = {
            benchmark: items[benchmark]
            for source in recipe.sources.values()
            if isinstance(source, PlantedSource)
            for benchmark in source.benchmarks
        }

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            works = {
                name: _works(recipe, name, each, blocked[name], items)
                for name, each in files.items()
            }
            every = [work for each in works.values() for work in each]
            made = iter(workshop.parts(context, every))
            parts = [
                part.model_copy(update={"label": name})
                for name, each in works.items()
                for _ in each
                for part in next(made)
            ]
            rows = {
                table: sum(part.rows for part in parts if part.table == table)
                for table in ("documents", "rejections")
            }
            return parts, {**rows, "files": sum(map(len, files.values()))}

        artifact = workshop.store.make(
            METHOD,
            VERSION,
            section,
            {
                "files": {name: [file.cause for file in each] for name, each in files.items()},
                "blocked": {name: _digests(each) for name, each in blocked.items() if each},
                **fingerprints(planted=planted),
            },
            build,
        )
        _refuse_empty(artifact, recipe)
        return materialized(artifact, "documents")

    return [documents]


def _block_files(recipe: Recipe, name: str) -> dict[str, SourceFile]:
    """The block lists that a source names as files."""
    block = getattr(recipe.sources[name], "block", None)
    return list_block_files(name, block, recipe.folder) if block else {}


def _digests(files: dict[str, SourceFile]) -> dict[str, str]:
    return {name: file.digest for name, file in files.items()}


def _works(
    recipe: Recipe,
    name: str,
    files: list[SourceFile],
    blocked: dict[str, SourceFile],
    items: dict[str, Artifact],
) -> list[Work]:
    source = recipe.sources[name]
    tables = (
        {
            "benchmark_items": [
                part for key in source.benchmarks for part in items[key].parts("items")
            ]
        }
        if isinstance(source, PlantedSource)
        else {}
    )
    return [
        Work(
            METHOD,
            version(source),
            read,
            tables=tables,
            parameters={
                "source_name": name,
                "part_bytes": recipe.collection.part_bytes,
                "max_document_bytes": recipe.collection.max_document_bytes,
            },
            causes=[source.cause, [file.cause for file in bundle], _digests(blocked)],
            arguments={"source": source, "files": bundle, "block_files": blocked},
        )
        for bundle in units(source, files, recipe.collection.part_bytes)
    ]


def _refuse_empty(artifact: Artifact, recipe: Recipe) -> None:
    """Gate: a source that gives no document stops the run, naming why its inputs were refused."""
    for name in recipe.sources:
        parts = [part for part in artifact.parts("documents") if part.label == name]
        if sum(part.rows for part in parts):
            continue
        import polars as pl

        reasons = (
            artifact.scan("rejections")
            .filter(pl.col("source") == name)
            .group_by("reason")
            .len()
            .sort("reason")
            .collect()
        )
        told = ", ".join(f"{count} x {reason}" for reason, count in reasons.iter_rows())
        raise dg.Failure(
            f"the source {name!r} gave no document (rejected: {told or 'nothing'}); "
            "mend its files or take it out of the recipe"
        )
