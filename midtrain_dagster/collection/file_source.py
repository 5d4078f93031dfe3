"""A source that lies in files which the recipe names: which files a pattern stands for.

``paths`` are glob patterns (``*``, ``?``, ``[...]``, ``**`` for any depth of folders), folders, or
files. Relative ones are relative to the recipe's folder; ``s3://``, ``gs://`` and ``abfs://`` go
through ``pyarrow.fs``. A folder stands for all files below it that have the reader's suffixes; a
pattern or a file's own name is taken at its word.

A pattern is split at its first wildcard: what stands before is its folder, and a file's name is its
path below that folder. So names, and with them document ids, are the same wherever the corpus
lies, and stay as they are when a recipe adds a pattern.

Local files are identified by a digest of their content, which reads them once each time they are
listed; remote ones by their ETag, one request a file.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field, field_validator

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.source_file import (
    SourceError,
    SourceFile,
    local_file,
    remote_file,
)
from midtrain_dagster.core.stream import COMPRESSIONS


def plain_or_compressed(*suffixes: str) -> tuple[str, ...]:
    """The suffixes, and each with that of a compression behind it."""
    return tuple(plain + packed for plain in suffixes for packed in ("", *COMPRESSIONS))


class FileSource(DocumentSource):
    """A source that lies in files the recipe names."""

    suffixes: ClassVar[tuple[str, ...]]
    """What the reader takes from a folder, in lower case."""

    paths: Annotated[list[str], NOT_A_CAUSE] = Field(
        min_length=1, description="Glob patterns, folders, files or URIs"
    )

    @field_validator("paths")
    @classmethod
    def _no_empty_path(cls, paths: list[str]) -> list[str]:
        if not all(path.strip() for path in paths):
            raise ValueError("a path is empty")
        return paths

    @property
    def is_remote(self) -> bool:
        """Whether any of its files lies behind a network."""
        return any("://" in path.removeprefix("file://") for path in self.paths)

    def list_files(self, name: str, folder: str | Path) -> list[SourceFile]:
        """The source's files, sorted by name; relative paths start in ``folder``, the recipe's.

        Raises SourceError when a path is missing, when a pattern matches nothing, and when two
        files would have the same name; OSError when the storage fails.
        """
        return _list_files(name, self.paths, self.suffixes, folder)


class _Listed(NamedTuple):
    """A file found, before its content is looked at."""

    name: str
    uri: str
    bytes: int


def _list_files(
    source_name: str, paths: Sequence[str], suffixes: tuple[str, ...], folder: str | Path
) -> list[SourceFile]:
    found: dict[str, _Listed] = {}
    names: dict[str, str] = {}
    for pattern in paths:
        matches = _matching(source_name, suffixes, pattern, folder)
        if not matches:
            raise SourceError(
                f"source {source_name!r}: no file matches {pattern!r} (a folder is searched for "
                f"{', '.join(suffixes)}); correct `paths`"
            )
        for match in matches:
            if match.uri in found:
                continue
            if names.setdefault(match.name, match.uri) != match.uri:
                raise SourceError(
                    f"source {source_name!r}: {names[match.name]} and {match.uri} would both be "
                    f"called {match.name!r}; name them by one pattern whose first wildcard stands "
                    "above the folders that differ, or make them two sources"
                )
            found[match.uri] = match
    with ThreadPoolExecutor(max_workers=16) as pool:
        return sorted(pool.map(_identified, found.values()), key=lambda file: file.name)


def _identified(file: _Listed) -> SourceFile:
    if "://" in file.uri:
        return remote_file(file.name, file.uri, file.bytes)
    return local_file(file.name, Path(file.uri))


def _matching(
    source_name: str, suffixes: tuple[str, ...], pattern: str, folder: str | Path
) -> list[_Listed]:
    """The files that one entry of ``paths`` stands for."""
    from pyarrow.fs import FileSelector, FileType

    base, wildcards = _split(_address(pattern, folder))
    filesystem, path = filesystem_of(base)
    info = filesystem.get_file_info(path)
    if info.type == FileType.NotFound:
        raise SourceError(_missing(source_name, pattern, base))
    if info.type == FileType.File and not wildcards:
        return [_Listed(base.rpartition("/")[2], base, info.size)]
    taken = "" if wildcards else suffixes
    wildcards = wildcards or ["**"]
    deep = len(wildcards) > 1 or "**" in wildcards
    listed = []
    for info in filesystem.get_file_info(FileSelector(path, recursive=deep)):
        name = info.path[len(path) :].lstrip("/")
        wanted = _matches(name.split("/"), wildcards) and name.lower().endswith(taken)
        if wanted and info.type == FileType.File:
            listed.append(_Listed(name, f"{base.rstrip('/')}/{name}", info.size))
    return sorted(listed)


def _address(pattern: str, folder: str | Path) -> str:
    """A pattern as an absolute path or a URI."""
    if "://" in pattern:
        return pattern.removeprefix("file://").rstrip("/")
    return str(Path(folder).absolute() / Path(pattern).expanduser())


def _split(address: str) -> tuple[str, list[str]]:
    """The folder or file before the first wildcard, and the parts of the path from there on."""
    local = "://" not in address
    parts = address.split("/")
    first = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    if local and Path(address).exists():
        first = len(parts)  # brackets may stand in a real name
    base = "/".join(parts[:first])
    if local:
        # Only the folder is resolved: a file that is a link keeps the name it was given.
        path = Path(base or "/")
        base = str(path.resolve() if path.is_dir() else path.parent.resolve() / path.name)
    return base, parts[first:]


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path, in parts, matches a pattern; wildcards do not match hidden names."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        for skipped in range(len(parts) + 1):
            if skipped and parts[skipped - 1].startswith("."):
                return False
            if _matches(parts[skipped:], pattern[1:]):
                return True
        return False
    return (
        bool(parts)
        and fnmatchcase(parts[0], pattern[0])
        and not (parts[0].startswith(".") and not pattern[0].startswith("."))
        and _matches(parts[1:], pattern[1:])
    )


def _missing(source_name: str, pattern: str, base: str) -> str:
    message = f"source {source_name!r}: {base} does not exist (from `paths` entry {pattern!r})"
    if "data" in base.split("/"):
        return f"{message}; `make data` (or `midtrain fetch`) fetches the default data"
    return f"{message}; correct `paths` or put the files there"
