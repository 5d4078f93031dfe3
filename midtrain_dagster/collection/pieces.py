"""Large files in pieces, so that several workers read one file.

Parquet is cut between row groups, which its footer tells. Plain JSON Lines on a local disk is cut
at ends of lines, which takes one more reading of the file (about 1 GB/s); each piece then has a
digest of its own, so that what was made from the beginning of a file is found again when the file
has grown. Compressed and remote lines are one piece: where their lines end is known only after
reading them. Places are counted over the whole file, in pieces or not.
"""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from midtrain_dagster.collection.source import JsonLinesSource, ParquetSource, Source
from midtrain_dagster.core.causes import DIGEST_BYTES
from midtrain_dagster.core.reference import open_column
from midtrain_dagster.core.source_file import Piece, SourceFile

_PACKED = (".gz", ".zst")


def pieces(source: Source, file: SourceFile, target_bytes: int) -> list[SourceFile]:
    """A file as pieces of about ``target_bytes`` of text; itself, if it cannot be cut.

    Raises OSError when the storage fails; a file that is broken is left to its reader.
    """
    match source:
        case ParquetSource():
            cut = list(_row_groups(file, source.text, target_bytes))
        case JsonLinesSource() if "://" not in file.uri and not file.name.endswith(_PACKED):
            cut = list(_lines(file, target_bytes))
        case _:
            cut = []
    return cut if len(cut) > 1 else [file]


def _row_groups(file: SourceFile, column: str, target_bytes: int) -> Iterator[SourceFile]:
    """Runs of row groups; one that is larger than the target stands alone."""
    import pyarrow as pa

    try:
        with open_column(file.uri, column) as opened:
            sizes = opened.row_group_bytes()
            rows = [opened.first_row(group) for group in range(len(sizes))]
    except (pa.ArrowException, OSError):
        file.raise_if_storage_fails()
        return
    start = held = 0
    for group, size in enumerate(sizes):
        if group > start and held + size > target_bytes:
            yield _piece(file, Piece(start=start, stop=group, before=rows[start]))
            start, held = group, 0
        held += size
    if sizes:
        yield _piece(file, Piece(start=start, stop=len(sizes), before=rows[start]))


def _lines(file: SourceFile, target_bytes: int) -> Iterator[SourceFile]:
    """Stretches of whole lines, each a line longer than the target at most."""
    start = before = 0
    with Path(file.uri).open("rb") as handle:
        while block := handle.read(target_bytes):
            content = blake2b(digest_size=DIGEST_BYTES)
            lines = 0
            while block:
                content.update(block)
                lines += block.count(b"\n")
                block = b"" if block.endswith(b"\n") else handle.readline(1 << 20)
            piece = Piece(start=start, stop=handle.tell(), before=before)
            size = {"bytes": piece.stop - start, "digest": content.hexdigest()}
            yield _piece(file, piece).model_copy(update=size)
            start, before = piece.stop, before + lines


def _piece(file: SourceFile, piece: Piece) -> SourceFile:
    return file.model_copy(update={"piece": piece})
