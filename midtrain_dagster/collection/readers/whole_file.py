"""A file that is one document: its bytes or its text, decompressed on the way, up to a limit."""

from midtrain_dagster.collection.encoding import EncodingError, decoded_text
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import COMPRESSIONS, BrokenStream, open_stream


def read_whole(file: SourceFile, max_document_bytes: int) -> bytes | Rejection:
    """The file's bytes, or why there are none: too many of them, or a break in the compression."""
    try:
        with open_stream(file) as stream:
            data = stream.read(max_document_bytes + 1)
    except BrokenStream as error:
        return Rejection(file.name, "broken_stream", str(error))
    if len(data) > max_document_bytes:
        compressed = file.name.lower().endswith(COMPRESSIONS)
        size = f"more than {max_document_bytes} bytes" if compressed else f"{file.bytes} bytes"
        return Rejection(file.name, "too_large", size)
    return data


def read_text(file: SourceFile, max_document_bytes: int) -> str | Rejection:
    """The file's text, in the encoding of its byte order mark, else UTF-8, or why there is none."""
    data = read_whole(file, max_document_bytes)
    if isinstance(data, Rejection):
        return data
    try:
        return decoded_text(data)
    except EncodingError as error:
        return Rejection(file.name, "invalid_encoding", str(error))
