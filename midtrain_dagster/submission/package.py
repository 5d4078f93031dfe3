"""What travels to a cluster: the project, the recipe, and each file that the recipe names by a
relative path. What it names by an absolute path or a URI, the cluster has to see itself.

Files lie to each other as they lie here, so the recipe's relative paths lead to them.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from midtrain_dagster.core.cluster import ClusterError

PROJECT = Path(__file__).parents[2]

CODE = (
    *("assets", "definitions.py", "jobs", "midtrain", "midtrain_dagster", "resources"),
    *("roff_text", "recipes"),
)
"""What of the project travels."""

RECIPE = "recipe"
"""The folder of the recipe and its files, where they travel."""

MOST_BYTES = 200 * 2**20
"""What is uploaded at most. Ray keeps it in the memory of its head node, and takes half a GiB."""


@contextmanager
def package(recipe: Path, text: str, besides: Sequence[Path] = ()) -> Iterator[tuple[Path, str]]:
    """A folder to be uploaded, and the recipe's path in it; ``besides`` are files of the project.

    Raises :class:`ClusterError` where the files that the recipe names are too large for that.
    """
    with TemporaryDirectory(prefix="midtrain-") as temporary:
        folder = Path(temporary)
        for file in _code():
            _link(file, folder / file.relative_to(PROJECT))
        for file in besides:
            _link(file, folder / file.relative_to(PROJECT))
        recipe = recipe.absolute()
        files = named_files(recipe.parent, text)
        _require_small(files)
        top = Path(os.path.commonpath([recipe.parent, *(file.parent for file in files)]))
        for file in files:
            _link(file, folder / RECIPE / file.relative_to(top))
        copy = Path(RECIPE) / recipe.relative_to(top)
        (folder / copy).parent.mkdir(parents=True, exist_ok=True)
        (folder / copy).write_text(text, "utf-8")
        yield folder, str(copy)


def named_files(folder: Path, text: str) -> list[Path]:
    """The files that a recipe's text names by paths relative to its folder: files, whole folders,
    and what patterns match."""
    found: set[Path] = set()
    for word in _words(yaml.safe_load(text)):
        if not word.strip() or word.startswith("/") or "://" in word or "\n" in word:
            continue
        place = Path(os.path.normpath(folder / word))
        if place == folder or place in folder.parents:
            continue
        if place.is_file():
            found.add(place)
        elif place.is_dir():
            found |= {file for file in place.rglob("*") if file.is_file()}
        elif "*" in word or "?" in word:
            start, pattern = _pattern(folder, word)
            found |= {file for file in start.glob(pattern) if file.is_file()}
    return sorted(found)


def _pattern(folder: Path, word: str) -> tuple[Path, str]:
    """A pattern as the folder in which it starts, and what is to be matched there."""
    parts = Path(word).parts
    first = next(number for number, part in enumerate(parts) if "*" in part or "?" in part)
    return Path(os.path.normpath(folder.joinpath(*parts[:first]))), "/".join(parts[first:])


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for each in node.values():
            yield from _words(each)
    elif isinstance(node, list):
        for each in node:
            yield from _words(each)


def _code() -> Iterator[Path]:
    for name in CODE:
        place = PROJECT / name
        if place.is_file():
            yield place
        else:
            yield from (
                file
                for file in place.rglob("*")
                if file.is_file() and "__pycache__" not in file.parts
            )


def _require_small(files: Sequence[Path]) -> None:
    total = sum(file.stat().st_size for file in files)
    if total <= MOST_BYTES:
        return
    largest = max(files, key=lambda file: file.stat().st_size)
    raise ClusterError(
        f"the files that the recipe names by relative paths are {total / 2**20:,.0f} MiB, the "
        f"largest {largest}: not more than {MOST_BYTES / 2**20:.0f} MiB is uploaded. Put them "
        "where the cluster's nodes read them, and name them by a URI (s3://...) or absolute path"
    )


def _link(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(file.resolve())
