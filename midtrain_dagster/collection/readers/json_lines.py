"""JSON Lines: one document a line, in the value of one key or in a template of several.

A key may lead into objects, as ``meta.url`` does; one that is there as it is written goes first.

Lines are parsed one by one with the standard library (about 100 MB/s), because a broken line must
cost that line only and be told with its place; parsers of whole columns stop at the first one.
"""

import json
import string
from collections.abc import Iterator
from io import BufferedReader
from typing import Any, NoReturn

from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.source import JsonLinesSource
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import BrokenStream, open_stream

VERSION = 2

# A character may take six bytes as an escape, and other keys stand beside the text.
_LINE_BYTES_PER_DOCUMENT_BYTE = 8

_MISSING = object()

_BYTE_ORDER_MARK = "\ufeff"


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_not_json)


def read_json_lines(
    source: JsonLinesSource, file: SourceFile, max_document_bytes: int
) -> Iterator[Record]:
    """The documents of one file; the locator is ``FILE:LINE``, lines counted from 1."""
    longest_line = _LINE_BYTES_PER_DOCUMENT_BYTE * max_document_bytes
    with open_stream(file) as stream:
        offset, number = (file.piece.start, file.piece.before) if file.piece else (0, 0)
        try:
            while line := stream.readline(longest_line):
                number += 1
                locator = f"{file.name}:{number}"
                start, offset = offset, offset + len(line)
                if len(line) == longest_line and not line.endswith(b"\n"):
                    offset += skip_line(stream)
                    detail = f"a line of {offset - start} bytes at byte {start}"
                    yield Rejection(locator, "too_large", detail)
                elif line.strip():
                    yield _read_line(source, locator, line, start)
        except BrokenStream as error:
            yield Rejection(file.name, "broken_stream", f"after byte {offset}: {error}")


def skip_line(stream: BufferedReader) -> int:
    """Read up to the end of a line without keeping it; returns the bytes read."""
    skipped = 0
    while block := stream.readline(1 << 20):
        skipped += len(block)
        if block.endswith(b"\n"):
            break
    return skipped


def _read_line(source: JsonLinesSource, locator: str, line: bytes, start: int) -> Record:
    try:
        values = _DECODER.decode(line.decode().removeprefix(_BYTE_ORDER_MARK))
    except UnicodeDecodeError as error:
        detail = f"invalid UTF-8 at byte {start + error.start}: {error.reason}"
        return Rejection(locator, "invalid_encoding", detail)
    except (ValueError, RecursionError) as error:
        return Rejection(locator, "invalid_json", f"line at byte {start}: {error}")
    if not isinstance(values, dict):
        detail = f"line at byte {start}: a {type(values).__name__}, not an object"
        return Rejection(locator, "invalid_json", detail)
    keys = [source.text] if source.template is None else source.template_keys
    for key in keys:
        value = _value(values, key)
        if value is _MISSING:
            return Rejection(locator, "missing_key", f"no key {key!r}; there are {list(values)}")
        if not _is_text(value, numbers=source.template is not None):
            detail = f"{key!r} holds a {type(value).__name__}"
            return Rejection(locator, "not_text", detail)
    if source.template is None:
        text = _value(values, source.text)
    else:
        text = _filled(source.template, values)
    found = {name: _value(values, key) for name, key in source.kept.items()}
    metadata = {name: value for name, value in found.items() if value is not _MISSING}
    return Document(locator, repaired(text), "plain", metadata)


def _value(values: dict[str, Any], key: str) -> Any:
    """The value of a key, or of the last of several joined by dots; ``_MISSING`` if none."""
    if key in values:
        return values[key]
    value: Any = values
    for step in key.split("."):
        if not isinstance(value, dict) or step not in value:
            return _MISSING
        value = value[step]
    return value


def _is_text(value: Any, numbers: bool) -> bool:
    if isinstance(value, str):
        return True
    return numbers and isinstance(value, int | float) and not isinstance(value, bool)


def _filled(template: str, values: dict[str, Any]) -> str:
    # Not str.format, to which a key of digits is a position.
    return "".join(
        literal + ("" if key is None else str(values[key]))
        for literal, key, _, _ in string.Formatter().parse(template)
    )
