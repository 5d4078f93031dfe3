"""``midtrain run``: make everything that a recipe describes."""

import argparse
import os
import time
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.console import Console

from midtrain.exit_codes import FAILED, UNUSABLE
from midtrain.instance import database_problem, opened
from midtrain.places import settle
from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.forecast.inputs import RAY_ADDRESS, required_inputs, told
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.submission.settings import Cluster

if TYPE_CHECKING:
    from midtrain_dagster.refresh.record import Refreshed


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    run_ = commands.add_parser("run", help="make everything that a recipe describes")
    run_.add_argument("recipe", type=Path)
    run_.add_argument("--until", metavar="ASSET", help="make this asset and what it needs, no more")
    run_.add_argument(
        "--submit",
        metavar="ADDRESS",
        help="have a Ray cluster make it, by the address of its dashboard, http://HOST:8265; the "
        "same command attaches to what runs there already",
    )
    run_.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Run; the exit code."""
    import dagster as dg

    from jobs.submitted import execute_submission, require_ray
    from resources.artifacts import ArtifactStoreResource, remember_digests

    settle()
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    recipe = _submitted_to(load_recipe(options.recipe), options.submit)
    remember_digests(ArtifactStoreResource().storage())
    require_ray(recipe, ArtifactStoreResource().storage())
    for doubtful in told(recipe, required_inputs(recipe), stops=False):
        console.print(doubtful, style="yellow", markup=False)

    from assets.plan import Planner
    from assets.plan_lines import summary
    from definitions import build_definitions, recipe_assets
    from jobs.changes import record_changes
    from jobs.invocation import invocation
    from jobs.news import News
    from jobs.run import run_recipe
    from jobs.sequence import UnknownAssetError, ancestry, phases
    from midtrain.conclusion import conclude
    from midtrain_dagster.core import progress
    from resources.terminal import Terminal

    assets = recipe_assets(recipe)
    try:
        wanted = ancestry(assets, options.until) if options.until else None
    except UnknownAssetError as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    started = time.monotonic()
    console.print(f"[bold]{recipe.name}[/bold]  {recipe.description}")
    with Terminal(console, assets) as terminal, opened(console) as instance:
        progress.listen(terminal.advance)
        definitions = build_definitions([recipe], {"terminal": terminal.logger()})
        sequence = phases(recipe, assets)
        store = ArtifactStoreResource().store()
        news = News(Planner(store, assets), instance, wanted)
        console.print(summary(news.plan()), markup=False)
        try:
            with invocation(recipe, store.storage, news, options.until) as invoked:
                execute_submission(
                    recipe,
                    news,
                    options.until,
                    tags=invoked.tags,
                    logger=terminal.logger(),
                    show=partial(console.print, markup=False, highlight=False),
                )
                run_recipe(
                    recipe,
                    definitions.resolve_job_def,
                    sequence,
                    instance,
                    news,
                    loggers={"terminal": {}},
                    tags=invoked.tags,
                )
                record = record_changes(recipe, news, invoked.id)
        except Exception as error:  # the boundary of the command: told in full, exit code set
            _tell(error, console)
            return FAILED
    if terminal.reused:
        console.print(f"  {len(terminal.reused)} more were found as they are", style="dim")
    _tell_changes(record, console)
    seconds = time.monotonic() - started
    if wanted is None:
        conclude(recipe, console, seconds)
    else:
        console.print(f"\n{seconds:.0f} s; {options.until} is made")
    return 0


def _submitted_to(recipe: Recipe, address: str | None) -> Recipe:
    """The recipe, to be submitted to the cluster at an ``address`` that the command names.

    Raises :class:`ClusterError` where the address is none, or this process is told to connect to a
    cluster itself.
    """
    if address is None:
        return recipe
    if RAY_ADDRESS in os.environ:
        raise ClusterError(
            f"--submit has the cluster do the work, and {RAY_ADDRESS} this process: unset one"
        )
    said = recipe.cluster.model_dump() if recipe.cluster else {}
    try:
        cluster = Cluster.model_validate({**said, "address": address})
    except ValidationError as error:
        raise ClusterError(f"--submit: {error.errors()[0]['msg']}") from None
    return recipe.model_copy(update={"cluster": cluster})


def _tell_changes(record: "Refreshed | None", console: Console) -> None:
    """What the run has changed, where there was something before it."""
    if record and not record.first:
        console.print("\n" + "\n".join(record.lines()), markup=False)


def _tell(error: Exception, console: Console) -> None:
    """The cause that a person can act on, without Dagster's layers around it."""
    database = database_problem(error)
    if database is not None:
        console.print(database, style="red", markup=False)
        console.print("what was made is kept: run again when it answers", style="dim")
        return
    cause: BaseException = error
    while cause.__cause__ is not None and type(cause).__module__.startswith("dagster"):
        cause = cause.__cause__
    console.print(f"{type(cause).__name__}: {cause}", style="red", markup=False)
    console.print("the whole traceback is with the run in the UI (`make ui`)", style="dim")
