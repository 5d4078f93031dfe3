"""What is read as one unit of work: small files together, large ones alone or in pieces.

A unit is a pure function of its files' names, sizes and content, so that a file that is added or
changed leaves the other units, and what was made from them, as they are.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.core.source_file import SourceFile


def units(
    source: DocumentSource, files: Sequence[SourceFile], target_bytes: int
) -> list[list[SourceFile]]:
    """The files of each unit of work, which hold about ``target_bytes`` of text at most.

    A source whose documents depend on all of its files is one unit, and read by one worker, which
    is right for a sample and wrong for a corpus. Raises OSError when the storage fails.
    """
    if source.is_one_unit:
        return [list(files)]
    grouped: list[list[SourceFile]] = []
    for group in bundles(files, target_bytes):
        large = group[0].bytes > target_bytes
        grouped += [[each] for each in source.pieces(group[0], target_bytes)] if large else [group]
    return grouped


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
