"""``midtrain list``: what was run on this store."""

import argparse
from datetime import datetime

from rich.console import Console


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    listing = commands.add_parser("list", help="list the runs on this store, the latest last")
    listing.set_defaults(command=run)


def run(_: argparse.Namespace, console: Console) -> int:
    """List; the exit code."""
    from jobs.invocation import invocations
    from midtrain_dagster.display import numbers
    from resources.artifacts import ArtifactStoreResource

    storage = ArtifactStoreResource().storage()
    found = invocations(storage)
    if not found:
        console.print(f"nothing was run on {storage.root} yet", markup=False)
        return 0
    console.print(f"{'id':<10}{'recipe':<24}{'started (UTC)':<18}{'took':>12}  status", style="dim")
    for each in found:
        begun = datetime.fromisoformat(each.started)
        took = ""
        if each.ended:
            took = numbers.duration((datetime.fromisoformat(each.ended) - begun).total_seconds())
        made = sum(outcome.made for outcome in each.artifacts.values())
        what = f"{made} made, {len(each.artifacts) - made} reused" if each.ended else ""
        until = f"until {each.until}" if each.until else ""
        told = ", ".join(filter(None, (each.status, what, until)))
        when = begun.strftime("%Y-%m-%d %H:%M")
        console.print(f"{each.id:<10}{each.recipe:<24}{when:<18}{took:>12}  {told}", markup=False)
    console.print("\n`midtrain compare ID ID` says how two of them differ", style="dim")
    return 0
