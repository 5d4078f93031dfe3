"""``midtrain clean``: show what of a store nothing needs any more, and remove it."""

import argparse
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.recipe_file import load_recipe

if TYPE_CHECKING:
    from midtrain_dagster.core.cleaning import Unneeded


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    clean = commands.add_parser(
        "clean", help="show what of the store no current artifact needs; --yes removes it"
    )
    clean.add_argument("recipe", type=Path)
    clean.add_argument("--yes", action="store_true", help="remove it")
    clean.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Clean; the exit code."""
    recipe = load_recipe(options.recipe)

    from assets.needs import current_artifacts
    from definitions import recipe_assets
    from jobs.records import invocations
    from midtrain_dagster.core.abandoned import abandoned_folders, bytes_below, remove_folder
    from midtrain_dagster.core.cleaning import Needs, in_force, remove
    from midtrain_dagster.display import numbers
    from resources.artifacts import ArtifactStoreResource, remember_digests

    store = ArtifactStoreResource().store()
    remember_digests(store.storage)
    if holders := in_force(store.storage):
        console.print(
            f"something is being made on {store.storage.root} ({holders[0]}): clean it afterwards",
            style="yellow",
            markup=False,
        )
        return UNUSABLE
    latest = {each.recipe: each for each in invocations(store.storage)}
    unfinished = [each for each in latest.values() if each.status != "done"]
    since = min((datetime.fromisoformat(each.started) for each in unfinished), default=None)
    needs = Needs(store, current_artifacts(store, recipe, recipe_assets(recipe)), since)
    found = list(needs.unneeded())
    folders = abandoned_folders()
    for each in unfinished:
        console.print(
            f"the last run of {each.recipe} ({each.id}) is {each.status}: what was made since "
            f"{each.started} stays, for it to go on with",
            style="dim",
            markup=False,
        )
    rows = [*_counted(found), *_of_folders({path: bytes_below(path) for path in folders})]
    for kind, count, size in rows:
        console.print(f"  {kind:<40}{count:>9,}{numbers.size(size):>12}", markup=False)
    if not rows:
        console.print(f"{store.storage.root}: everything there is needed", markup=False)
        return 0
    total = numbers.size(sum(size for _, _, size in rows))
    if not options.yes:
        console.print(f"{total} that nothing needs; `--yes` removes it", markup=False)
        return 0
    remove(store.storage, found)
    for path in folders:
        remove_folder(path)
    console.print(f"{total} removed", markup=False)
    return 0


def _counted(found: "list[Unneeded]") -> list[tuple[str, int, int]]:
    """Kinds of files, how many there are of each, and their bytes."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for each in found:
        counts[each.kind] += 1
        sizes[each.kind] += each.bytes
    return [(kind, counts[kind], sizes[kind]) for kind in sorted(counts)]


def _of_folders(sizes: dict[Path, int]) -> list[tuple[str, int, int]]:
    return [("folders of Ray sessions that died", len(sizes), sum(sizes.values()))] if sizes else []
