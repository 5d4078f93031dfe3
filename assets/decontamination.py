"""Decontamination: the benchmarks' items, and where they stand in documents; by benchmark."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from assets.attributes import AttributeGroup, by_part
from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import PerPartition
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.decontamination import scan
from midtrain_dagster.evaluation import benchmark as benchmarks
from midtrain_dagster.recipe import Recipe

GROUP = "decontamination"

SHOWN_HITS = 20
"""Hits of contamination that the UI shows; all of them are in the table."""


def benchmark_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``benchmark_items``, partitioned by benchmark; none of a recipe without any."""
    if not recipe.benchmarks:
        return []

    def files(name: str) -> Callable[[Any], list[Any]]:
        return lambda _: [
            file.cause
            for file in benchmarks.benchmark_files(name, recipe.benchmarks[name], recipe.folder)
        ]

    @artifact_asset(
        recipe,
        "benchmark_items",
        group=GROUP,
        versions=versions_of(benchmarks),
        section=PerPartition(recipe.benchmarks),
        external=PerPartition({name: files(name) for name in recipe.benchmarks}),
        rows="items",
        kinds=("parquet",),
        by_benchmark=True,
    )
    def benchmark_items(build: Build) -> Built:
        """A benchmark's items: question, choices, gold answer. What must not be trained on."""
        name = build.partition
        items = benchmarks.read_items(name, recipe.benchmarks[name], recipe.folder)
        return [build.write("items", items)], {"items": items.height}

    return [benchmark_items]


def contamination_assets(
    recipe: Recipe, *, documents: str, prefix: tuple[str, ...]
) -> list[dg.AssetsDefinition]:
    """The asset ``contamination``, partitioned by benchmark, for one set of documents; none where
    the recipe has no benchmark to look for."""
    if not recipe.benchmarks:
        return []
    use = AttributeGroup(recipe, documents, prefix)
    config = recipe.decontamination

    @use.asset(
        "contamination",
        group=GROUP,
        versions=versions_of(scan),
        section=config,
        inputs={"documents": documents, "benchmark_items": "benchmark_items"},
        rows="hits",
        metadata=_hits,
        by_benchmark=True,
    )
    def contamination(build: Build) -> Built:
        """Documents that hold a benchmark's items, with the matching text and where it stands."""
        items = build["benchmark_items"]
        parts = by_part(
            build, scan.scan, tables={"items": items.parts("items")}, parameters={"config": config}
        )
        searched = scan.searched_of(items.read("items"), config=config)
        tables = {
            "untestable": searched.untestable(),
            "searchable": searched.searchable(),
            "templates": searched.templates(),
        }
        parts += [build.write(name, table) for name, table in tables.items()]
        return parts, {
            "untestable_items": tables["untestable"].height,
            "templates": tables["templates"].height,
        }

    return [contamination]


def _hits(artifact: Artifact) -> Mapping[str, Any]:
    hits = artifact.scan("hits").head(SHOWN_HITS).collect()
    rows = (
        (
            row["item"],
            row["id"],
            row["found_by"].replace("_", " + "),
            f"{row['lcs_ratio']:.2f}",
            " ".join(row["text"].split()),
        )
        for row in hits.iter_rows(named=True)
    )
    columns = ("item", "document", "found by", "LCS ratio", "matching text")
    return {"hits": markdown_table(columns, rows, numbers=("LCS ratio",))}
