"""Decay laws, fitted to the logs of the recipe's runs: each an asset ``law/NAME``."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from assets.build import Build, Built, artifact_asset, image, markdown_table
from assets.declaration import Given
from assets.estimate import SMALL_BYTES
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.laws.decay import study as studies
from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.csv_logs import read_log
from midtrain_dagster.laws.decay.curve import Curve, LogError
from midtrain_dagster.laws.decay.tables import tables_of
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.decay_laws import curves as step_logs
from midtrain_dagster.training.decay_laws.curves import curve_of, logged_runs


def law_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset ``law/NAME`` for each of the recipe's laws."""
    return [_law(recipe, name, section) for name, section in recipe.laws.items()]


def curves_of(
    recipe: Recipe, section: DecayLawSection, checkpoints: Mapping[str, Checkpoint]
) -> list[Curve]:
    """The curves that a law is fitted to; ``checkpoints`` are those of its runs and of all that
    they go back to. Raises ``LogError`` for a log that no law can be fitted to."""
    runs = {run.name: run for run in recipe.runs()}
    logged = logged_runs(
        section.runs,
        {name: each.log for name, each in checkpoints.items()},
        {name: run.start for name, run in runs.items()},
        section.before,
    )
    size = tokens_a_step(recipe, section)
    found = [
        curve_of(name, each, tokens_a_step=size, parameters=section.parameters)
        for name, each in logged.items()
    ]
    return found + [
        read_log(
            Path(recipe.path(log.path)),
            name=name,
            warmup=log.warmup,
            tokens_a_step=size,
            parameters=log.parameters,
        )
        for name, log in section.logs.items()
    ]


def tokens_a_step(recipe: Recipe, section: DecayLawSection) -> int | None:
    """The tokens of a step of a law's runs; None where it has logs alone."""
    batches = {run.stage.batches.sizes[0] for run in recipe.runs() if run.name in section.runs}
    return batches.pop() if batches else None


def _law(recipe: Recipe, name: str, section: DecayLawSection) -> dg.AssetsDefinition:
    checkpoints = {
        f"checkpoint_{number}": each for number, each in enumerate(recipe.behind_law(name))
    }

    def external(_: Mapping[str, Given]) -> dict[str, str]:
        return {key: known_digest(_existing(recipe, log.path)) for key, log in section.logs.items()}

    @artifact_asset(
        recipe,
        f"law/{name}",
        group="laws",
        method="decay_law",
        versions=versions_of(sys.modules[type(section.law).__module__], studies, step_logs),
        section=section,
        inputs={key: f"checkpoint/{each}" for key, each in checkpoints.items()},
        external=external if section.logs else None,
        rows="curves",
        metadata=_metadata,
        expected_bytes=SMALL_BYTES,
        kinds=("scipy",),
        description=f"The law `{section.law.law}`, fitted to the logs of "
        f"{', '.join((*section.runs, *section.logs))}.",
    )
    def law(build: Build) -> Built:
        given = {each: Checkpoint(build[key]) for key, each in checkpoints.items()}
        curves = curves_of(recipe, section, given)
        study = studies.study(section.law, curves, count=section.draws)
        parts = [build.write(table, rows) for table, rows in tables_of(study).items()]
        return parts, {
            "answers": study.refused is None,
            "mean_error_left_out": study.errors.mean,
            "worst_error_left_out": study.errors.worst,
        }

    return law


def _existing(recipe: Recipe, named: str) -> Path:
    path = Path(recipe.path(named))
    if not path.is_file():
        raise LogError(f"{path}: there is no such log")
    return path


def _metadata(artifact: Artifact) -> Mapping[str, Any]:
    from midtrain_dagster.display.style import figure_png
    from midtrain_dagster.training.decay_laws.report_plots import law_over_measured

    refused = artifact.read("verdict")["refused"].item()
    rows = [
        (row[0], *(f"{value:.4g}" for value in row[1:]))
        for row in artifact.read("parameters").iter_rows()
    ]
    heads = ("parameter", "value", "low", "high")
    return {
        "curves": image(figure_png(law_over_measured(artifact.read("curves")))),
        "parameters": markdown_table(heads, rows, numbers=heads[1:]),
        **({} if refused is None else {"refused": refused}),
    }
