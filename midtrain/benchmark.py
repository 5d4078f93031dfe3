"""``midtrain benchmark add``: a benchmark more in a recipe, written where the others stand."""

import argparse
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.evaluation.benchmark import absent_keys
from midtrain_dagster.recipe_file import RecipeError, load_recipe, parse_recipe

EXAMPLE = """\
example:
  midtrain benchmark add recipe.yaml arc paths=arc.jsonl question=question choices=choices \\
      gold=answerKey evaluate=multiple_choice
  midtrain benchmark add recipe.yaml arc preset=arc_challenge paths=arc.jsonl

docs/recipe.md lists the fields (`benchmarks`), docs/benchmarks.md the presets. A path is given as
seen from here."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    benchmark = commands.add_parser("benchmark", help="add a benchmark to a recipe")
    actions = benchmark.add_subparsers(required=True, metavar="add")
    adding = actions.add_parser(
        "add",
        help="write its lines into the recipe",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    adding.add_argument("recipe", type=Path)
    adding.add_argument("name")
    adding.add_argument("fields", nargs="+", metavar="FIELD=VALUE", type=_field)
    adding.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Add it, once it is sure that the recipe is sound with it; the exit code."""
    from midtrain_dagster.draft.benchmark import PlacementError, from_recipe, with_benchmark

    path, name, fields = options.recipe, options.name, dict(options.fields)
    load_recipe(path)
    if isinstance(fields.get("paths"), str):
        fields["paths"] = [fields["paths"]]
    if isinstance(fields.get("paths"), list):
        fields["paths"] = [from_recipe(str(each), path) for each in fields["paths"]]
    data = path.read_bytes()
    mark = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = with_benchmark(data.decode(mark), name, fields)
    except PlacementError as error:
        console.print(f"{path}: {error}", style="red", markup=False)
        return UNUSABLE
    recipe = parse_recipe(path, text)
    if absent := absent_keys(name, recipe.benchmarks[name], recipe.folder):
        raise RecipeError("\n".join(f"{field}: {reason}" for field, reason in absent.items()))
    _replace(path, text.encode(mark))
    console.print(f"{path} has the benchmark {name}", markup=False)
    console.print("  in the UI it fills itself in: items, scans, decisions, scores", style="dim")
    console.print(f"  without: midtrain run {path}", style="dim", markup=False)
    return 0


def _replace(path: Path, data: bytes) -> None:
    """The whole document or none of it; a link goes on pointing at what it names."""
    target = path.resolve()
    beside = target.with_name(f".{target.name}.new")
    beside.write_bytes(data)
    beside.chmod(target.stat().st_mode)
    beside.replace(target)


def _field(text: str) -> tuple[str, Any]:
    """A field and its value, which is read as YAML: a word, a list, a mapping."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r}: write FIELD=VALUE")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: the value is not YAML") from error
