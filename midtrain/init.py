"""``midtrain init``: a first recipe for files and folders of one's own."""

import argparse
from pathlib import Path

from rich.console import Console

from midtrain.exit_codes import UNUSABLE

SHOWN = 3
"""Files that are named of those that no source reads."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    init = commands.add_parser("init", help="write a first recipe for files of your own")
    init.add_argument("paths", type=Path, nargs="+", help="files, or folders of them")
    init.add_argument(
        "--base", help="a Hugging Face folder or hub id; without it a small model is trained first"
    )
    init.add_argument(
        "--recipe", type=Path, default=Path("recipe.yaml"), help="the file to write (%(default)s)"
    )
    init.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Write the recipe; the exit code."""
    from midtrain_dagster.draft.guess import guess
    from midtrain_dagster.draft.recipe import BaseFolderError, draft
    from midtrain_dagster.recipe_file import load_recipe

    recipe: Path = options.recipe
    if recipe.exists():
        console.print(f"{recipe}: there is one already; name another with --recipe", style="red")
        return UNUSABLE
    try:
        guessed = guess(options.paths)
        for reason, files in guessed.unread.items():
            named = ", ".join(map(str, files[:SHOWN])) + (", …" if len(files) > SHOWN else "")
            console.print(f"  not read: {len(files)} ({reason}): {named}", style="yellow")
        if not guessed.found:
            console.print("no file that a source can read", style="red")
            return UNUSABLE
        text = draft(guessed.found, options.base, recipe)
    except (FileNotFoundError, BaseFolderError) as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(text, "utf-8")
    for name, source in load_recipe(recipe).sources.items():
        console.print(f"  {name:<22} {source.kind}, read by {source.reader}", markup=False)
    console.print(f"\n{recipe} is written; read it, then:")
    console.print(f"  midtrain check {recipe} --preview 20   # what curation keeps and drops")
    console.print(
        f"  midtrain check {recipe}                # what a run would do, how long it takes"
    )
    console.print(f"  midtrain run {recipe}")
    return 0
