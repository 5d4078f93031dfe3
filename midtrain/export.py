"""``midtrain export``: a checkpoint as a Hugging Face folder of its own, with its model card."""

import argparse
from pathlib import Path

from rich.console import Console

from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.recipe_file import load_recipe


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    export = commands.add_parser(
        "export", help="write a checkpoint as a Hugging Face folder with a model card"
    )
    export.add_argument("recipe", type=Path)
    export.add_argument("stage", help="a stage or soup, or a control, as annealed/control")
    export.add_argument("folder", type=Path, help="a new folder")
    export.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        help="the type that weights are stored in (default: as in the base that was given, tensor "
        "by tensor; float32 for a base that was trained here)",
    )
    export.add_argument(
        "--push", metavar="OWNER/NAME", help="also upload it to the hub, as a private model"
    )
    export.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Export; the exit code."""
    recipe = load_recipe(options.recipe)

    from assets.report import COMPARED, FOUND_ITEMS
    from midtrain.made import Made, NotMadeError
    from midtrain_dagster.core.parts import DamagedPartError
    from midtrain_dagster.delivery import folder
    from midtrain_dagster.delivery.card import Lineage, model_card, way_to
    from midtrain_dagster.training.runs import BASE

    made = Made(recipe)
    try:
        checkpoint = made.checkpoint(options.stage)
        way = {name: made.checkpoint(name) for name in way_to(recipe, options.stage)}
        lineage = Lineage(
            way,
            made.one("token_shards"),
            documents=made.of_groups("documents"),
            languages=made.of_groups("language") if recipe.judges_language else (),
            measured=made.measured,
            found=made.of_report(FOUND_ITEMS),
            compared=made.of_report(COMPARED),
        )
        card = model_card(recipe, options.stage, lineage)
        stored = folder.write_folder(
            checkpoint,
            made.tokenizer,
            card,
            options.folder,
            base=made.checkpoint(BASE) if recipe.base_given else None,
            dtype=options.dtype,
        )
        for name, size in folder.files(options.folder):
            console.print(f"  {name:<28} {size:>14,} bytes", markup=False)
        console.print(stored.told(), markup=False)
        console.print(f"{options.folder}: a Hugging Face folder; read its {folder.CARD}")
        if options.push:
            address = folder.push(options.folder, options.push)
            console.print(f"pushed, private: {address}", markup=False)
    except (NotMadeError, folder.DeliveryError, DamagedPartError) as error:
        console.print(str(error), style="red", markup=False)
        return UNUSABLE
    return 0
