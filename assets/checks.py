"""The checks that Dagster's UI shows on checkpoints and held-out losses, passed or failed.

What is checked is the room's (``evaluation/checks.py``); here a recipe's runs are put to it, and
its answers become Dagster's. A check warns and stops nothing, since blocking checks do not hold
across runs; a gate raises inside its asset.
"""

from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from assets.leaks import NAME as LEAKS
from assets.leaks import leaked_ids
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.evaluation import checks
from midtrain_dagster.evaluation.checks import (
    BASE,
    FLOOR_CHECK,
    RUN_CHECKS,
    Check,
    Comparison,
    check_name,
)
from midtrain_dagster.evaluation.clean_part import losses_without, positions_without
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.runs import Run


def training_checks(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """The checks on each training run's checkpoint."""
    return [_training_checks(recipe, run) for run in checked_runs(recipe)]


def checked_runs(recipe: Recipe) -> list[Run]:
    """The runs that are checked: what is asked of mid-training is not asked of a fine-tuning."""
    return [run for run in recipe.runs() if run.role != "fine_tuned"]


def _training_checks(recipe: Recipe, run: Run) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([recipe.name, "checkpoint", *run.name.split("/")])
    described = RUN_CHECKS | ({} if recipe.checks.general_floor is None else FLOOR_CHECK)

    @dg.multi_asset_check(
        name=f"{recipe.name}__{run.name.replace('/', '__')}__checks",
        specs=[
            dg.AssetCheckSpec(check_name(run.name, what), asset=key, description=text)
            for what, text in described.items()
        ],
        ins={"checkpoint": dg.AssetIn(key=key)},
    )
    def run_checks(checkpoint: Artifact) -> Iterator[dg.AssetCheckResult]:
        """Looks at the run's log and at what it was fed."""
        for check in checks_of_run(recipe, run, checkpoint):
            yield _result(key, check)

    return run_checks


def evaluation_checks(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """The checks on ``held_out_losses``; none where there is nothing but a base."""
    key, leaked = (dg.AssetKey([recipe.name, name]) for name in ("held_out_losses", LEAKS))
    descriptions = checks.loss_check_descriptions(comparisons(recipe), soups_compared(recipe))
    if not descriptions:
        return []

    @dg.multi_asset_check(
        name=f"{recipe.name}__held_out_losses__checks",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=text, additional_deps=[leaked])
            for name, text in descriptions.items()
        ],
        ins={
            "measured": dg.AssetIn(key=key),
            "leaks": dg.AssetIn(key=leaked),
        },
    )
    def loss_checks(measured: Artifact, leaks: Artifact) -> Iterator[dg.AssetCheckResult]:
        """Compares every stage with the base and with its control, every soup with its parts, on
        held-out documents that were not trained on."""
        for check in checks_of_losses(recipe, measured, leaked_ids(leaks)):
            yield _result(key, check)

    return [loss_checks]


def checks_of_run(recipe: Recipe, run: Run, checkpoint: Artifact) -> list[Check]:
    """The checks of one run, of its checkpoint's artifact."""
    trained = Checkpoint(checkpoint)
    floor, general = recipe.checks.general_floor, None
    if floor is not None:
        general = trained.record.mixture.least(recipe.general_domains), floor
    return checks.run_checks(
        run.name,
        trained.log,
        trained.mixture,
        synthetic=recipe.view.generated,
        natural_floor=recipe.checks.natural_floor,
        general=general,
    )


def checks_of_losses(
    recipe: Recipe, measured: Artifact, leaked: Collection[str] = ()
) -> list[Check]:
    """The checks of all stages and soups, of the artifact ``held_out_losses``, without the
    documents that are ``leaked``."""
    if leaked:
        losses = losses_without(measured.read("losses_by_document"), leaked)
        positions = positions_without(measured.read("positions_by_document"), leaked)
    else:
        losses, positions = measured.read("losses"), measured.read("positions")
    return checks.loss_checks(
        losses,
        positions,
        comparisons(recipe),
        {soup: recipe.ingredients(soup) for soup in soups_compared(recipe)},
        recipe.measures,
        recipe.checks,
    )


def soups_compared(recipe: Recipe) -> list[str]:
    """The soups that are compared with their ingredients, for which there have to be targets."""
    return list(recipe.soups) if recipe.measures.targets else []


def comparisons(recipe: Recipe) -> list[Comparison]:
    """Every stage after the base, and what its control differs in."""
    runs, targets = recipe.runs(), recipe.measures.targets
    controls = {run.stage_name: run for run in runs if run.role == "control"}
    return [
        _comparison(run, controls.get(run.stage_name), targets)
        for run in runs
        if run.role == "stage" and run.name != BASE
    ]


def _comparison(run: Run, control: Run | None, targets: Sequence[str]) -> Comparison:
    if control is None:
        return Comparison(run.name)
    length = control.stage.sequence_length
    return Comparison(
        run.name,
        control=control.name,
        other_mixture=bool(targets) and control.stage.mixture != run.stage.mixture,
        shorter=length if length < run.stage.sequence_length else None,
    )


def _result(key: dg.AssetKey, check: Check) -> dg.AssetCheckResult:
    """A check as Dagster shows it: a warning where it fails, never an error."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check.name,
        passed=check.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=check.detail,
    )
