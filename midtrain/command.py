"""The console command: its subcommands, and how it ends.

``MIDTRAIN_ROOT`` says where artifacts live (``./store`` if unset); ``DAGSTER_HOME`` defaults to
``$MIDTRAIN_ROOT/.dagster``, and must be set where the store is no folder. A subcommand is one
module: ``add`` declares its arguments, ``run`` does it and returns the exit code.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from midtrain import (
    benchmark,
    check,
    clean,
    compare,
    doctor,
    evaluate,
    explain,
    export,
    fetch,
    init,
    law,
    listing,
    run,
    sample,
)
from midtrain.console import PlainConsole
from midtrain.exit_codes import UNUSABLE
from midtrain.instance import InstanceError
from midtrain.own_packages import ShadowedError, require_own_packages
from midtrain.places import PlaceError
from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.core.source_file import SourceError
from midtrain_dagster.core.storage import StorageError
from midtrain_dagster.evaluation.benchmark import BenchmarkError
from midtrain_dagster.recipe_file import RecipeError

PACKAGES = ("midtrain-dagster", "dagster", "ray", "torch", "transformers", "polars")
"""What ``--version`` tells the versions of."""

UNUSABLE_ERRORS = (
    RecipeError,
    SourceError,
    BenchmarkError,
    ShadowedError,
    ClusterError,
    InstanceError,
    PlaceError,
    StorageError,
)
"""What a subcommand raises where it cannot begin; each message is one clear line or list."""

SUBCOMMANDS = (
    *(init, doctor, benchmark, check, run, listing, compare, explain, sample, law, export, fetch),
    evaluate,
    clean,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand; ends the process with an exit code."""
    options = _parser().parse_args(arguments)
    console = PlainConsole(highlight=False, soft_wrap=True)
    try:
        require_own_packages()
        code = options.command(options, console)
    except UNUSABLE_ERRORS as error:
        console.print(str(error), style="red", markup=False)
        code = UNUSABLE
    sys.exit(code)


class _Version(argparse.Action):
    """Prints this project's version and those of what decides its results, and ends."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **options, nargs=0, help="print the versions of this and what it is made of"
        )

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print("\n".join(f"{package} {version(package)}" for package in PACKAGES))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="midtrain", description="Mid-training as a graph")
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for subcommand in SUBCOMMANDS:
        subcommand.add(commands)
    return parser
