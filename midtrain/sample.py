"""``midtrain sample``: the same prompt continued by checkpoints, before and after."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from midtrain.count import count
from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

if TYPE_CHECKING:
    from midtrain.made import Made

TOKENS = 64

Continued = tuple[str, dict[str, str]]
"""A prompt, and what each checkpoint writes after it."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    sample = commands.add_parser(
        "sample", help="continue a prompt with checkpoints, the base's words beside the last's"
    )
    sample.add_argument("recipe", type=Path)
    sample.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="NAME",
        help="more than once if you like; by default the base and the last stage or soup",
    )
    sample.add_argument(
        "--prompt",
        action="append",
        default=[],
        help="a text to continue, more than once if you like; by default what the report shows",
    )
    sample.add_argument("--tokens", type=count, default=TOKENS, help="new tokens a prompt")
    sample.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Sample; the exit code."""
    recipe = load_recipe(options.recipe)

    from midtrain.made import Made, NotMadeError
    from midtrain_dagster.evaluation.samples import PromptError

    made = Made(recipe)
    names = options.checkpoint or before_and_after(recipe)
    try:
        if options.prompt:
            continued = _written(made, names, options.prompt, options.tokens)
        else:
            continued = _in_the_report(made, names)
        for prompt, texts in continued:
            console.print(prompt, style="bold", markup=False)
            for name, text in texts.items():
                console.print(f"  {name}", style="dim", markup=False)
                console.print(f"    {text.strip() or '(nothing that can be seen)'}", markup=False)
            console.print()
    except (NotMadeError, PromptError) as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    return 0


def before_and_after(recipe: Recipe) -> list[str]:
    """The base and the stage or soup that comes last."""
    from midtrain_dagster.evaluation.headline import final_checkpoint

    names = recipe.checkpoints()
    return list(dict.fromkeys((names[0], final_checkpoint(names))))


def _in_the_report(made: "Made", names: Sequence[str]) -> Iterator[Continued]:
    for name in names:
        made.checkpoint(name)  # a name that leads nowhere is told
    samples = made.one("samples").read("samples")
    for prompt in samples.partition_by("origin", "prompt", maintain_order=True):
        texts = dict(prompt.select("checkpoint", "continuation").iter_rows())
        yield prompt["prompt"][0], {name: texts[name] for name in names}


def _written(
    made: "Made", names: Sequence[str], prompts: Sequence[str], tokens: int
) -> Iterator[Continued]:
    from midtrain_dagster.core.parts import file_names
    from midtrain_dagster.delivery.folder import delivered_files
    from midtrain_dagster.evaluation.samples import continue_texts

    written = {}
    for name in names:
        parts = delivered_files(made.checkpoint(name), made.tokenizer)
        with made.store.storage.local_folder(file_names(parts)) as folder:
            written[name] = continue_texts(folder, prompts, tokens)
    for number, prompt in enumerate(prompts):
        yield prompt, {name: texts[number] for name, texts in written.items()}
