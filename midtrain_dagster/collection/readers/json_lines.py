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
from pathlib import Path
from typing import Any, Literal, NoReturn, Self

from pydantic import Field, model_validator

from midtrain_dagster.collection import lines
from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.lines import Lines, file_lines
from midtrain_dagster.collection.messages import conversation_of
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.row_source import RowSource
from midtrain_dagster.collection.row_values import MISSING, value_at
from midtrain_dagster.core.causes import DIGEST_BYTES
from midtrain_dagster.core.members import Block
from midtrain_dagster.core.source_file import Piece, SourceFile
from midtrain_dagster.core.stream import blocks, compression

VERSION = 3
USES = (lines,)

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
        for found in file_lines(file, compression(file.name), longest_line):
            if isinstance(found, Rejection):
                yield found
                continue
            start = found.start
            for number, data in enumerate(found.lines, start=found.number):
                if not data.isspace():
                    yield _read_line(self, f"{file.name}:{number}", data, start, found)
                start += len(data)

    def read_so_far(self, file: SourceFile, records: int, position: int) -> int:
        """By lines within the first block of a compressed file, which is held until its end."""
        if (suffix := compression(file.name)) is None:
            return position
        match next(blocks(file, suffix), None):
            case Block(data, packed) if records < (there := data.count(b"\n")):
                return packed * records // there
        return position

    def pieces(self, file: SourceFile, target_bytes: int) -> list[SourceFile]:
        """A plain local file in stretches of whole lines; any other as it is."""
        if "://" in file.uri or compression(file.name):
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


def _read_line(
    source: JsonLinesSource, locator: str, data: bytes, start: int, found: Lines
) -> Record:
    rejection: Rejection | None = None
    values: Any = None
    try:
        values = _DECODER.decode(data.decode().removeprefix(_BYTE_ORDER_MARK))
    except UnicodeDecodeError as error:
        detail = f"invalid UTF-8 at byte {start + error.start}: {error.reason}"
        rejection = Rejection(locator, "invalid_encoding", detail)
    except (ValueError, RecursionError) as error:
        rejection = Rejection(locator, "invalid_json", f"line at byte {start}: {error}")
    if isinstance(values, dict):
        record = _read_object(source, locator, values)
        if found.unverified and isinstance(record, Document):
            record.metadata["unverified"] = found.unverified
        return record
    if found.may_be_rest:
        # No end of an object's text is an object's text: what is one is a whole line.
        detail = f"the end of a line whose beginning is damaged, {len(data)} bytes"
        return Rejection(locator, "broken_stream", detail)
    if rejection is not None:
        return rejection
    detail = f"line at byte {start}: a {type(values).__name__}, not an object"
    return Rejection(locator, "invalid_json", detail)


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
