"""The report: the whole run on one page, and the tables that the terminal ends with."""

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from assets.checks import checkpoint_checks, loss_checks
from assets.curation.decisions import funnel_table
from assets.evaluation import evaluated, scores
from assets.graph import asset_arguments, fingerprints, inputs, materialized, require_benchmarks
from assets.synthesis import METHOD, outcomes
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.curation import distributions
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report import page
from midtrain_dagster.report.data import Check, ReportData
from midtrain_dagster.report.headline import checkpoints, headline
from midtrain_dagster.training.scale import distortions
from resources.artifacts import ArtifactBuilder, asset_name

EXAMPLES = 12
Artifacts = Mapping[str, Artifact | dict[str, Artifact]]


def report_assets(
    recipe: Recipe, upstream: Sequence[dg.AssetsDefinition]
) -> list[dg.AssetsDefinition]:
    """The asset ``report``, downstream of every other asset of the recipe."""
    specs = [spec for each in upstream for spec in each.specs]
    names = {asset_name(spec.key): asset_name(spec.key).replace("/", "__") for spec in specs}

    @dg.asset(
        **asset_arguments(
            recipe, "report", version=page.VERSION, section=recipe.text, kinds=("html",)
        ),
        ins=inputs(recipe, **{parameter: name for name, parameter in names.items()}),
    )
    def report(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        **given: Artifact | dict[str, Artifact],
    ) -> dg.Output[Artifact]:
        """One self-contained HTML page: what mid-training did to this model, and from what."""
        artifacts = {
            name: require_benchmarks(recipe, each) if isinstance(each, dict) else each
            for name, parameter in names.items()
            for each in [given[parameter]]
        }

        def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
            data = report_data(recipe, artifacts, specs)
            html = page.render(data).encode()
            folder, storage = f"parts/report/{fingerprint_}", workshop.store.storage
            return [
                write_output(storage, folder, "report.html", html),
                write_output(storage, folder, "losses", data.losses),
                write_output(storage, folder, "scores", data.scores),
            ], {}

        artifact = workshop.store.make(
            "report",
            page.VERSION,
            {"name": recipe.name, "text": recipe.text},
            fingerprints(**artifacts),
            build,
        )
        (written,) = artifact.parts("report.html")
        checks = promises(recipe, artifacts)
        kept = sum(check.passed for check in checks)
        return materialized(
            artifact,
            page=dg.MetadataValue.path(workshop.store.storage.uri(written.path)),
            promises=f"{kept} of {len(checks)} kept",
            before_after=dg.MetadataValue.md(_before_after(recipe, artifact)),
        )

    return [report]


