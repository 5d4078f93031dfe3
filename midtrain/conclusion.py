"""What ends a run on the terminal: the table, the checkpoints' places, the report's."""

from pathlib import PurePosixPath

from rich.console import Console

from assets.report import measurements, page_address
from midtrain.made import Made
from midtrain_dagster.display.words import is_main, spoken
from midtrain_dagster.evaluation.headline import final_checkpoint
from midtrain_dagster.mixture.proposal_tables import overall
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report.terminal import before_after_table, print_whole


def conclude(recipe: Recipe, console: Console, seconds: float) -> None:
    """Print what was measured and where everything lies. Raises ``NotMadeError`` for no report."""
    made = Made(recipe)
    report = made.one("report")
    console.print()
    print_whole(before_after_table(measurements(recipe, report)), console)
    for name in recipe.mixtures:
        mixture = made.one(f"mixture/{name}")
        if mixture.has("gain"):
            text = f"mixture {spoken(name)}: {overall(mixture.read('gain'))}"
            console.print(f"\n{text}", markup=False)
    console.print("\ncheckpoints, Hugging Face folders:")
    names = [name for name in recipe.checkpoints() if is_main(name)]
    for name in names:
        checkpoint = made.checkpoint(name)
        folder = PurePosixPath(checkpoint.model_files[0].path).parent
        place = checkpoint.artifact.storage.uri(str(folder))
        console.print(f"  {spoken(name):<22} {place}", markup=False)
    last = final_checkpoint(names)
    console.print(f"  midtrain export {recipe.file} {last} FOLDER", style="dim", markup=False)
    console.print(f"\n{seconds:.0f} s; the report:")
    console.print(page_address(report), markup=False)
