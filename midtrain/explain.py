"""``midtrain explain``: a document's fate and who saw it, or what a training step sees."""

import argparse
from pathlib import Path

from rich.console import Console

from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.recipe_file import load_recipe


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
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
    explain.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Explain; the exit code."""
    recipe = load_recipe(options.recipe)

    from assets.latest_artifacts import latest_artifacts
    from definitions import recipe_assets
    from midtrain_dagster.dataloader.plan import MixtureError
    from midtrain_dagster.report.explanation.document import story_of
    from midtrain_dagster.report.explanation.document_search import DocumentError, find
    from midtrain_dagster.report.explanation.gone import gone
    from midtrain_dagster.report.explanation.rendering import explain
    from midtrain_dagster.report.explanation.step import (
        asked_step,
        explain_step,
        run_meant,
        story_of_step,
    )
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
        told = gone(store, recipe.name, made, options.asked)
        if isinstance(error, DocumentError) and told:
            console.print(told, markup=False)
            return 0
        console.print(f"{error}{run_meant(recipe, options.asked)}", style="red", markup=False)
        return UNUSABLE
    story = story_of(made, found, recipe.curation, missing, seen)
    explain(story, console, full=options.full)
    return 0
