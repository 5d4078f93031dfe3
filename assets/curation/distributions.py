"""The asset that people look at before they trust: distributions by source, and borders."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup
from assets.build import Build, Built, image, markdown_table
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import distributions as methods

TABLES = ("histograms", "bounds", "borders")
MERGED_AT_ONCE = 64
EXAMPLES_IN_THE_UI = 24


def distributions_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``distributions``."""
    parameters = {"policy": use.recipe.curation}

    @use.asset(
        "distributions",
        versions=versions_of(methods),
        section=parameters,
        inputs={
            "documents": use.documents,
            **{name: use.key(name) for name in use.attributes},
            "decisions": use.key("curated_documents"),
        },
        rows="bounds",
        metadata=_shown,
    )
    def distributions(build: Build) -> Built:
        """Look here before you trust a threshold: each signal and rating by source, its bounds, and
        the documents nearest to them on both sides.
        """
        parts = {name: build[name].parts(name) for name in sorted(build.inputs)}
        made = build.by_work(
            Work(
                methods.distributions,
                tables={name: [part] for name, part in zip(parts, each, strict=True)},
                parameters=parameters,
                arguments=use.unmade,
            )
            for each in zip(*parts.values(), strict=True)
        )
        while len(made) > 1:
            groups = range(0, len(made), MERGED_AT_ONCE)
            made = build.by_work(_merge(made[first : first + MERGED_AT_ONCE]) for first in groups)
        return made[0]

    return distributions


def _merge(made: Sequence[Sequence[Part]]) -> Work:
    tables = {
        name: [part for parts in made for part in parts if part.table == name] for name in TABLES
    }
    return Work(methods.merge, tables=tables)


def _shown(artifact: Artifact) -> Mapping[str, Any]:
    from midtrain_dagster.curation.report_plots import small_multiples
    from midtrain_dagster.display.style import figure_png

    histograms, bounds, borders = (artifact.read(name) for name in TABLES)
    return {
        "by_source": image(figure_png(small_multiples(histograms, bounds))),
        "borders": _nearest(bounds, borders),
    }


def _nearest(bounds: pl.DataFrame, borders: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """The documents nearest to the bounds that decide most, as the UI shows them."""
    from midtrain_dagster.display.words import excerpt

    which = ["kind", "attribute", "reason", "side", "bound"]
    ordered = (
        bounds.group_by(which)
        .agg(pl.col("decided").sum())
        .join(borders, on=which)
        .sort("decided", *which, "within", "rank", descending=[True, *(False for _ in range(7))])
    )
    rows = (
        (
            f"{row['attribute']} {row['side']} {row['bound']:.3g} ({row['kind']})",
            f"{row['value']:.3g}",
            row["decision"],
            row["source"],
            row["id"][:12],
            excerpt(row["text"], 120),
        )
        for row in ordered.head(EXAMPLES_IN_THE_UI).iter_rows(named=True)
    )
    columns = ("bound", "value", "decision", "source", "document", "text")
    return markdown_table(columns, rows, numbers=("value",))