def _before_after(recipe: Recipe, artifact: Artifact) -> str:
    """The page's first table, as the UI shows it."""
    losses, scores = artifact.read("losses"), artifact.read("scores")
    names = checkpoints(losses, scores)
    rows = headline(losses, scores, recipe.evaluation.general, recipe.evaluation.targets)
    lines = [f"| | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    lines += [f"| {row.label} | {' | '.join(map(row.written, names))} |" for row in rows]
    return "\n".join(lines)


def promises(recipe: Recipe, artifacts: Artifacts) -> list[Check]:
    """Every check that is displayed, over the whole run."""
    of_stages = [
        check
        for name, _, _ in recipe.runs()
        for check in checkpoint_checks(recipe, name, _one(artifacts, name))
    ]
    measured = _one(artifacts, "held_out_losses")
    return of_stages + loss_checks(recipe, measured.read("losses"), measured.read("positions"))


def report_data(recipe: Recipe, artifacts: Artifacts, specs: Sequence[dg.AssetSpec]) -> ReportData:
    """Everything that the page shows, gathered from the artifacts."""
    documents = _one(artifacts, "documents")
    curated = _one(artifacts, "curated_documents")
    measured = _one(artifacts, "held_out_losses")
    stages = {name: stage for name, stage, _ in recipe.runs()}
    mixtures = {name: _one(artifacts, name).read("mixture") for name in stages}
    order = pl.Enum(evaluated(recipe))
    summary = documents.scan("documents").select("id", "source").collect()
    decided = summary.join(curated.read("decisions"), on="id")
    return ReportData(
        recipe=recipe.name,
        description=recipe.description,
        recipe_text=recipe.text,
        losses=measured.read("losses").sort(pl.col("checkpoint").cast(order), "domain"),
        scores=_scores(artifacts),
        logs=tuple((name, _one(artifacts, name).read("log")) for name in stages),
        funnel=funnel_table(curated),
        decisions=decided.group_by("source", "reason")
        .agg(documents=pl.len())
        .sort("source", "documents", "reason", descending=[False, True, False]),
        examples=_examples(documents, decided),
        contamination=_contamination(artifacts),
        hits=_hits(artifacts).head(EXAMPLES),
        synthesis=_synthesis(artifacts),
        pairs=_pairs(artifacts),
        planned=_shares(mixtures, "planned"),
        delivered=_shares(mixtures, "delivered"),
        epochs=_epochs(_one(artifacts, "token_shards"), mixtures),
        positions=measured.read("positions").sort(pl.col("checkpoint").cast(order), "position"),
        **_distributions(artifacts),
        checks=(*_gates(), *promises(recipe, artifacts)),
        lineage=_lineage(artifacts, specs),
        general=recipe.evaluation.general,
        targets=recipe.evaluation.targets,
        trained_lengths={name: stage.sequence_length for name, stage in stages.items()},
        distortions=tuple(distortions(dict(recipe.stages), recipe.scale)),
    )


def _one(artifacts: Artifacts, name: str) -> Artifact:
    artifact = artifacts[name]
    if not isinstance(artifact, Artifact):
        raise TypeError(f"{name} is partitioned by benchmark")
    return artifact


def _many(artifacts: Artifacts, name: str) -> dict[str, Artifact]:
    artifact = artifacts[name]
    if isinstance(artifact, Artifact):
        raise TypeError(f"{name} is not partitioned by benchmark")
    return artifact


def _examples(documents: Artifact, decided: pl.DataFrame) -> pl.DataFrame:
    """Two documents of each reason, with their text; no other text is read."""
    chosen = decided.sort("id").group_by("reason", maintain_order=True).head(2).sort("reason")
    texts = (
        documents.scan("documents")
        .select("id", "text")
        .filter(pl.col("id").is_in(chosen["id"].implode()))
        .collect()
    )
    return chosen.join(texts, on="id", how="left", maintain_order="left")


def _distributions(artifacts: Artifacts) -> dict[str, pl.DataFrame]:
    """What people look at: of the collected documents and the synthetic ones together."""
    made = [
        _one(artifacts, name)
        for name in ("distributions", "synthetic/distributions")
        if name in artifacts
    ]
    tables = ("histograms", "bounds", "borders")
    if not made:
        return {}
    return distributions.merge(
        **{name: pl.concat(each.read(name) for each in made) for name in tables}
    )


def _scores(artifacts: Artifacts) -> pl.DataFrame:
    tables = [scores(artifact) for artifact in _many(artifacts, "evaluation").values()]
    return pl.concat(tables).select(
        "checkpoint", "benchmark", "metric", "value", "stderr", "items", "chance", "at_chance"
    )


def _hits(artifacts: Artifacts) -> pl.DataFrame:
    tables = [each.read("hits") for each in _many(artifacts, "contamination").values()]
    return pl.concat(tables).select("benchmark", "item", "id", "text")


def _contamination(artifacts: Artifacts) -> pl.DataFrame:
    """By benchmark: items, documents with a hit, hits; of planted items, how many were caught."""
    planted = (
        _one(artifacts, "documents")
        .scan("documents")
        .select(
            "id",
            benchmark=pl.col("metadata").str.json_path_match("$.planted.benchmark"),
            item=pl.col("metadata").str.json_path_match("$.planted.item"),
        )
        .filter(pl.col("benchmark").is_not_null())
        .collect()
    )
    hits = _hits(artifacts)
    caught = planted.join(hits.unique(["id", "benchmark", "item"]), on=["id", "benchmark", "item"])
    rows = [
        {
            "benchmark": name,
            "items": items.rows("items"),
            "documents": hits.filter(benchmark=name)["id"].n_unique(),
            "hits": hits.filter(benchmark=name).height,
            "planted": planted.filter(benchmark=name).height,
            "caught": caught.filter(benchmark=name)["id"].n_unique(),
        }
        for name, items in _many(artifacts, "benchmark_items").items()
    ]
    return pl.DataFrame(rows)


def _synthesis(artifacts: Artifacts) -> pl.DataFrame:
    if METHOD not in artifacts:
        return pl.DataFrame(schema={"reason": pl.String, "count": pl.UInt32})
    return outcomes(_one(artifacts, METHOD))


def _pairs(artifacts: Artifacts) -> pl.DataFrame:
    """Some accepted pairs, with the passage that each was made from."""
    schema = {"question": pl.String, "answer": pl.String, "passage": pl.String}
    if METHOD not in artifacts:
        return pl.DataFrame(schema=schema)
    pair = pl.col("text").str.extract_groups(
        r"(?s)^(?<passage>.*)\n\nQuestion: (?<question>[^\n]*)\nAnswer: (?<answer>.*)$"
    )
    made = _one(artifacts, METHOD).scan("documents").head(EXAMPLES)
    return made.select(pair.alias("pair")).unnest("pair").select(*schema).collect()


def _shares(mixtures: Mapping[str, pl.DataFrame], column: str) -> dict[str, dict[str, float]]:
    return {
        name: dict(table.select("domain", column).iter_rows()) for name, table in mixtures.items()
    }


def _epochs(shards: Artifact, mixtures: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    available = (
        shards.scan("train_index")
        .group_by("domain")
        .agg(available=pl.col("length").sum())
        .collect()
    )
    return pl.concat(
        table.select(pl.lit(name).alias("stage"), "domain", "tokens", "epochs")
        .join(available, on="domain", how="left", maintain_order="left")
        .select("stage", "domain", "tokens", "available", "epochs")
        for name, table in mixtures.items()
    )


def _gates() -> list[Check]:
    """The gates that this run passed: one that fails raises, and there is no report then."""
    passed = {
        "no_source_is_empty": "every source gave at least one document",
        "removal_ceiling": "no source lost more documents than its declared ceiling",
        "no_benchmark_text_in_the_shards": "the token shards, decoded, hold no benchmark's item",
        "finite_loss": "no step of any stage had a loss that is not a number",
    }
    return [Check(name, True, detail, gate=True) for name, detail in passed.items()]


def _lineage(artifacts: Artifacts, specs: Sequence[dg.AssetSpec]) -> pl.DataFrame:
    rows = []
    for spec in specs:
        name = asset_name(spec.key)
        artifact = artifacts[name]
        each = [artifact] if isinstance(artifact, Artifact) else list(artifact.values())
        rows.append(
            {
                "asset": name,
                "group": spec.group_name,
                "fingerprint": each[0].fingerprint if len(each) == 1 else f"{len(each)} partitions",
                "rows": sum(part.rows for one in each for part in one.manifest.parts) or None,
                "tokens": sum(one.tokens for one in each) or None,
                # Dagster keeps them as a set, whose order differs from process to process.
                "upstream": sorted(asset_name(dep.asset_key) for dep in spec.deps),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
