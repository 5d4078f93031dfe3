"""``midtrain list``: what was run on this store, or what of it failed."""

import argparse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    import dagster as dg

    from jobs.records import Invocation

FAILED = ("failed", "killed")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    listing = commands.add_parser("list", help="list the runs on this store, the latest last")
    listing.add_argument(
        "--failed",
        action="store_true",
        help="only those that failed, of what, and what sources have lost for good",
    )
    listing.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """List; the exit code."""
    from jobs.records import invocations
    from resources.artifacts import ArtifactStoreResource

    storage = ArtifactStoreResource().storage()
    found = invocations(storage)
    if not found:
        console.print(f"nothing was run on {storage.root} yet", markup=False)
        return 0
    shown = [each for each in found if not options.failed or each.status in FAILED]
    if shown:
        head = f"{'id':<10}{'recipe':<24}{'started (UTC)':<18}{'took':>12}  status"
        console.print(head, style="dim")
    else:
        console.print("no run failed")
    if not options.failed:
        for each in shown:
            console.print(_line(each), markup=False)
        console.print("\n`midtrain compare ID ID` says how two of them differ", style="dim")
        return 0
    _list_failed(shown, console)
    for line in _lost(found):
        console.print(line, markup=False)
    return 0


def _line(each: "Invocation") -> str:
    from midtrain_dagster.display import numbers

    begun = datetime.fromisoformat(each.started)
    took = ""
    if each.ended:
        took = numbers.duration((datetime.fromisoformat(each.ended) - begun).total_seconds())
    made = sum(outcome.made for outcome in each.artifacts.values())
    told_of = each.ended and each.status != "killed"
    what = f"{made} made, {len(each.artifacts) - made} reused" if told_of else ""
    until = f"until {each.until}" if each.until else ""
    told = ", ".join(filter(None, (each.status, what, until)))
    when = begun.strftime("%Y-%m-%d %H:%M")
    return f"{each.id:<10}{each.recipe:<24}{when:<18}{took:>12}  {told}"


def _list_failed(failed: "list[Invocation]", console: Console) -> None:
    from midtrain.instance import opened
    from midtrain.places import settle

    settle()
    with opened(console) as instance:
        for each in failed:
            console.print(_line(each), markup=False)
            for line in _reasons(each, instance):
                console.print(f"  {line}", markup=False)


def _reasons(each: "Invocation", instance: "dg.DagsterInstance") -> Iterator[str]:
    """What failed of an invocation, as its Dagster runs in the instance say."""
    from jobs.alerts import alerts_of_invocation

    for alert in alerts_of_invocation(instance, each.id, each.recipe, None):
        if alert.what != "check failed":
            asset = f"{alert.asset} [{alert.partition}]" if alert.partition else alert.asset
            yield f"{asset or 'a run'}: {alert.what}: {alert.error}"


def _lost(found: "list[Invocation]") -> Iterator[str]:
    """What the sources of each recipe lost, as it was run last, in the documents as they are."""
    from midtrain_dagster.collection.losses import collection_losses, told
    from midtrain_dagster.core.artifacts import MissingArtifactError
    from midtrain_dagster.recipe_file import RecipeError, parse_recipe
    from resources.artifacts import ArtifactStoreResource, load_materialized

    store = ArtifactStoreResource().store()
    for name, last in {each.recipe: each for each in found}.items():
        try:
            sources = parse_recipe(Path(last.file), last.text).sources
            documents = load_materialized(store, [name, "documents"])
        except (MissingArtifactError, RecipeError) as error:
            yield f"\n{name}: what its sources lost cannot be told: {str(error).splitlines()[0]}"
            continue
        lines = told(collection_losses(documents, sources))
        yield f"\n{name}: lost by its sources" if lines else f"\n{name}: its sources lost nothing"
        yield from (f"  {line}" for line in lines)
