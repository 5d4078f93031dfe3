"""The report: the whole run on one page, and the tables that the terminal ends with.

Each room offers its sections from its own artifacts. Here the artifacts are gathered by name, and
the sections are put in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dagster as dg
import polars as pl

from assets.build import ROWS_OF, Build, Built, Given, artifact_asset, markdown_table
from assets.checks import checks_of_losses, checks_of_run
from midtrain_dagster.collection import report_section as collection
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.curation import report_distributions as distributions
from midtrain_dagster.curation import report_section as curation
from midtrain_dagster.decontamination import report_section as decontamination
from midtrain_dagster.display.blocks import PageSection
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation import report_section as evaluation
from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.headline import checkpoints, headline
from midtrain_dagster.mixture import report_section as mixture
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report import lineage, page
from midtrain_dagster.synthesis import report_section as synthesis
from midtrain_dagster.tokens import report_section as tokens
from midtrain_dagster.training import report_section as training
from midtrain_dagster.training.artifact import Checkpoint
from resources.artifacts import asset_name

SECTIONS = (
    *(evaluation, training, mixture, collection, curation, distributions),
    *(decontamination, synthesis, tokens, lineage),
)
"""The modules that sections come from."""


def report_assets(
    recipe: Recipe, upstream: Sequence[dg.AssetsDefinition]
) -> list[dg.AssetsDefinition]:
    """The asset ``report``, downstream of every other asset of the recipe."""
    specs = [spec for each in upstream for spec in each.specs]
    names = {asset_name(spec.key).replace("/", "__"): asset_name(spec.key) for spec in specs}

    @artifact_asset(
        recipe,
        "report",
        group="report",
        versions=versions_of(page, *SECTIONS),
        section={"name": recipe.name, "text": recipe.text},
        inputs=names,
        metadata=lambda artifact: _metadata(recipe, artifact),
        kinds=("html",),
    )
    def report(build: Build) -> Built:
        """One self-contained HTML page: what mid-training did to this model, and from what."""
        run = RunArtifacts(recipe, {name: build.inputs[key] for key, name in names.items()})
        checks, sections = run.report(specs)
        html = page.render(recipe.name, recipe.description, sections)
        passed = sum(check.passed for check in checks)
        return [
            build.write("report.html", html.encode()),
            build.write("losses", run.losses),
            build.write("scores", run.scores),
        ], {"checks": f"{passed} of {len(checks)} passed"}

    return [report]


def _metadata(recipe: Recipe, artifact: Artifact) -> dict[str, Any]:
    """Where the page is, and its first table."""
    (written,) = artifact.parts("report.html")
    losses, scores = artifact.read("losses"), artifact.read("scores")
    names = checkpoints(losses, scores)
    rows = headline(losses, scores, recipe.evaluation.general, recipe.evaluation.targets)
    return {
        "page": dg.MetadataValue.path(artifact.storage.uri(written.path)),
        "before_after": markdown_table(
            ["", *map(spoken, names)],
            [[row.label, *map(row.written, names)] for row in rows],
            numbers=map(spoken, names),
        ),
    }


@dataclass(frozen=True)
class RunArtifacts:
    """Everything that a recipe's graph has made, by the asset's name."""

    recipe: Recipe
    artifacts: Mapping[str, Given]

    def one(self, name: str) -> Artifact:
        """An artifact that is not partitioned."""
        artifact = self.artifacts[name]
        if not isinstance(artifact, Artifact):
            raise TypeError(f"{name} is partitioned by benchmark")
        return artifact

    def many(self, name: str) -> Mapping[str, Artifact]:
        """The artifacts of a partitioned asset, by benchmark."""
        artifact = self.artifacts[name]
        if isinstance(artifact, Artifact):
            raise TypeError(f"{name} is not partitioned by benchmark")
        return artifact

    @cached_property
    def losses(self) -> pl.DataFrame:
        """Held-out losses of every checkpoint on every domain."""
        return self.one("held_out_losses").read("losses")

    @cached_property
    def scores(self) -> pl.DataFrame:
        """Scores of every checkpoint on every benchmark."""
        return evaluation.scores(self.many("evaluation").values())

    def report(self, specs: Sequence[dg.AssetSpec]) -> tuple[list[Check], list[PageSection]]:
        """Every gate and check, and the sections of the page in order."""
        sections = self._of_rooms()
        gates = [
            Check(gate.name, True, gate.detail, gate=True)
            for section in sections
            for gate in section.gates
        ]
        checks = [*gates, *self._checks()]
        distortions = training.distortions_blocks(self.recipe.distortions())
        summary = evaluation.summary_section(
            self.losses,
            self.scores,
            self.recipe.evaluation,
            checks,
            (page.key_numbers(sections), *distortions),
        )
        return checks, [
            summary,
            evaluation.checks_section(checks),
            *sections,
            lineage.lineage_section(_lineage(specs, self.artifacts)),
            page.recipe_section(self.recipe.text),
        ]

    def _checks(self) -> list[Check]:
        of_runs = [
            check
            for run in self.recipe.runs()
            for check in checks_of_run(self.recipe, run, self.one(f"checkpoint/{run.name}"))
        ]
        return of_runs + checks_of_losses(self.recipe, self.one("held_out_losses"))

    def _of_rooms(self) -> list[PageSection]:
        """What the rooms offer, results first, then the way of the data."""
        recipe, runs, methods = self.recipe, self.recipe.runs(), tuple(self.recipe.synthesis)
        trained = {run.name: Checkpoint(self.one(f"checkpoint/{run.name}")) for run in runs}
        found = {name: FoundMixture(self.one(f"mixture/{name}")) for name in recipe.mixtures}
        shards, documents = self.one("token_shards"), self.one("documents")
        available = tokens.tokens_by_domain(shards).select("domain", "tokens")
        looked_at = ["distributions", *(f"synthesis/{name}/distributions" for name in methods)]
        written = {
            name: synthesis.Synthesised(
                self.one(f"synthesis/{name}/documents"),
                self.one(f"synthesis/{name}/curated_documents"),
            )
            for name in methods
        }
        return [
            evaluation.losses_section(
                self.losses,
                self.one("held_out_losses").read("positions"),
                {run.name: run.stage.sequence_length for run in runs},
            ),
            evaluation.benchmarks_section(
                self.scores, evaluation.runs(self.many("evaluation").values())
            ),
            training.training_section({name: each.log for name, each in trained.items()}),
            training.mixture_section(
                {name: each.mixture for name, each in trained.items()},
                dict(available.iter_rows()),
            ),
            *([mixture.report_section(found)] if found else []),
            collection.report_section(documents),
            curation.report_section(documents, self.one("curated_documents"), recipe.curation),
            distributions.distributions_section([self.one(name) for name in looked_at]),
            decontamination.report_section(
                documents,
                self.many("benchmark_items"),
                self.many("contamination"),
                {name: self.many(f"synthesis/{name}/contamination") for name in methods},
            ),
            synthesis.report_section(written),
            tokens.report_section(shards),
        ]


def _lineage(specs: Sequence[dg.AssetSpec], artifacts: Mapping[str, Given]) -> pl.DataFrame:
    """The graph as the lineage section shows it (``lineage.ASSETS``)."""
    rows = []
    for spec in specs:
        given, table = artifacts[asset_name(spec.key)], spec.metadata.get(ROWS_OF)
        each = [given] if isinstance(given, Artifact) else list(given.values())
        rows.append(
            {
                "asset": asset_name(spec.key),
                "group": spec.group_name,
                "fingerprints": [one.fingerprint for one in each],
                "rows": sum(one.rows(table) for one in each) if table else None,
                "tokens": sum(one.tokens for one in each) or None,
                # Dagster keeps them as a set, whose order differs from process to process.
                "upstream": sorted(asset_name(dep.asset_key) for dep in spec.deps),
            }
        )
    return pl.DataFrame(rows, schema=lineage.ASSETS)
