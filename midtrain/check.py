"""``midtrain check``: look at everything that a recipe names, and say what a run of it would do."""

import argparse
from pathlib import Path

from rich.console import Console

from midtrain.count import count
from midtrain_dagster.forecast.inputs import required_inputs, told
from midtrain_dagster.forecast.outlook import outlook
from midtrain_dagster.recipe_file import load_recipe


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    check = commands.add_parser("check", help="validate a recipe and print what a run would do")
    check.add_argument("recipe", type=Path)
    check.add_argument(
        "--preview",
        type=count,
        metavar="N",
        help="curate N documents of each source, and print what is dropped of them and why",
    )
    check.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Check; the exit code."""
    from definitions import recipe_assets
    from resources.artifacts import ArtifactStoreResource, remember_digests

    recipe = load_recipe(options.recipe)
    assets = recipe_assets(recipe)
    store = ArtifactStoreResource().store()
    remember_digests(store.storage)
    inputs = required_inputs(recipe)
    for line in outlook(recipe, inputs):
        console.print(line, markup=False)
    doubts = told(recipe, inputs, stops=False)
    if doubts:
        console.print("\ndoubtful (a run goes on all the same)", style="yellow")
    for line in doubts:
        console.print(f"  {line}", style="yellow", markup=False)
    if options.preview:
        from midtrain_dagster.forecast.preview import preview_lines

        console.print()
        for line in preview_lines(recipe, inputs, options.preview):
            console.print(line, markup=False, soft_wrap=True)

    from assets.plan import Planner
    from assets.plan_lines import plan_lines

    console.print()
    for line in plan_lines(Planner(store, assets).plan(), store.storage):
        console.print(line, markup=False)
    return 0
