"""``midtrain check``: validate a recipe and say what a run of it would do."""

import argparse
from pathlib import Path

from rich.console import Console

from midtrain_dagster.forecast import forecast, require_inputs
from midtrain_dagster.recipe_file import load_recipe


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    check = commands.add_parser("check", help="validate a recipe and print what a run would do")
    check.add_argument("recipe", type=Path)
    check.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Check; the exit code."""
    recipe = load_recipe(options.recipe)
    require_inputs(recipe)
    for line in forecast(recipe):
        console.print(line, markup=False)
    return 0
