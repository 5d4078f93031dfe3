"""``midtrain doctor``: a released checkpoint looked at, before a recipe names it."""

import argparse
from pathlib import Path

from rich.console import Console

from midtrain.exit_codes import UNUSABLE

STYLES = {"said": None, "doubt": "yellow", "wrong": "red"}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    doctor = commands.add_parser(
        "doctor",
        help="say of a checkpoint's folder what it holds, how it will be read, and what a stage "
        "can inherit of it",
    )
    doctor.add_argument("folder", type=Path, help="a Hugging Face folder, or a checkpoint of ours")
    doctor.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Look; the exit code: unusable where something is wrong."""
    from midtrain_dagster.doctor.examination import examined

    section, code = "", 0
    for line in examined(options.folder):
        if line.section != section:
            section = line.section
            console.print(section, style="bold", markup=False)
        console.print(f"  {line.text}", style=STYLES[line.level], markup=False)
        if line.level == "wrong":
            code = UNUSABLE
    return code
