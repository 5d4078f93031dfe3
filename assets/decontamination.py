"""Decontamination: the benchmarks' items, and where they stand in documents; by benchmark."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup, by_part
from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import PerPartition
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.decontamination import report_section, scan, sketch, sketch_scan
from midtrain_dagster.decontamination.method import Method
from midtrain_dagster.display import numbers
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
        versions=scan.versions_for(config),
        section=config,
        inputs={"documents": documents, "benchmark_items": "benchmark_items"},
        rows="hits",
        beside=_hits,
        by_benchmark=True,
    )
    def contamination(build: Build) -> Built:
        """Documents that hold a benchmark's items, with the matching text and where it stands."""
        items = build["benchmark_items"]
        parts = _hits_of(build, items, config)
        searched = scan.searched_of(items.read("items"), config=config)
        tables = {
            "untestable": searched.untestable(),
            "searchable": searched.searchable(),
            "templates": searched.templates(),
        }
        if config.scoring:
            covered = by_part(
                build,
                config.scoring.covered,
                tables={"items": items.parts("items")},
                parameters={"config": config},
                versions=scan.versions_for(config),
            )
            found = pl.concat(read_table(build.store.storage, part) for part in covered)
            tables["item_scores"] = config.scoring.scores(found, config=config)
        parts += [build.write(name, table) for name, table in tables.items()]
        return parts, {
            "untestable_items": tables["untestable"].height,
            "templates": tables["templates"].height,
        }

    return [contamination]


def _hits_of(build: Build, items: Artifact, config: Method) -> list[Part]:
    """The hits in each part of the documents. The first benchmark makes the parts' sketches, later
    ones find them; where a sketch cannot tell, every document is read."""
    tables, parameters = {"items": items.parts("items")}, {"config": config}
    if not sketch_scan.is_enough(items.read("items"), config=config):
        return by_part(
            build,
            scan.scan,
            tables=tables,
            parameters=parameters,
            versions=scan.versions_for(config),
        )
    drawn = by_part(build, sketch.sketch_documents)
    documents = build["documents"].parts("documents")
    sketches = {part.path: each for part, each in zip(documents, drawn, strict=True)}
    return build.parts(
        Work(
            sketch_scan.scan_by_sketch,
            tables=tables,
            scans={f"documents_{n}": [part] for n, part in enumerate(run)},
            files={"sketch": [sketches[part.path] for part in run]},
            parameters=parameters,
            versions=sketch_scan.versions_for(config),
        )
        for run in sketch_scan.runs_of(documents)
    )


def _hits(build: Build, artifact: Artifact) -> Mapping[str, Any]:
    """Passages beside the items that they match, what both share in bold; and where they are from,
    with the share of the items that were found and not planted."""
    from midtrain_dagster.decontamination.reading import readings

    items = build["benchmark_items"]
    hits = report_section.with_sources(artifact.read("hits"), build["documents"])
    found = report_section.items_found(build["documents"], {build.partition: artifact}).height
    shown = {
        "items_found": f"{found:,} of {items.rows('items'):,} items "
        f"({numbers.share(found / items.rows('items'))})"
    }
    if hits.is_empty():
        return shown
    some = report_section.some_of_each_source(hits, SHOWN_HITS // report_section.SOURCES_SHOWN + 1)
    wanted = some["item"].unique().implode()
    own = items.scan("items").filter(pl.col("item").is_in(wanted)).collect()
    rows = (
        (
            hit["source"] or numbers.MISSING,
            hit["item"],
            hit["id"],
            str(hit["found_by"]).replace("_", " + "),
            f"{hit['lcs_ratio']:.2f}",
            passage,
            item,
        )
        for hit, passage, item in readings(some.head(SHOWN_HITS), own)
    )
    columns = ("source", "item", "document", "found by", "score", "the document", "the item")
    counted = hits.group_by("source").agg(
        items=pl.col("item").n_unique(), documents=pl.col("id").n_unique(), hits=pl.len()
    )
    by_source = (
        (source or numbers.MISSING, *map(numbers.count, counts))
        for source, *counts in counted.sort("hits", "source", descending=[True, False]).iter_rows()
    )
    counts = ("items", "documents", "hits")
    return {
        **shown,
        "hits": markdown_table(columns, rows, numbers=("score",)),
        "by_source": markdown_table(("source", *counts), by_source, numbers=counts),
    }
