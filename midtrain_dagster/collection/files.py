"""Which files a source has, and which of them are read together.

A pattern is split at its first wildcard: what stands before is its folder, and a file's name is its
path below that folder. So names, and with them document ids, are the same wherever the corpus
lies, and stay as they are when a recipe adds a pattern.

Local files are identified by a digest of their content, which reads them once each time they are
listed; remote ones by their ETag, one request a file.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from midtrain_dagster.collection.pieces import pieces
from midtrain_dagster.collection.source import (
    FileSource,
    PlantedSource,
    PythonInstallationSource,
    Source,
)
from midtrain_dagster.core.source_file import (
    SourceError,
    SourceFile,
    filesystem_of,
    local_file,
    remote_file,
)

SUFFIXES = {
    "parquet": (".parquet",),
    "json_lines": tuple(
        plain + packed for plain in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz", ".zst")
    ),
    "pdf": (".pdf",),
    "manual_page": tuple(
        f".{section}{packed}" for section in "123456789ln" for packed in ("", ".gz", ".zst")
    ),
    "warc": (".warc", ".warc.gz"),
    "wet": (".wet", ".wet.gz"),
    "stack_exchange": (".xml",),
    "html": tuple(
        plain + packed for plain in (".html", ".htm", ".xhtml") for packed in ("", ".gz", ".zst")
    ),
    "text": tuple(
        plain + packed
        for plain in (".txt", ".md", ".markdown", ".rst")
        for packed in ("", ".gz", ".zst")
    ),
}
"""What a reader takes from a folder. A pattern or a file's own name is taken at its word."""


class Listed(NamedTuple):
    """A file found, before its content is looked at."""

    name: str
    uri: str
    bytes: int


def list_files(source_name: str, source: Source, folder: str | Path) -> list[SourceFile]:
    """The files of a source, sorted by name; relative paths start in ``folder``.

    Raises SourceError when a path is missing, when a pattern matches nothing, and when two files
    would have the same name.
    """
    if isinstance(source, PlantedSource):
        return list_files(source_name, source.pages, folder)
    if isinstance(source, PythonInstallationSource):
        from midtrain_dagster.collection.readers.python_installation import installed_files

        return installed_files(source_name, source)
    found: dict[str, Listed] = {}
    names: dict[str, str] = {}
    for pattern in source.paths:
        matches = _matching(source_name, source, pattern, folder)
        if not matches:
            raise SourceError(
                f"source {source_name!r}: no file matches {pattern!r} (a folder is searched for "
                f"{', '.join(SUFFIXES[source.reader])}); correct `paths`"
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


def _identified(file: Listed) -> SourceFile:
    if "://" in file.uri:
        return remote_file(file.name, file.uri, file.bytes)
    return local_file(file.name, Path(file.uri))


def _matching(
    source_name: str, source: FileSource, pattern: str, folder: str | Path
) -> list[Listed]:
    """The files that one entry of ``paths`` stands for."""
    from pyarrow.fs import FileSelector, FileType

    base, wildcards = _split(_address(pattern, folder))
    filesystem, path = filesystem_of(base)
    info = filesystem.get_file_info(path)
    if info.type == FileType.NotFound:
        raise SourceError(_missing(source_name, pattern, base))
    if info.type == FileType.File and not wildcards:
        return [Listed(base.rpartition("/")[2], base, info.size)]
    suffixes = () if wildcards else SUFFIXES[source.reader]  # type: ignore[attr-defined]
    wildcards = wildcards or ["**"]
    deep = len(wildcards) > 1 or "**" in wildcards
    listed = []
    for info in filesystem.get_file_info(FileSelector(path, recursive=deep)):
        name = info.path[len(path) :].lstrip("/")
        wanted = _matches(name.split("/"), wildcards)
        if suffixes:
            wanted = wanted and name.lower().endswith(suffixes)
        if wanted and info.type == FileType.File:
            listed.append(Listed(name, f"{base.rstrip('/')}/{name}", info.size))
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


def bundles(files: Sequence[SourceFile], target_bytes: int) -> list[list[SourceFile]]:
    """Files grouped for reading, each group of at most ``target_bytes``; larger files stand alone.

    Groups are the leaves of a binary trie over a hash of the names: a group that would exceed the
    target is split by the next bit. So adding a file changes only the group that it falls into,
    and what was made from all the others is found again. Groups are two thirds full on average,
    and neighbours in a folder do not stay together: the price of that stability.
    """
    large = [[file] for file in files if file.bytes > target_bytes]
    small = [(_bits(file.name), file) for file in files if file.bytes <= target_bytes]
    groups = [*large, *_leaves(small, target_bytes, 0)]
    return sorted(
        (sorted(group, key=lambda file: file.name) for group in groups),
        key=lambda group: group[0].name,
    )


def units(source: Source, files: Sequence[SourceFile], target_bytes: int) -> list[list[SourceFile]]:
    """What is read as one unit of work each: small files together, large ones alone or in pieces.

    Where a choice spans the source, it is one unit: so for planted items, which are drawn over all
    pages, and for ``take``. Such a source is read by one worker, which is right for a sample and
    wrong for a corpus.
    """
    whole = isinstance(source, PlantedSource) or source.take is not None
    if whole:
        return [list(files)]
    grouped: list[list[SourceFile]] = []
    for group in bundles(files, target_bytes):
        large = group[0].bytes > target_bytes
        grouped += [[each] for each in pieces(source, group[0], target_bytes)] if large else [group]
    return grouped


def _bits(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "big")


def _leaves(
    files: list[tuple[int, SourceFile]], target_bytes: int, depth: int
) -> Iterator[list[SourceFile]]:
    if not files:
        return
    if len(files) == 1 or sum(file.bytes for _, file in files) <= target_bytes:
        yield [file for _, file in files]
        return
    for side in (0, 1):
        half = [entry for entry in files if entry[0] >> (127 - depth) & 1 == side]
        yield from _leaves(half, target_bytes, depth + 1)
