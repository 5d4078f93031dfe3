"""Everything that a run has made, as the report needs it: by name, and as every room's section.

Each room offers its sections from its own artifacts. Here the artifacts are gathered by name, and
the sections are put in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
import polars as pl

from assets.benchmark_artifacts import BenchmarkArtifacts
from assets.build import ROWS_OF
from assets.checks import checked_runs, checks_of_losses, checks_of_run
from assets.declaration import PREFLIGHT, Given
from assets.evaluation import base_window
from assets.generators import trained_generators
from assets.leaks import NAME as LEAKS
from assets.leaks import leaked_ids
from assets.length_gates import checks_of_gate
from assets.long_context import FOUND
from assets.long_context import NAME as LONG_CONTEXT
from assets.probe import CHANGES, GAPS
from midtrain_dagster.collection import report_section as collection
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.making import making_of
from midtrain_dagster.curation import report_distributions as distributions
from midtrain_dagster.curation import report_section as curation
from midtrain_dagster.decontamination import report_leaks
from midtrain_dagster.decontamination import report_section as decontamination
from midtrain_dagster.decontamination.actions import told
from midtrain_dagster.delivery import report_section as delivery
from midtrain_dagster.display.blocks import PageSection
from midtrain_dagster.display.words import is_main, spoken
from midtrain_dagster.evaluation import (
    report_benchmarks,
    report_curves,
    report_long_context,
    report_samples,
)
from midtrain_dagster.evaluation import report_section as evaluation
from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.clean_part import losses_without, positions_without
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.evaluation.items_asked import items_asked
from midtrain_dagster.evaluation.learning_curves import loss_curves
from midtrain_dagster.experiments import report_section as experiments
from midtrain_dagster.experiments.microanneals import report_section as microanneals
from midtrain_dagster.experiments.search.tables import Swarm
from midtrain_dagster.forecast import report_section as forecast
from midtrain_dagster.mixture import report_section as mixture
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.probe import report_section as probe
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report import lineage, page
from midtrain_dagster.synthesis import report_section as synthesis
from midtrain_dagster.tokens import report_section as tokens
from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.training import report_section as training
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.decay_laws import report_section as decay_laws
from midtrain_dagster.training.record import (
    courses_by_length,
    courses_of,
    shares_by_group,
    turned_of,
)
from midtrain_dagster.training.runs import trained_on_found
from resources.artifacts import asset_name

SECTIONS = (
    *(evaluation, report_samples, delivery, training, mixture, collection, curation),
    *(distributions, decontamination, report_leaks, synthesis, tokens, forecast, lineage),
)
"""The modules that sections come from."""

SECTIONS_OF = {
    "benchmarks": report_benchmarks,
    "long_context": report_long_context,
    "probe": probe,
    "microanneals": microanneals,
    "mixture_search": experiments,
    "laws": decay_laws,
}
"""The same of what only some recipes have, by its field there: a report without the section is the
report that it was before there was one."""


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
        """The artifacts of a partitioned asset, by benchmark; none where the recipe has none."""
        artifact = self.artifacts[name] if self.recipe.benchmarks else {}
        if isinstance(artifact, Artifact):
            raise TypeError(f"{name} is not partitioned by benchmark")
        return artifact

    @cached_property
    def leaked(self) -> list[str]:
        """The held-out documents that no loss is to be of, since they were trained on."""
        return leaked_ids(self.one(LEAKS))

    @cached_property
    def measured(self) -> Measurements:
        """What was measured of every checkpoint, on what was not trained on."""
        held_out, evaluations = self.one("held_out_losses"), self.many("evaluation").values()
        items = {name: each.rows("items") for name, each in self.many("benchmark_items").items()}
        return Measurements(
            losses=losses_without(held_out.read("losses_by_document"), self.leaked)
            if self.leaked
            else held_out.read("losses"),
            positions=positions_without(held_out.read("positions_by_document"), self.leaked)
            if self.leaked
            else held_out.read("positions"),
            scores=evaluation.scores(evaluations),
            asked=items_asked(evaluation.runs(evaluations), items),
            general=self.recipe.measures.general,
            targets=self.recipe.measures.targets,
            window=base_window(self.recipe),
        )

    @cached_property
    def benchmarks(self) -> BenchmarkArtifacts:
        """What checkpoints made of benchmarks."""
        return BenchmarkArtifacts(
            self.recipe,
            self.one("documents"),
            items=self.many("benchmark_items"),
            contamination=self.many("contamination"),
            evaluation=self.many("evaluation"),
            measured=self.measured,
        )

    @cached_property
    def found(self) -> pl.DataFrame:
        """What was found of each benchmark in the collected documents."""
        if not self.recipe.benchmarks:
            return decontamination.FOUND.to_frame()
        return decontamination.found_by_benchmark(
            self.one("documents"), self.many("benchmark_items"), self.many("contamination")
        )

    @property
    def seconds(self) -> dict[str, float]:
        """What each asset took when it was made, where that was written down."""
        found: dict[str, float] = {}
        for name, given in self.artifacts.items():
            for artifact in [given] if isinstance(given, Artifact) else given.values():
                if making := making_of(artifact):
                    found[name] = found.get(name, 0.0) + making.seconds
        return found

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
            self.measured,
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
            for run in checked_runs(self.recipe)
            for check in checks_of_run(self.recipe, run, self.one(f"checkpoint/{run.name}"))
        ]
        gates = [
            check
            for name in self.recipe.gates
            for check in checks_of_gate(self.one(f"gate/{name}"))
        ]
        of_losses = checks_of_losses(self.recipe, self.one("held_out_losses"), self.leaked)
        return of_runs + gates + of_losses

    def _long_context(self) -> list[PageSection]:
        settings = self.recipe.long_context
        if settings is None:
            return []
        found = self.one(LONG_CONTEXT).read(FOUND)
        return [report_long_context.long_context_section(found, settings.threshold)]

    def _decay_laws(self) -> list[PageSection]:
        found = {name: self.one(f"law/{name}") for name in self.recipe.laws}
        return [decay_laws.report_section(found)] if found else []

    def _probe(self) -> list[PageSection]:
        asked = self.recipe.probe
        if asked is None:
            return []
        drawn = {
            name: self.one(f"synthesis/{name}/documents").read("drawn")
            for name in self.recipe.drawn_towards
        }
        section = probe.report_section(
            self.one(GAPS).read("gaps"),
            self.one(CHANGES).read("answers"),
            drawn,
            before=asked.checkpoint,
            chance=1 / (1 + asked.distractors),
        )
        return [section]

    def _microanneals(self) -> list[PageSection]:
        tables = ("verdicts", "decisions", "runs")
        found = {
            name: {table: self.one(f"microanneals/{name}").read(table) for table in tables}
            for name in self.recipe.microanneals
        }
        return [microanneals.report_section(found)] if found else []

    def _searches(self, found: Mapping[str, FoundMixture]) -> list[PageSection]:
        searches = {
            name: (search, Swarm(self.one(f"swarm/{name}")))
            for name, search in self.recipe.mixture_search.items()
        }
        marked = {
            name: {
                spoken(mixture): each.shares
                for mixture, each in found.items()
                if f"swarm/{name}" in self.recipe.mixtures[mixture].reads.values()
            }
            for name in searches
        }
        return [experiments.report_section(searches, marked)] if searches else []

    def _of_rooms(self) -> list[PageSection]:
        """What the rooms offer, results first, then the way of the data."""
        recipe, runs, methods = self.recipe, self.recipe.runs(), tuple(self.recipe.synthesis)
        trained = {run.name: Checkpoint(self.one(f"checkpoint/{run.name}")) for run in runs}
        logs = {name: each.log for name, each in trained.items()}
        found = {name: FoundMixture(self.one(f"mixture/{name}")) for name in recipe.mixtures}
        delivered = {
            name: {run: trained[run].mixture for run in named}
            for name, named in trained_on_found(runs).items()
        }
        shards, documents = self.one("token_shards"), self.one("documents")
        looked = self.one(PREFLIGHT)
        records = {name: trained[name].record for name in trained if is_main(name)}
        index = shards.scan("train_index").select(INDEX.names()).collect()
        available = tokens.tokens_by_domain(shards).select("domain", "unique_tokens")
        looked_at = ["distributions", *(f"synthesis/{name}/distributions" for name in methods)]
        written = {
            name: synthesis.Synthesised(
                self.one(f"synthesis/{name}/documents"),
                self.one(f"synthesis/{name}/curated_documents"),
                recipe.synthesis[name],
            )
            for name in methods
        }
        return [
            evaluation.losses_section(
                self.measured.losses,
                self.measured.positions,
                {run.name: run.stage.sequence_length for run in runs},
                report_curves.loss_curves_blocks(
                    loss_curves(self.one("held_out_losses"), self.leaked), recipe.checkpoints()
                ),
            ),
            *self._long_context(),
            *self._probe(),
            self.benchmarks.section(),
            report_leaks.leaks_section(
                self.one(LEAKS).read("leaks"),
                self.one("held_out_losses").read("losses"),
                self.measured.losses,
                held_out=shards.rows("held_out_index"),
                remove=recipe.held_out_leaks.remove,
            ),
            report_samples.samples_section(self.one("samples").read("samples")),
            delivery.delivery_section(
                {name: Checkpoint(self.one(f"checkpoint/{name}")) for name in recipe.checkpoints()}
            ),
            training.training_section(
                logs,
                recipe.checkpoints(),
                {name: each.record.reestimated_steps for name, each in trained.items()},
            ),
            training.mixture_section(
                {name: each.mixture for name, each in trained.items()},
                dict(available.iter_rows()),
                {name: int(log["tokens"][-1]) for name, log in logs.items()},
                courses_of(records, index),
                courses_by_length(records, index),
                turned_of(records, index),
            ),
            *self._microanneals(),
            *self._searches(found),
            *([mixture.report_section(found, delivered)] if found else []),
            *self._decay_laws(),
            collection.report_section(documents, recipe.sources, recipe.collection),
            curation.report_section(documents, self.one("curated_documents"), recipe.curation),
            distributions.distributions_section([self.one(name) for name in looked_at]),
            decontamination.report_section(
                documents,
                self.many("benchmark_items"),
                self.many("contamination"),
                {name: self.many(f"synthesis/{name}/contamination") for name in methods},
                {name: told(recipe.decontamination.rules(name)) for name in recipe.benchmarks},
            ),
            synthesis.report_section(
                written,
                shares_by_group(records, index, synthesis.groups(written)),
                natural_floor=recipe.checks.natural_floor,
                small=trained_generators(recipe, self.one),
            ),
            tokens.report_section(shards),
            forecast.preflight_section(looked.read("findings"), looked.read("unknown")),
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
                "table": table,
                "rows": sum(one.rows(table) for one in each) if table else None,
                "tokens": sum(one.tokens for one in each) or None,
                # Dagster keeps them as a set, whose order differs from process to process.
                "upstream": sorted(asset_name(dep.asset_key) for dep in spec.deps),
            }
        )
    return pl.DataFrame(rows, schema=lineage.ASSETS)
