"""Decontamination: the benchmarks' items, and where they stand in documents; by benchmark."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup, by_part
from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import PerPartition
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.known_digests import folder_digests
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.decontamination import acquittals, report_section, scan, sketch, sketch_scan
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
        benchmark = recipe.benchmarks[name]
        return lambda _: [
            file.cause
            for found in (benchmarks.benchmark_files, benchmarks.example_files)
            for file in found(name, benchmark, recipe.folder)
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
        benchmark = recipe.benchmarks[name]
        items = benchmarks.read_items(name, benchmark, recipe.folder)
        examples = benchmarks.read_examples(name, benchmark, recipe.folder)
        tables = [build.write("items", items)]
        if examples is not None:
            tables.append(build.write("examples", examples))
        return tables, {"items": items.height}

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
        versions=scan.versions_for(config) | acquittals.versions_for(config),
        section=config,
        external=(lambda _: look_digests(recipe)) if config.second_look else None,
        inputs={"documents": documents, "benchmark_items": "benchmark_items"},
        rows="hits",
        beside=_hits,
        by_benchmark=True,
    )
    def contamination(build: Build) -> Built:
        """Documents that hold a benchmark's items, with the matching text and where it stands."""
        items = build["benchmark_items"]
        judged = _judged(build, recipe, items, config)
        parts, keys = judged.parts, judged.keys
        common = read_table(build.store.storage, keys) if keys else None
        searched = scan.searched_of(items.read("items"), config=config.alone(), common=common)
        tables = {
            "untestable": searched.untestable(),
            "searchable": searched.searchable(),
            "templates": searched.templates(),
        }
        if config.scoring:
            covered = by_part(
                build,
                config.scoring.covered,
                tables={
                    "items": items.parts("items"),
                    **({"common_keys": [keys]} if keys else {}),
                },
                parameters={"config": config},
                versions=scan.versions_for(config),
            )
            found = pl.concat(read_table(build.store.storage, part) for part in covered)
            tables["item_scores"] = config.scoring.scores(found, config=config)
        parts += [build.write(name, table) for name, table in tables.items()]
        return parts, {
            "untestable_items": tables["untestable"].height,
            "templates": tables["templates"].height,
            **judged.figures,
        }

    return [contamination]


@dataclass(frozen=True)
class _Judged:
    """What stands of the hits, by part of the documents, and what that was decided by."""

    parts: list[Part]
    keys: Part | None = None
    """The common n-grams (``common_ngrams.KEYS``) of a method that asks for them."""
    figures: dict[str, int] = field(default_factory=dict)


def _judged(build: Build, recipe: Recipe, items: Artifact, config: Method) -> _Judged:
    """The scan of each part; then what the whole corpus and the second look say of its hits."""
    found = _scanned(build, items, config)
    if not config.judges_again:
        return _Judged(found)
    storage = build.store.storage
    hits = [part for part in found if part.table == "hits"]
    tables, alone = {"items": items.parts("items")}, config.alone()
    listed: list[Part] = []
    if config.common_ngrams is not None:
        work = Work(
            acquittals.common,
            tables=tables,
            scans={"ngrams": [part for part in found if part.table == "ngrams"]},
            parameters={
                "config": alone,
                "needed": config.common_ngrams.needed(build["documents"].rows("documents")),
            },
            versions=acquittals.versions_for(config),
        )
        listed = build.parts([work])
    keys = next((part for part in listed if part.table == "common_keys"), None)
    documents = build["documents"].parts("documents")
    works = {
        number: Work(
            acquittals.standing,
            tables={**tables, "hits": [hit], **({"common_keys": [keys]} if keys else {})},
            scans={"documents": [document]},
            parameters={"config": alone.model_copy(update={"second_look": config.second_look})},
            causes=build.external,
            arguments=look_argument(recipe),
            versions=acquittals.versions_for(config),
            by_bytes=config.second_look is None,
        )
        for number, (document, hit) in enumerate(zip(documents, hits, strict=True))
        if hit.rows and (config.second_look or (keys and keys.rows))
    }
    stood = dict(zip(works, build.by_work(works.values()), strict=True))
    standing = [
        next((part for part in stood.get(number, []) if part.table == "hits"), hit)
        for number, hit in enumerate(hits)
    ]
    made = (part for parts in stood.values() for part in parts)
    those = (read_table(storage, part) for part in made if part.table == "spared" and part.rows)
    spared = pl.concat([acquittals.SPARED.to_frame(), *those])
    figures = {"spared": spared.height}
    if keys:
        figures["common_ngrams"] = next(p.rows for p in listed if p.table == "common_ngrams")
    return _Judged([*standing, *listed, build.write("spared", spared)], keys, figures)


def look_digests(recipe: Recipe) -> Any:
    """Digests of the model of the second look; None of a recipe that takes none."""
    look = recipe.decontamination.second_look
    return folder_digests(Path(recipe.path(look.embedding))) if look else None


def look_argument(recipe: Recipe) -> dict[str, Path]:
    """The folder of that model, as an argument."""
    look = recipe.decontamination.second_look
    return {"look": Path(recipe.path(look.embedding))} if look else {}


def _scanned(build: Build, items: Artifact, config: Method) -> list[Part]:
    """The hits in each part of the documents, and the counts of n-grams for a method that asks for
    common ones. The first benchmark makes the parts' sketches, later ones find them; where a sketch
    cannot tell, every document is read."""
    tables = {"items": items.parts("items")}
    parameters: dict[str, Any] = {"config": config.alone()}
    if config.common_ngrams is not None:
        parameters["counting"] = True
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
            effort=sketch_scan.EFFORT,
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
