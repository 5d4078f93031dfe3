"""The look before the first step: what a recipe asks of later stages and will not have."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import dagster as dg

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.checks import comparisons, soups_compared
from assets.declaration import PREFLIGHT
from assets.estimate import SMALL_BYTES
from assets.evaluation import base_window, how_asked
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.findings import Finding, findings_of, findings_table, unknown_table
from midtrain_dagster.core.parts import file_names
from midtrain_dagster.evaluation.preflight import Measures
from midtrain_dagster.forecast import preflight as looks
from midtrain_dagster.forecast.preflight import There
from midtrain_dagster.long_context import preflight as long_context
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import RecipeError, finding_lines
from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.runs import BASE
from midtrain_dagster.training.scale import Scale
from resources.terminal import LOST, TOLD


def preflight_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``preflight``."""
    inputs = {"tokenizer": "tokenizer", "token_shards": "token_shards"}
    known = [name for name in recipe.mixtures if name not in recipe.late_mixtures]
    inputs |= {f"mixture_{name}": f"mixture/{name}" for name in known}
    if recipe.base_given:
        inputs[BASE] = f"checkpoint/{BASE}"
    if recipe.benchmarks:
        inputs |= {name: name for name in ("benchmark_items", "contamination")}
    measures = _measures(recipe)

    def gate(_: Build, artifact: Artifact) -> None:
        """Raises :class:`RecipeError` with everything that stops the run."""
        stopping = finding_lines(recipe, _findings(artifact), stops=True)
        if stopping:
            raise RecipeError("\n".join(stopping))

    @artifact_asset(
        recipe,
        PREFLIGHT,
        group="training",
        versions=versions_of(looks, *((long_context,) if recipe.contexts else ())),
        section={
            "runs": [[run.name, run.stage, run.seed] for run in recipe.runs()],
            "model": recipe.base.model,
            "soups": recipe.soups,
            "ingredients": {name: recipe.ingredients(name) for name in recipe.soups},
            "measures": measures.settings,
            "said": sorted(measures.said),
            "domains": sorted(measures.domains),
            "synthetic": sorted(recipe.view.generated),
            "scaled": measures.is_scaled,
            "natural_floor": recipe.checks.natural_floor,
            "benchmarks": {name: how_asked(each) for name, each in recipe.benchmarks.items()},
            **_long_context(recipe),
        },
        inputs=inputs,
        gate=gate,
        rows="findings",
        metadata=lambda artifact: _metadata(recipe, artifact),
        kinds=("polars",),
        expected_bytes=SMALL_BYTES,
    )
    def preflight(build: Build) -> Built:
        """What of later stages, measures and benchmarks cannot go well, before the first step.

        The token shards, the tokenizer and a given base decide whether a later stage's mixture runs
        dry, whether there is anything to evaluate on, which soups can be made. All that is wrong is
        told at once, and stops the run; what is doubtful is told; what cannot be known is listed.
        """
        with ExitStack() as stack:

            def folder(parts: Sequence[Part]) -> Any:
                return stack.enter_context(build.store.storage.local_folder(file_names(parts)))

            shards, tokenizer = build["token_shards"], Tokenizer(build["tokenizer"])
            base = Checkpoint(build[BASE]) if recipe.base_given else None
            items = build.partitions("benchmark_items") if recipe.benchmarks else {}
            scans = build.partitions("contamination") if recipe.benchmarks else {}
            mixtures = {name: FoundMixture(build[f"mixture_{name}"]) for name in known}
            look = looks.preflight(
                recipe,
                There(
                    train=shards.scan("train_index").select(INDEX.names()).collect(),
                    held_out=shards.scan("held_out_index").select(INDEX.names()).collect(),
                    vocabulary=tokenizer.vocabulary.tokens,
                    tokenizer=folder(tokenizer.files),
                    conversations=_conversations(shards),
                    shares={name: each.shares for name, each in mixtures.items()},
                    max_epochs_of={name: each.max_epochs_of for name, each in mixtures.items()},
                    base=None if base is None else folder(base.files),
                    base_state=None if base is None else base.state,
                    items={name: each.read("items") for name, each in items.items()},
                    examples={
                        name: each.read("examples")
                        for name, each in items.items()
                        if each.has("examples")
                    },
                    untestable={name: each.rows("untestable") for name, each in scans.items()},
                ),
                measures,
            )
        findings, unknown = findings_table(look.findings), unknown_table(look.unknown)
        stopping = int(findings["stops"].sum())
        return [build.write("findings", findings), build.write("unknown", unknown)], {
            "stopping": stopping,
            "doubtful": findings.height - stopping,
            "not_known": unknown.height,
        }

    return [preflight]


def _long_context(recipe: Recipe) -> dict[str, Any]:
    """What is hidden in long contexts, where something is."""
    if recipe.contexts is None:
        return {}
    return {"long_context": recipe.contexts, "haystack": recipe.haystack}


def _conversations(shards: Artifact) -> Any:
    return shards.read("conversations") if shards.has("conversations") else None


def _measures(recipe: Recipe) -> Measures:
    return Measures(
        settings=recipe.measures,
        said=recipe.evaluation.model_fields_set,
        domains=recipe.measured_domains,
        comparisons=comparisons(recipe),
        soups=soups_compared(recipe),
        base_window=base_window(recipe),
        is_scaled=recipe.scale != Scale(),
    )


def _findings(artifact: Artifact) -> list[Finding]:
    return findings_of(artifact.read("findings"))


def _metadata(recipe: Recipe, artifact: Artifact) -> Mapping[str, Any]:
    """The doubts, in the terminal a line each, and what could not be known."""
    tables = {name: artifact.read(name) for name in ("findings", "unknown")}
    shown: dict[str, Any] = {
        name: markdown_table(
            ("field", "reason"),
            [(".".join(place), reason) for place, reason, *_ in table.iter_rows()],
        )
        for name, table in tables.items()
        if table.height
    }
    if doubts := finding_lines(recipe, findings_of(tables["findings"]), stops=False):
        shown[LOST] = "\n".join([f"{len(doubts)} doubtful; the run goes on", *doubts])
    known_later = tables["unknown"].height
    shown[TOLD] = f"{known_later} things are known later; the report lists them"
    return shown
