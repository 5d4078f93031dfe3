"""Where a benchmark's items lie: files beside the recipe, in a bucket, on the hub, in a package.

``OWNER/NAME`` is a data set of the hub, read as sources of ``hf://`` are; below it, or below a
folder of it (``hf://datasets/OWNER/NAME/FOLDER``), the files of the split ``test`` are taken, by
the words in their names that the library ``datasets`` goes by, or all files where no name says a
split. What is not clear (no such split, several subsets) is an error that lists what there is.

With ``package`` paths are those of an installed Python distribution, as ``pip show --files`` has
them. The package is looked up and never imported, so nothing of it runs.
"""

import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from midtrain_dagster.collection.what_fetches import what_fetches
from midtrain_dagster.core.filesystem import located, looked_at
from midtrain_dagster.core.source_file import SourceFile, local_file, remote_file
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.evaluation.item_row import BenchmarkError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SUFFIXES = tuple(
    f"{kind}{packed}"
    for kind in (".jsonl", ".json", ".csv", ".tsv", ".parquet")
    for packed in ("", ".gz", ".zst")
    if (kind, packed) not in {(".parquet", ".gz"), (".parquet", ".zst")}
)

HUB = "hf://datasets/"

SPLITS = {
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "dev", "val"), "validation"),
}
"""The words of a name that say a split, as ``datasets`` has them (``data_files.py``)."""

SHOWN = 6
"""Names that a message lists."""

_EXTENSION = re.compile(r"\.[A-Za-z]{2,5}$")
"""What ends a file's name. A data set's may end in a version."""

_ABOUT = {"dataset_infos.json", "dataset_info.json", "state.json"}
"""JSON that tells of a data set and holds none of it."""


def is_of_hub(path: str) -> bool:
    """Whether a path is a data set of the hub, or a folder of one, and no file."""
    if path.lower().endswith(SUFFIXES) or _EXTENSION.search(path):
        return False
    folder = path.removeprefix(HUB)
    bare = r"[\w.-]+/[\w.-]+" + (r"(/[^?*]+)?" if folder != path else "")
    return re.fullmatch(bare, folder) is not None and not path.startswith((".", "~"))


def item_files(
    name: str, paths: Sequence[str], folder: str | Path, package: str | None = None
) -> list[SourceFile]:
    """The files of benchmark ``name`` in the order of ``paths``.

    Raises:
        BenchmarkError: a file, a data set or a package that is not there or cannot be reached.
    """
    if package is not None:
        return [_of_package(name, package, path) for path in paths]
    return [
        file
        for path in paths
        for file in (
            _of_hub(name, path, folder) if is_of_hub(path) else [_file(name, located(path, folder))]
        )
    ]


def _file(name: str, address: str) -> SourceFile:
    try:
        info = looked_at(address, lambda files, location: files.get_file_info(location))
    except OSError as error:
        raise BenchmarkError(f"benchmark {name!r}: {error}") from error
    if not info.is_file:
        advice = what_fetches(address) or "correct 'paths' or put it there"
        raise BenchmarkError(f"benchmark {name!r}: there is no file {address}; {advice}")
    title = address.rpartition("/")[2]
    if "://" not in address:
        return local_file(title, Path(address))
    try:
        return remote_file(title, address, info.size)
    except OSError as error:
        raise BenchmarkError(f"benchmark {name!r}: {address}: {_first_line(error)}") from error


def _of_hub(name: str, path: str, folder: str | Path) -> list[SourceFile]:
    """The files of a data set's test split."""
    if "://" not in path and Path(located(path, folder)).is_dir():
        raise BenchmarkError(
            f"benchmark {name!r}: {located(path, folder)} is a folder; name its files in 'paths'"
        )
    address = HUB + path.removeprefix(HUB).strip("/")
    try:
        found = looked_at(address, _listed)
    except OSError as error:
        raise BenchmarkError(
            f"benchmark {name!r}: the hub has no such data set, or cannot be reached: {error}"
        ) from error
    chosen = chosen_files(name, address, found)
    return [_file(name, f"{address}/{each}") for each in chosen]


def _listed(files: "FileSystem", location: str) -> list[str]:
    """The paths of all files below a folder, from there on."""
    from pyarrow.fs import FileSelector, FileType

    found = files.get_file_info(FileSelector(location, recursive=True))
    prefix = f"{location.rstrip('/')}/"
    return [info.path.removeprefix(prefix) for info in found if info.type == FileType.File]


def chosen_files(name: str, address: str, found: Iterable[str]) -> list[str]:
    """Of the files of a data set those that hold its items: see the module's docstring.

    Raises :class:`BenchmarkError`, which lists what there is, where that is not clear.
    """
    known = sorted(
        each
        for each in found
        if each.lower().endswith(SUFFIXES) and PurePosixPath(each).name not in _ABOUT
    )
    if not known:
        raise BenchmarkError(
            f"benchmark {name!r}: {address} has no file that ends in one of {', '.join(SUFFIXES)}; "
            f"fetch it in another form, and name its files in 'paths'"
        )
    splits = {each: split_of(each) for each in known}
    wanted = "test" if any(splits.values()) else None
    chosen = [each for each in known if splits[each] == wanted]
    if not chosen:
        raise BenchmarkError(
            f"benchmark {name!r}: {address} has no split 'test'; name the files that you mean: "
            f"{_some(f'{address}/{each}' for each in known)}"
        )
    subsets = sorted({_subset(each) for each in chosen})
    if len(subsets) > 1:
        raise BenchmarkError(
            f"benchmark {name!r}: {address} has {len(subsets)} subsets; name the one that you "
            f"mean: {_some(f'{address}/{each}'.rstrip('/') for each in subsets)}"
        )
    return chosen


def split_of(path: str) -> str | None:
    """The split that the file's name says, or else a folder's; None: none does."""
    for part in reversed(PurePosixPath(path.lower()).parts):
        for word in re.findall(r"[a-z]+", part):
            if word in SPLITS:
                return SPLITS[word]
    return None


def _subset(path: str) -> str:
    """The folder of a file, without the folders that a split has of its own."""
    parts = [each for each in PurePosixPath(path).parent.parts if each.lower() not in SPLITS]
    return "/".join(parts)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")


def _of_package(name: str, package: str, path: str) -> SourceFile:
    """A file of an installed distribution."""
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError as error:
        installed = {each.name for each in metadata.distributions() if each.name}
        raise BenchmarkError(
            f"benchmark {name!r}: no package {package!r} is installed here"
            f"{did_you_mean(package, installed)}; install it with `pip install {package}`"
        ) from error
    file = Path(str(distribution.locate_file(path)))
    if not file.is_file():
        known = [str(each) for each in distribution.files or () if str(each).endswith(SUFFIXES)]
        raise BenchmarkError(
            f"benchmark {name!r}: the package {package} {distribution.version} has no file {path}"
            f"{did_you_mean(path, known)} (it has {_some(known) or 'none that could be read'})"
        )
    return local_file(file.name, file)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
