"""The asset that people look at before they trust: distributions by source, and borders."""

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup
from assets.graph import fingerprints, image, inputs, materialized
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import distributions
from midtrain_dagster.report.markup import excerpt
from resources.artifacts import ArtifactBuilder

TABLES = ("histograms", "bounds", "borders")
MERGED_AT_ONCE = 64
EXAMPLES_IN_THE_UI = 24


def distributions_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``distributions``."""
    asked = use.recipe.curation.without_ceilings()

    @dg.asset(
        name="distributions",
        **use.arguments(distributions.VERSION, asked),
        ins=inputs(
            use.recipe,
            documents=use.documents,
            language=use.name("language"),
            signals=use.name("signals"),
            ratings=use.name("ratings"),
            decisions=use.name("curated_documents"),
        ),
    )
    def distributions_table(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder, **given: Artifact
    ) -> dg.Output[Artifact]:
        """Look here before you trust a threshold: each signal and rating by source, its bounds, and
        the documents nearest to them on both sides.
        """

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            parts = {name: given[name].parts(name) for name in sorted(given)}
            works = [
                Work(
                    "distributions",
                    distributions.VERSION,
                    distributions.distributions,
                    tables={name: [part] for name, part in zip(parts, each, strict=True)},
                    parameters={"policy": asked},
                )
                for each in zip(*parts.values(), strict=True)
            ]
            made = workshop.parts(context, works)
            while len(made) > 1:
                groups = range(0, len(made), MERGED_AT_ONCE)
                merges = [_merge(made[first : first + MERGED_AT_ONCE]) for first in groups]
                made = workshop.parts(context, merges)
            return made[0], {}

        artifact = workshop.store.make(
            "distributions", distributions.VERSION, asked, fingerprints(**given), build
        )
        histograms, bounds, borders = (artifact.read(name) for name in TABLES)
        return materialized(
            artifact,
            "bounds",
            by_source=image(_picture(histograms, bounds)),
            borders=dg.MetadataValue.md(_markdown(bounds, borders)),
        )

    return distributions_table


def _merge(made: Sequence[Sequence[Part]]) -> Work:
    tables: Mapping[str, list[Part]] = {
        name: [part for parts in made for part in parts if part.table == name] for name in TABLES
    }
    return Work("distributions", distributions.VERSION, distributions.merge, tables=tables)


def _picture(histograms: pl.DataFrame, bounds: pl.DataFrame) -> bytes:
    from midtrain_dagster.report.distribution_plots import small_multiples
    from midtrain_dagster.report.style import figure_png

    return figure_png(small_multiples(histograms, bounds))


def _markdown(bounds: pl.DataFrame, borders: pl.DataFrame) -> str:
    """The documents nearest to the bounds that decide most, as the UI shows them."""
    which = ["kind", "attribute", "reason", "side", "bound"]
    ordered = (
        bounds.group_by(which)
        .agg(pl.col("decided").sum())
        .join(borders, on=which)
        .sort("decided", *which, "within", "rank", descending=[True, *(False for _ in range(7))])
    )
    lines = [
        "| bound | value | decision | source | document | text |",
        "|---|---:|---|---|---|---|",
    ]
    for row in ordered.head(EXAMPLES_IN_THE_UI).iter_rows(named=True):
        text = excerpt(row["text"], 120).replace("|", "\\|").replace("<", "&lt;")
        lines.append(
            f"| {row['attribute']} {row['side']} {row['bound']:.3g} ({row['kind']}) "
            f"| {row['value']:.3g} | {row['decision']} | {row['source']} | {row['id'][:12]} "
            f"| {text} |"
        )
    return "\n".join(lines)
