"""The checks on what is made of each benchmark: a check has the partitions of its asset."""

from warnings import catch_warnings, simplefilter

import dagster as dg

from assets.build import benchmark_partitions
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.decontamination import checks as scans
from midtrain_dagster.evaluation import benchmark_checks as scores
from midtrain_dagster.recipe import Recipe


def benchmark_checks(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """A check of each scan and of each benchmark's scores; none of a recipe without benchmarks."""
    if not recipe.benchmarks:
        return []
    groups = ("", *(f"synthesis/{name}/" for name in recipe.synthesis))
    with catch_warnings():
        # Partitions of a check are new in Dagster; the pinned version has them.
        simplefilter("ignore", dg.PreviewWarning)
        found = [_scan_check(recipe, f"{group}contamination") for group in groups]
        return [*found, _scores_check(recipe)]


def _scan_check(recipe: Recipe, asset: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=_key(recipe, asset),
        name=scans.NAME,
        description=scans.DESCRIPTION,
        additional_ins={"items": dg.AssetIn(_key(recipe, "benchmark_items"))},
        partitions_def=benchmark_partitions(recipe),
    )
    def items_can_be_found(scan: Artifact, items: Artifact) -> dg.AssetCheckResult:
        return _result(*scans.can_be_found(items.rows("items"), scan.rows("untestable")))

    return items_can_be_found


def _scores_check(recipe: Recipe) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=_key(recipe, "evaluation"),
        name=scores.NAME,
        description=scores.DESCRIPTION,
        partitions_def=benchmark_partitions(recipe),
    )
    def told_from_guessing(evaluation: Artifact) -> dg.AssetCheckResult:
        if not evaluation.has("scores"):
            return _result(True, "this benchmark is searched for, and asked of no checkpoint")
        return _result(*scores.told_from_guessing(evaluation.read("scores")))

    return told_from_guessing


def _key(recipe: Recipe, asset: str) -> dg.AssetKey:
    return dg.AssetKey([recipe.name, *asset.split("/")])


def _result(passed: bool, detail: str) -> dg.AssetCheckResult:
    """A warning where it fails, never an error, as with the checks on runs."""
    warning = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=passed, severity=warning, description=detail)
