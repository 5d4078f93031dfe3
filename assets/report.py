"""The report: the whole run on one page, and the tables that the terminal ends with."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.estimate import SMALL_BYTES
from assets.evaluation import base_window, differences_table, scores_table
from assets.run_artifacts import SECTIONS, SECTIONS_OF, RunArtifacts
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.machine import machine
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.refresh.record import records as refreshes_of
from midtrain_dagster.report import page
from midtrain_dagster.report.colophon import Colophon
from resources.artifacts import asset_name

PAGE = "report.html"

FOUND_ITEMS = "found_items"
"""The table of a report that says what of each benchmark stands in the corpus."""

COMPARED = "comparisons"
"""The table of a report that holds checkpoints against each other (``comparison.COMPARISONS``)."""


def report_assets(
    recipe: Recipe, upstream: Sequence[dg.AssetsDefinition]
) -> list[dg.AssetsDefinition]:
    """The asset ``report``, downstream of every other asset of the recipe."""
    specs = [spec for each in upstream for spec in each.specs]
    names = {asset_name(spec.key).replace("/", "__"): asset_name(spec.key) for spec in specs}
    own = [module for field, module in SECTIONS_OF.items() if getattr(recipe, field)]

    @artifact_asset(
        recipe,
        "report",
        group="report",
        versions=versions_of(page, *SECTIONS, *own),
        section={"name": recipe.name, "text": recipe.text},
        inputs=names,
        metadata=lambda artifact: _metadata(recipe, artifact),
        expected_bytes=SMALL_BYTES,
        kinds=("html",),
    )
    def report(build: Build) -> Built:
        """One self-contained HTML page: what mid-training did to this model, and from what."""
        run = RunArtifacts(recipe, {name: build.inputs[key] for key, name in names.items()})
        checks, sections = run.report(specs)
        html = page.render(recipe.name, recipe.description, sections)
        refreshes = [
            each
            for each in refreshes_of(build.store.storage, recipe.name)
            if not (each.first or each.is_empty)
        ]
        colophon = Colophon(datetime.now(UTC), machine(), run.seconds, refreshes)
        copy = page.with_colophon(html, colophon)
        build.store.storage.write(_copy_path(build.fingerprint), copy.encode())
        passed = sum(check.passed for check in checks)
        measured = run.measured
        return [
            build.write(PAGE, html.encode()),
            build.write("losses", measured.losses),
            build.write("positions", measured.positions),
            build.write("scores", measured.scores),
            build.write("asked", measured.asked),
            build.write(FOUND_ITEMS, run.found),
            *([build.write(COMPARED, run.benchmarks.compared)] if recipe.benchmarks else []),
        ], {"checks": f"{passed} of {len(checks)} passed"}

    return [report]


def measurements(recipe: Recipe, report: Artifact) -> Measurements:
    """What was measured of every checkpoint, as the artifact of a report holds it."""
    return Measurements(
        losses=report.read("losses"),
        positions=report.read("positions"),
        scores=report.read("scores"),
        asked=report.read("asked"),
        general=recipe.measures.general,
        targets=recipe.measures.targets,
        window=base_window(recipe),
    )


def page_address(report: Artifact) -> str:
    """Where the page is to be opened: the copy that says when and where it was made.

    That is no part of the artifact. A store into which only artifacts were copied has none; then it
    is the page without those words.
    """
    copy = _copy_path(report.fingerprint)
    if report.storage.size(copy) is not None:
        return report.storage.uri(copy)
    (written,) = report.parts(PAGE)
    return report.storage.uri(written.path)


def _copy_path(fingerprint: str) -> str:
    return f"reports/{fingerprint}/{PAGE}"


def _metadata(recipe: Recipe, artifact: Artifact) -> dict[str, Any]:
    """Where the page is, its first table, and the scores of all benchmarks."""
    measured = measurements(recipe, artifact)
    names = measured.checkpoints
    shown = {
        "page": dg.MetadataValue.path(page_address(artifact)),
        "before_after": markdown_table(
            ["", "", *map(spoken, names)],
            [[row.label, row.note, *map(row.written, names)] for row in measured.rows],
            numbers=map(spoken, names),
        ),
    }
    if measured.scores.height:
        shown["benchmarks"] = scores_table(measured.scores, measured.asked)
    if artifact.has(COMPARED) and artifact.rows(COMPARED):
        shown["differences"] = differences_table(artifact.read(COMPARED))
    return shown
