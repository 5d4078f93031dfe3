"""Decontamination: the benchmarks' items, and where they stand in documents; by benchmark."""

from typing import Any

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup, attribute_table
from assets.graph import asset_arguments, fingerprints, inputs, materialized
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.decontamination import scan
from midtrain_dagster.evaluation.benchmark import VERSION, Benchmark, benchmark_files, read_items
from midtrain_dagster.recipe import Recipe
from resources.artifacts import ArtifactBuilder

SHOWN_HITS = 20
"""Hits of contamination that the UI shows; all of them are in the table."""


def benchmark_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``benchmark_items``, partitioned by benchmark."""

    @dg.asset(
        **asset_arguments(
            recipe,
            "decontamination",
            version=VERSION,
            section={name: read_as(each) for name, each in recipe.benchmarks.items()},
            kinds=("parquet",),
            by_benchmark=True,
        ),
    )
    def benchmark_items(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder
    ) -> dg.Output[Artifact]:
        """A benchmark's items: question, choices, gold answer. What must not be trained on."""
        name = context.partition_key
        benchmark = recipe.benchmarks[name]
        files = benchmark_files(name, benchmark, recipe.folder)

        def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
            items = read_items(name, benchmark, recipe.folder)
            part = write_output(
                workshop.store.storage, f"parts/benchmark_items/{fingerprint_}", "items", items
            )
            return [part], {"items": items.height}

        artifact = workshop.store.make(
            "benchmark_items",
            VERSION,
            {"name": name, "benchmark": read_as(benchmark)},
            {"files": [file.cause for file in files]},
            build,
        )
        return materialized(artifact, "items")

    return [benchmark_items]


def read_as(benchmark: Benchmark) -> dict[str, Any]:
    """What of a benchmark decides its items, given its files: not how models are asked them."""
    return benchmark.model_dump(
        mode="json", exclude={"paths", "evaluate", "limit", "domain"}, exclude_none=True
    )


def contamination_assets(
    recipe: Recipe, *, documents: str, prefix: tuple[str, ...]
) -> list[dg.AssetsDefinition]:
    """The asset ``contamination``, partitioned by benchmark, for one set of documents."""
    return [_contamination(AttributeGroup(recipe, documents, prefix))]


def _contamination(use: AttributeGroup) -> dg.AssetsDefinition:
    config = use.recipe.decontamination

    @dg.asset(
        **use.arguments(scan.VERSION, config, by_benchmark=True)
        | {"group_name": "decontamination"},
        ins=inputs(use.recipe, documents=use.documents, benchmark_items="benchmark_items"),
    )
    def contamination(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        documents: Artifact,
        benchmark_items: Artifact,
    ) -> dg.Output[Artifact]:
        """Documents that hold a benchmark's items, with the matching text and where it stands."""
        artifact = attribute_table(
            context,
            workshop,
            "contamination",
            scan.VERSION,
            scan.scan,
            documents,
            upstream=fingerprints(benchmark_items=benchmark_items),
            tables={"items": benchmark_items.parts("items")},
            parameters=config.model_dump(exclude={"method"}),
        )
        shown = dg.MetadataValue.md(_hits(artifact.scan("hits").head(SHOWN_HITS).collect()))
        return materialized(artifact, "hits", hits=shown)

    return contamination


def _hits(hits: pl.DataFrame) -> str:
    rows = [
        f"| {row['item']} | {row['id']} | {row['lcs_ratio']:.2f} "
        f"| {' '.join(row['text'].split())} |"
        for row in hits.iter_rows(named=True)
    ]
    head = ["| item | document | LCS ratio | matching text |", "|---|---|---:|---|"]
    return "\n".join(head + rows)
