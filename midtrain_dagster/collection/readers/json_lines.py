"""JSON Lines: one document a line, in the value of one key, in a template of several, or messages.

A key may lead into objects and lists, as ``meta.url`` and ``answers.0.text`` do; one that is there
as it is written goes first.

Lines are parsed one by one with the standard library (about 100 MB/s), because a broken line must
cost that line only and be reported with its place; parsers of whole columns stop at the first one.

A plain file on a local disk is cut at ends of lines, so that several workers read it. That takes
one more reading of the file (about 1 GB/s); each piece has a digest of its own, so that what was
made from the beginning of a file is found again when the file has grown. Compressed and remote
lines are one piece: where their lines end is known only after reading them.
"""

import json
import string
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from io import BufferedReader
from pathlib import Path
from typing import Any, Literal, NoReturn, Self

from pydantic import Field, model_validator

from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.messages import conversation_of
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.row_source import RowSource
from midtrain_dagster.collection.row_values import MISSING, value_at
from midtrain_dagster.core.causes import DIGEST_BYTES
from midtrain_dagster.core.source_file import Piece, SourceFile
from midtrain_dagster.core.stream import COMPRESSIONS, BrokenStream, open_stream

VERSION = 2

# A character may take six bytes as an escape, and other keys stand beside the text.
_LINE_BYTES_PER_DOCUMENT_BYTE = 8

_BYTE_ORDER_MARK = "\ufeff"


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_not_json)


class JsonLinesSource(RowSource):
    """JSON Lines (plain, ``.gz`` or ``.zst``), one document a line.

    Keys may lead into objects: ``meta.url``. The text is the value of one key, a ``template``
    of several (``"Question: {question}\\nAnswer: {answer}"``), or that of ``messages``.
    """

    suffixes = plain_or_compressed(".jsonl", ".ndjson", ".json")

    reader: Literal["json_lines"]
    text: str = Field("text", description="The key that holds the text")
    template: str | None = Field(None, description="Text made of several keys, in place of `text`")

    @model_validator(mode="after")
    def _a_plain_template(self) -> Self:
        if self.template is None:
            return self
        if "text" in self.model_fields_set:
            raise ValueError("give either `text` or `template`, not both")
        for _, key, specification, conversion in string.Formatter().parse(self.template):
            if specification or conversion or (key is not None and set(key) & set(".[]")):
                raise ValueError("a template holds only keys in braces, such as {question}")
            if key == "":
                raise ValueError("a pair of braces in the template holds no key")
        if not self.template_keys:
            raise ValueError("the template holds no key")
        return self

    @property
    def template_keys(self) -> list[str]:
        """The keys that the template holds, in order."""
        parts = string.Formatter().parse(self.template or "")
        return [key for _, key, _, _ in parts if key is not None]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
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
                        yield _read_line(self, locator, line, start)
            except BrokenStream as error:
                yield Rejection(file.name, "broken_stream", f"after byte {offset}: {error}")

    def pieces(self, file: SourceFile, target_bytes: int) -> list[SourceFile]:
        """A plain local file in stretches of whole lines; any other as it is."""
        if "://" in file.uri or file.name.endswith(COMPRESSIONS):
            return [file]
        cut = list(_stretches(file, target_bytes))
        return cut if len(cut) > 1 else [file]


def _stretches(file: SourceFile, target_bytes: int) -> Iterator[SourceFile]:
    """Stretches of whole lines, each longer than ``target_bytes`` by less than a line."""
    start = before = 0
    with Path(file.uri).open("rb") as handle:
        while block := handle.read(target_bytes):
            content = blake2b(digest_size=DIGEST_BYTES)
            lines = 0
            while block:
                content.update(block)
                lines += block.count(b"\n")
                block = b"" if block.endswith(b"\n") else handle.readline(1 << 20)
            stop = handle.tell()
            yield file.model_copy(
                update={
                    "bytes": stop - start,
                    "digest": content.hexdigest(),
                    "piece": Piece(start=start, stop=stop, before=before),
                }
            )
            start, before = stop, before + lines


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
    return _read_object(source, locator, values)


def _read_object(source: JsonLinesSource, locator: str, values: dict[str, Any]) -> Record:
    found = {name: value_at(values, key) for name, key in source.kept.items()}
    metadata = {name: value for name, value in found.items() if value is not MISSING}
    if source.messages is not None:
        row = partial(value_at, values)
        return conversation_of(source.messages, locator, row, known=values, metadata=metadata)
    keys = [source.text] if source.template is None else source.template_keys
    for key in keys:
        value = value_at(values, key)
        if value is MISSING:
            return Rejection(locator, "missing_key", f"no key {key!r}; there are {list(values)}")
        if not _is_text(value, numbers=source.template is not None):
            detail = f"{key!r} holds a {type(value).__name__}"
            return Rejection(locator, "not_text", detail)
    if source.template is None:
        text = value_at(values, source.text)
    else:
        text = _filled(source.template, values)
    return Document(locator, repaired(text), "plain", metadata)


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
