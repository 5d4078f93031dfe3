"""``midtrain compare``: how two runs differ, in their recipes and in their results."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.recipe_file import RecipeError, parse_recipe

if TYPE_CHECKING:
    from jobs.records import Invocation
    from midtrain_dagster.core.artifacts import ArtifactStore
    from midtrain_dagster.evaluation.headline import Measurements


class NoRunError(ValueError):
    """A run that is not to be found; the message says what to do."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    compare = commands.add_parser("compare", help="say how two runs of `midtrain list` differ")
    compare.add_argument("first", metavar="A", help="a run's id, or the beginning of one")
    compare.add_argument("second", metavar="B", help="another's")
    compare.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Compare; the exit code."""
    from jobs.records import invocations
    from midtrain_dagster.report import comparison
    from midtrain_dagster.report.terminal import print_whole
    from resources.artifacts import ArtifactStoreResource

    store = ArtifactStoreResource().store()
    known = invocations(store.storage)
    try:
        one, other = (_named(id_, known) for id_ in (options.first, options.second))
        results = [_results(store, each) for each in (one, other)]
    except NoRunError as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    for name, each in (("A", one), ("B", other)):
        console.print(
            f"{name}  {each.id}  {each.recipe}, {each.started}, {each.status}", markup=False
        )
    console.print("\nrecipe", style="bold")
    for line in comparison.recipe_differences(one.text, other.text) or ["no difference"]:
        console.print(f"  {line}", markup=False)
    console.print("\nartifacts", style="bold")
    fingerprints = [
        {name: outcome.fingerprint for name, outcome in each.artifacts.items()}
        for each in (one, other)
    ]
    for line in comparison.artifact_differences(*fingerprints):
        console.print(f"  {line}", markup=False)
    console.print()
    first, second = results
    if first is None or second is None:
        lacking = " and ".join(
            name for name, each in zip("AB", results, strict=True) if each is None
        )
        console.print(f"no report was made by {lacking}: no results to compare", markup=False)
        return 0
    for table in comparison.result_tables(first, second):
        print_whole(table, console)
        console.print()
    return 0


def _named(beginning: str, known: "list[Invocation]") -> "Invocation":
    found = [each for each in known if each.id.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    how = "several runs begin so" if found else "no run has that id"
    raise NoRunError(f"{beginning}: {how}; `midtrain list` lists them")


def _results(store: "ArtifactStore", run: "Invocation") -> "Measurements | None":
    """What the run's report shows; none where it has none."""
    from assets.report import measurements

    made = run.artifacts.get("report")
    report = store.find("report", made.fingerprint) if made else None
    if report is None:
        return None
    try:
        return measurements(parse_recipe(Path(run.file), run.text), report)
    except RecipeError as error:
        raise NoRunError(
            f"{run.id}: its recipe is none for this version of midtrain: {error}"
        ) from error
