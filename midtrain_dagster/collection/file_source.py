"""A source that lies in files which the recipe names: which files a pattern stands for.

``paths`` are glob patterns (``*``, ``?``, ``[...]``, ``**`` for any depth of folders), folders, or
files. Relative ones are relative to the recipe's folder; ``s3://``, ``gs://``, ``az://`` and
``hf://`` go through ``pyarrow.fs``. A folder stands for all files below it that have the reader's
suffixes; a pattern or a file's own name is taken at its word.

A pattern is split at its first wildcard: what stands before is its folder, and a file's name is its
path below that folder. So names, and with them document ids, are the same wherever the corpus
lies, and stay as they are when a recipe adds a pattern.

Local files are identified by a digest of their content, which reads them once each time they are
listed; remote ones by their ETag, one request a file. A look at them before a run (``look``) finds
names and sizes alone.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field, field_validator

from midtrain_dagster.collection.document_source import DocumentSource, Look, Watched
from midtrain_dagster.collection.local_files import local_files, printable_path
from midtrain_dagster.collection.what_fetches import what_fetches
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.filesystem import AccessError, filesystem_of, located, looked_at
from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.core.source_file import (
    LOCAL_SCHEME,
    SourceError,
    SourceFile,
    local_file,
    local_path,
    remote_file,
)
from midtrain_dagster.core.stream import COMPRESSIONS
from midtrain_dagster.core.system_files import is_of_a_system

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem


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
        found: dict[str, _Listed] = {}
        for pattern in self.paths:
            _add(name, found, _matching(name, self.suffixes, pattern, folder))
        with ThreadPoolExecutor(max_workers=16) as pool:
            return sorted(pool.map(_identified, found.values()), key=lambda file: file.name)

    def watched(self, name: str, folder: str | Path) -> list[Watched]:
        """The files as a listing shows them; no content is read, and no request made for a file.

        Stores say to the second when an object was written, so one written twice in a second at the
        same size is seen at its next change. Raises as ``list_files`` does.
        """
        found: dict[str, _Listed] = {}
        for pattern in self.paths:
            _add(name, found, _matching(name, self.suffixes, pattern, folder))
        return [
            Watched(file.name, file.bytes, str(file.changed)) for file in sorted(found.values())
        ]

    def look(self, name: str, folder: str | Path) -> Look:
        """The files by name and size, and each path's own fault: what is missing, cannot be
        reached, opened or told apart, and links that lead nowhere."""
        found: dict[str, _Listed] = {}
        findings: list[Finding] = []
        for number, pattern in enumerate(self.paths):
            place = ("paths", number)
            try:
                matches = _matching(name, self.suffixes, pattern, folder)
                _add(name, found, matches)
            except (SourceError, OSError) as error:
                reason = str(error).removeprefix(f"source {name!r}: ")
                findings.append(Finding(place, reason))
                continue
            findings += _unreadable(place, matches)
            findings += _broken_links(place, pattern, folder)
            findings += _folders(place, pattern, folder, self.suffixes)
        files = [
            SourceFile(name=file.name, uri=file.uri, bytes=file.bytes, digest="")
            for file in sorted(found.values())
        ]
        return Look(files, findings)


class _Listed(NamedTuple):
    """A file found, before its content is looked at."""

    name: str
    uri: str
    bytes: int
    changed: int | None
    """When, in nanoseconds since 1970, where the store says so."""


def _add(source_name: str, found: dict[str, _Listed], matches: Sequence[_Listed]) -> None:
    """Add to what is ``found``, by URI; two files of one name raise SourceError."""
    names = {file.name: uri for uri, file in found.items()}
    for match in matches:
        if names.setdefault(match.name, match.uri) != match.uri:
            raise SourceError(
                f"source {source_name!r}: {names[match.name]} and {match.uri} would both be "
                f"called {match.name!r}; name them by one pattern whose first wildcard stands "
                "above the folders that differ, or make them two sources"
            )
        found.setdefault(match.uri, match)


def _identified(file: _Listed) -> SourceFile:
    if file.uri.startswith(LOCAL_SCHEME):
        digest = known_digest(Path(local_path(file.uri)))
        return SourceFile(name=file.name, uri=file.uri, bytes=file.bytes, digest=digest)
    if "://" in file.uri:
        return remote_file(file.name, file.uri, file.bytes)
    return local_file(file.name, Path(file.uri))


def _unreadable(place: tuple[str, int], files: Sequence[_Listed]) -> Iterator[Finding]:
    """Local files that this user may not read."""
    closed = [
        file.uri for file in files if "://" not in file.uri and not os.access(file.uri, os.R_OK)
    ]
    if closed:
        others = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        yield Finding(place, f"{closed[0]}{others}: you may not read it; `chmod u+r` it")


def _broken_links(place: tuple[str, int], pattern: str, folder: str | Path) -> Iterator[Finding]:
    """Links to nothing, which no listing shows."""
    base, wildcards = _split(_address(pattern, folder))
    if "://" in base or not Path(base).is_dir():
        return
    wildcards = wildcards or ["**"]
    deep = len(wildcards) > 1 or "**" in wildcards
    walk = os.walk(base) if deep else [next(os.walk(base), (base, [], []))]
    for below, _, names in walk:
        for name in names:
            path = Path(below, name)
            inside = path.relative_to(base).parts
            if path.is_symlink() and not path.exists() and _matches(inside, wildcards):
                yield doubt(
                    place,
                    f"{printable_path(str(path))} is a link that leads nowhere; it is passed over",
                )


def _matching(
    source_name: str, suffixes: tuple[str, ...], pattern: str, folder: str | Path
) -> list[_Listed]:
    """The files that one entry of ``paths`` stands for.

    Raises SourceError for none, and for a folder or a store that cannot be read.
    """
    from pyarrow.fs import FileType

    try:
        base, wildcards = _split(_address(pattern, folder))
        info, bucket = looked_at(base, _first_look)
        if info.type == FileType.NotFound:
            if bucket is not None and bucket.type == FileType.NotFound:
                reason = f"there is no bucket {bucket.path!r}, or you may not see it"
                raise SourceError(f"source {source_name!r}: {base}: {reason}")
            raise SourceError(_missing(source_name, pattern, base))
        if info.type == FileType.Unknown:  # a pipe, a socket, a device
            reason = "it is neither a file nor a folder"
            raise SourceError(f"source {source_name!r}: {base}: {reason}")
        if info.type == FileType.File:
            found = (
                []
                if wildcards
                else [_Listed(base.rpartition("/")[2], base, info.size, info.mtime_ns)]
            )
        else:
            found = _below(base, wildcards or ["**"], "" if wildcards else suffixes)
    except AccessError as error:
        raise SourceError(f"source {source_name!r}: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"source {source_name!r}: {pattern}: {reason}") from error
    if not found:
        raise SourceError(
            f"source {source_name!r}: no file matches {pattern!r} (a folder is searched for "
            f"{', '.join(suffixes)}); correct `paths`"
        )
    return found


def _first_look(filesystem: "FileSystem", path: str) -> "tuple[FileInfo, FileInfo | None]":
    """What is there, and of an object store where nothing is, the bucket."""
    from pyarrow.fs import FileType, LocalFileSystem

    info = filesystem.get_file_info(path)
    if info.type != FileType.NotFound or isinstance(filesystem, LocalFileSystem):
        return info, None
    return info, filesystem.get_file_info(path.partition("/")[0])


def _below(base: str, wildcards: list[str], taken: str | tuple[str, ...]) -> list[_Listed]:
    """The files below a folder whose path matches and whose name ends as one of ``taken``."""

    def wanted(parts: Sequence[str]) -> bool:
        is_taken = parts[-1].lower().endswith(taken) and not is_of_a_system(parts[-1])
        return is_taken and _matches(parts, wildcards)

    if "://" not in base:
        found = local_files(base, partial(_leads, pattern=wildcards), wanted)
        return sorted(
            _Listed(file.name, file.uri, file.bytes, file.changed)
            for file in found
            if not file.is_folder
        )
    from pyarrow.fs import FileSelector, FileType

    filesystem, path = filesystem_of(base)
    deep = len(wildcards) > 1 or "**" in wildcards
    listed = []
    for info in filesystem.get_file_info(FileSelector(path, recursive=deep)):
        name = info.path[len(path) :].lstrip("/")
        if info.type == FileType.File and wanted(name.split("/")):
            uri = f"{base.rstrip('/')}/{name}"
            listed.append(_Listed(name, uri, info.size, info.mtime_ns))
    return sorted(listed)


def _folders(
    place: tuple[str, int], pattern: str, folder: str | Path, suffixes: tuple[str, ...]
) -> Iterator[Finding]:
    """Folders that a pattern matches and that are called as a file is, as Spark writes them."""
    base, wildcards = _split(_address(pattern, folder))
    if "://" in base or not wildcards or "**" in wildcards or not Path(base).is_dir():
        return

    def wanted(parts: Sequence[str]) -> bool:
        return _matches(parts, wildcards) and parts[-1].lower().endswith(suffixes)

    for found in local_files(base, partial(_leads, pattern=wildcards), wanted):
        if found.is_folder:
            reason = f"{found.name} is a folder, of which nothing is read: name {pattern}/** too"
            yield doubt(place, reason)


def _address(pattern: str, folder: str | Path) -> str:
    """A pattern as an absolute path or a URI."""
    address = located(pattern, Path(folder).absolute())
    return address.rstrip("/") if "://" in address else address


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


def _leads(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether something below a folder, whose path is in parts, may match a pattern."""
    if not pattern:
        return False
    if not parts:
        return True
    if pattern[0] == "**":
        hidden = next((i for i, part in enumerate(parts) if part.startswith(".")), None)
        skipped = range(len(parts) + 1 if hidden is None else hidden + 1)
        return hidden is None or any(_leads(parts[count:], pattern[1:]) for count in skipped)
    return _matches(parts[:1], pattern[:1]) and _leads(parts[1:], pattern[1:])


def _missing(source_name: str, pattern: str, base: str) -> str:
    message = f"source {source_name!r}: {base} does not exist (from `paths` entry {pattern!r})"
    return f"{message}; {what_fetches(base) or 'correct `paths` or put the files there'}"
