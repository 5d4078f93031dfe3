"""Evaluation: every checkpoint on held-out documents and on the benchmarks."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.checks import check_descriptions, loss_checks
from assets.graph import asset_arguments, check_result, fingerprints, image, inputs, materialized
from assets.training import checkpoint_files
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.evaluation import checkpoints, harness
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.shards import token_dtype
from resources.artifacts import ArtifactBuilder


def evaluation_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The assets ``held_out_losses`` and ``evaluation``, the latter one partition a benchmark."""
    return [_held_out_losses(recipe), _evaluation(recipe)]


def evaluated(recipe: Recipe) -> list[str]:
    """The checkpoints that are evaluated: the base, what every run ends with, and every soup."""
    return recipe.checkpoints()


def shortest_window(recipe: Recipe) -> int:
    """The window, in tokens, in which all checkpoints can be compared."""
    return min(stage.sequence_length for _, stage, _ in recipe.runs())


def _held_out_losses(recipe: Recipe) -> dg.AssetsDefinition:
    names = evaluated(recipe)
    length = shortest_window(recipe)
    # A synthetic document quotes the one it was made from, which is trained on: its loss, held out
    # or not, would say little. So only domains of natural sources are measured.
    domains = sorted({source.domain for source in recipe.sources.values()})
    section = {
        "evaluation": recipe.evaluation,
        "sequence_length": length,
        "domains": domains,
    }

    @dg.asset(
        **asset_arguments(
            recipe,
            "evaluation",
            version=checkpoints.VERSION,
            section=section,
            kinds=("pytorch", "ray"),
        ),
        ins=inputs(
            recipe,
            tokenizer="tokenizer",
            token_shards="token_shards",
            **{name: name for name in names},
        ),
    )
    def held_out_losses(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        tokenizer: Artifact,
        token_shards: Artifact,
        **models: Artifact,
    ) -> dg.Output[Artifact]:
        """Held-out loss by domain and by position in long documents, for every checkpoint."""
        settings = recipe.evaluation
        vocabulary = int(tokenizer.manifest.figures["vocabulary"] or 0)
        held_out = [
            part
            for part in token_shards.manifest.parts
            if part.table in ("held_out_tokens", "held_out_index")
        ]

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            works = [
                Work(
                    "held_out_losses",
                    checkpoints.VERSION,
                    checkpoints.measure,
                    files={"model": checkpoint_files(models[name]), "shards": held_out},
                    parameters={
                        "checkpoint": name,
                        "dtype": token_dtype(vocabulary).str,
                        "domains": domains,
                        "sequence_length": length,
                        "tokens_by_domain": settings.tokens_by_domain,
                        "length": settings.length,
                        "bucket": settings.bucket,
                        "documents": settings.documents,
                    },
                )
                for name in names
            ]
            parts = [part for made in workshop.parts(context, works) for part in made]
            return parts, {}

        artifact = workshop.store.make(
            "held_out_losses",
            checkpoints.VERSION,
            section,
            fingerprints(token_shards=token_shards, models=models),
            build,
        )
        from midtrain_dagster.report.style import figure_png
        from midtrain_dagster.report.training_plots import losses_by_domain, positions

        return materialized(
            artifact,
            "losses",
            by_domain=image(figure_png(losses_by_domain(artifact.read("losses")))),
            by_position=image(figure_png(positions(artifact.read("positions")))),
        )

    return held_out_losses


def _evaluation(recipe: Recipe) -> dg.AssetsDefinition:
    names, length = evaluated(recipe), shortest_window(recipe)
    section = {
        "benchmarks": {name: [b.evaluate, b.limit] for name, b in recipe.benchmarks.items()},
        "max_length": length,
    }

    @dg.asset(
        **asset_arguments(
            recipe,
            "evaluation",
            version=harness.VERSION,
            section=section,
            kinds=("pytorch", "ray"),
            by_benchmark=True,
        ),
        ins=inputs(recipe, benchmark_items="benchmark_items", **{name: name for name in names}),
    )
    def evaluation(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        benchmark_items: Artifact,
        **models: Artifact,
    ) -> dg.Output[Artifact]:
        """A benchmark's scores with standard errors for every checkpoint, by lm-evaluation-harness.

        A score within two standard errors of guessing is marked *at chance*.
        """
        benchmark = recipe.benchmarks[context.partition_key]
        asked = {"method": benchmark.evaluate, "limit": benchmark.limit, "max_length": length}

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            if benchmark.evaluate is None:
                return [], {}
            works = [
                Work(
                    "evaluation",
                    harness.VERSION,
                    harness.evaluate,
                    tables={"items": benchmark_items.parts("items")},
                    files={"model": checkpoint_files(models[name])},
                    parameters=asked,
                )
                for name in names
            ]
            made = workshop.parts(context, works)
            parts = [
                part.model_copy(update={"label": name})
                for name, each in zip(names, made, strict=True)
                for part in each
            ]
            return parts, {}

        artifact = workshop.store.make(
            "evaluation",
            harness.VERSION,
            {**asked, "checkpoints": names},
            fingerprints(items=benchmark_items, models=models),
            build,
        )
        table = scores(artifact)
        shown = {} if table.is_empty() else {"scores": dg.MetadataValue.md(_markdown(table))}
        return materialized(artifact, "scores", **shown)

    return evaluation


def scores(artifact: Artifact) -> pl.DataFrame:
    """An evaluation's scores with the checkpoint each belongs to; empty if not evaluated."""
    from midtrain_dagster.core.parts import read_table

    frames = [
        read_table(artifact.storage, part).select(pl.lit(part.label).alias("checkpoint"), pl.all())
        for part in artifact.manifest.parts
        if part.table == "scores"
    ]
    empty = harness.SCORES.to_frame().select(pl.lit("").alias("checkpoint"), pl.all())
    return pl.concat([empty.clear(), *frames])


def _markdown(table: pl.DataFrame) -> str:
    rows = [
        f"| {row['checkpoint']} | {row['metric']} | {row['value']:.3f} ± {row['stderr'] or 0:.3f} "
        f"| {'at chance' if row['at_chance'] else ''} |"
        for row in table.iter_rows(named=True)
    ]
    return "\n".join(["| checkpoint | metric | value | |", "|---|---|---|---|", *rows])


def evaluation_checks(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """The checks on ``held_out_losses``: what mid-training promises of the domains."""
    key = dg.AssetKey([recipe.name, "held_out_losses"])
    told = check_descriptions(recipe)
    if not told:
        return []

    @dg.multi_asset_check(
        name=f"{recipe.name}_held_out_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=promise)
            for name, promise in told.items()
        ],
        ins={"measured": dg.AssetIn(key=key)},
    )
    def checks(measured: Artifact) -> Iterator[dg.AssetCheckResult]:
        """Compares every stage with the base and with its control."""
        for promise in loss_checks(recipe, measured.read("losses"), measured.read("positions")):
            yield check_result(key, promise)

    return [checks]
