"""What a file is by its first bytes, where that is not what its name or its reader says.

A reader that is given another sort of file rejects it row by row, with errors that do not say what
the file is. Its first bytes do.
"""

import re
from typing import NamedTuple

from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import COMPRESSIONS

HEAD = 512
"""Bytes of a file that are looked at."""


class _Sort(NamedTuple):
    magic: bytes
    what: str
    readers: tuple[str, ...]
    """Those that read it."""
    otherwise: str
    """What to do with it for any other reader."""


_MARKED_TEXT = ("text", "html", "manual_page", "post", "stack_exchange")
"""Readers to which a byte order mark says the encoding."""
_SORTS = (
    _Sort(b"PAR1", "a Parquet file", ("parquet",), "say reader: parquet"),
    _Sort(b"PARE", "an encrypted Parquet file", (), "decrypt it first"),
    _Sort(b"ARROW1", "an Arrow IPC (Feather) file", (), "write it as Parquet first"),
    _Sort(b"FEA1", "a Feather file", (), "write it as Parquet first"),
    _Sort(b"ORC", "an ORC file", (), "write it as Parquet first"),
    _Sort(b"Obj\x01", "an Avro file", (), "write it as Parquet or JSON Lines first"),
    _Sort(b"%PDF-", "a PDF file", ("pdf",), "say reader: pdf"),
    _Sort(b"WARC/", "a WARC or WET file", ("warc", "wet"), "say reader: warc, or wet"),
    _Sort(b"PK\x03\x04", "a ZIP archive (as .docx and .epub are)", (), "unpack it first"),
    _Sort(b"7z\xbc\xaf\x27\x1c", "a 7z archive", (), "unpack it first"),
    _Sort(b"BZh", "compressed by bzip2", (), "only .gz and .zst are read: unpack it first"),
    _Sort(b"\xfd7zXZ\0", "compressed by xz", (), "only .gz and .zst are read: unpack it first"),
    _Sort(b"\xd0\xcf\x11\xe0", "an old Office document", (), "save it as text or PDF first"),
    _Sort(b"SQLite format 3\0", "an SQLite database", (), "export its rows to JSON Lines first"),
    _Sort(b"\xff\xfe", "text in UTF-16", _MARKED_TEXT, "write it in UTF-8 first"),
    _Sort(b"\xfe\xff", "text in UTF-16", _MARKED_TEXT, "write it in UTF-8 first"),
    _Sort(
        b"version https://git-lfs.github.com/spec/",
        "a pointer to a file that Git LFS holds",
        (),
        "run `git lfs pull`",
    ),
)
_MAGIC = {
    ".gz": re.compile(rb"[\0\s]*\x1f\x8b"),
    # A skippable frame may hold the dictionary of those behind it; old formats have their readers.
    ".zst": re.compile(rb"[\0\s]*(?:[\x1e\x22-\x28]\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)"),
}
_KNOWS_COMPRESSION = ("warc", "wet")
"""Readers that look for compression themselves, whatever the file is called."""
_LARGE_WINDOW = 1 << 27
"""Bytes; what the zstd program itself asks for leave to use."""


def mistaken(reader: str, file: SourceFile) -> str | None:
    """Why a reader cannot read a file, in words; None where its first bytes do not say so.

    Raises OSError when the storage fails.
    """
    with file.open() as handle:
        head = bytes(handle.read(HEAD))
    if not head:
        return None
    suffix = next((each for each in COMPRESSIONS if file.name.lower().endswith(each)), None)
    knows = reader in _KNOWS_COMPRESSION
    is_plain = knows and head.lstrip(b"\0\r\n\t ").startswith(b"WARC/")
    if suffix and not is_plain and not _MAGIC[suffix].match(head):
        return f"its name ends in {suffix}, but it is not compressed so: rename it"
    packed = next((each for each, magic in _MAGIC.items() if magic.match(head)), None)
    if packed and not suffix and not knows:
        return f"it is compressed as {packed} files are: let its name end in {packed}"
    for sort in _SORTS:
        if head.startswith(sort.magic) and reader not in sort.readers:
            return f"it is {sort.what}, which the reader {reader!r} does not read: {sort.otherwise}"
    if reader in ("parquet", "pdf") and not packed:
        (wanted,) = (sort for sort in _SORTS if reader in sort.readers)
        if wanted.magic not in (head[: len(wanted.magic)] if reader == "parquet" else head):
            return f"it is not {wanted.what}, as its reader {reader!r} takes it"
    return None


def memory_needed(file: SourceFile) -> int:
    """The bytes of memory that unpacking a file takes beyond the usual; 0 for the most.

    Raises OSError when the storage fails.
    """
    if not file.name.lower().endswith(".zst"):
        return 0
    from zstandard import ZstdError, get_frame_parameters

    with file.open() as handle:
        head = bytes(handle.read(HEAD))
    try:
        window = get_frame_parameters(head).window_size
    except ZstdError:
        return 0  # told where it is read
    return window if window > _LARGE_WINDOW else 0
