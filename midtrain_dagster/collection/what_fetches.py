"""What fetches a file of the project's own data that is not there: told where it is missed."""

from pathlib import PurePath

from midtrain_dagster.collection.default_data import EXTRAS, FOLDER

OF_BENCHMARKS = "debian"
"""The folder of what ``python -m benchmarks.corpus`` fetches, below the default data."""


def what_fetches(path: str | PurePath) -> str | None:
    """The command that fetches what lies at a path; None where no command of the project does."""
    parts = PurePath(path).parts
    if FOLDER.name not in parts:
        return None
    below = parts[parts.index(FOLDER.name) + 1 :]
    first = below[0] if below else ""
    if first == OF_BENCHMARKS:
        return "`make bench` (or `python -m benchmarks.corpus`) fetches it"
    for extra, packages in EXTRAS.items():
        if first in {package.module for package in packages}:
            return f"`midtrain fetch --extra {extra}` fetches it"
    return "`midtrain fetch` (or `make data`) fetches the default data"
