"""Repair that a source asks for: mojibake, Unicode normalisation, invisible characters.

Nothing is repaired unasked beyond what every reader does (``record.repaired``), because each step
can be wrong: mojibake may be what a text is about, normalisation changes code and formulas. So the
recipe names the steps, and the metadata key ``repaired`` names those that changed a document.

``mojibake`` is ftfy's ``fix_encoding`` (Speer 2019), line by line as ``ftfy.fix_text`` does it, and
none of its other fixes: curly quotes, ligatures, widths and HTML entities stay. ftfy looks at 7 to
17 MB/s on text that is not ASCII; before it a regular expression over UTF-8 bytes picks the lines
on which ftfy's own test can succeed at all. That this never passes over a line which ftfy would
change is tested over every pair of the characters that ftfy knows.

``invisible`` removes terminal escapes, control characters other than tab and newline, zero-width
spaces, word joiners, stray byte order marks, interlinear annotation and soft hyphens. Zero-width
joiner and non-joiner and the marks of direction stay: Persian, Indic scripts, Hebrew and emoji need
them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field

from midtrain_dagster.collection.messages import chat_document
from midtrain_dagster.collection.record import Document, Record, repaired
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.tokens.transcript import FORMAT, LAYOUT, restored

VERSION = 1


class Repair(FrozenModel):
    """Which steps of repair a source asks for; without any, text is what the reader found."""

    mojibake: bool = Field(False, description="Decode again what was decoded wrongly, by ftfy")
    invisible: bool = Field(
        False, description="Remove control and zero-width characters and soft hyphens"
    )
    normalise: Literal["NFC", "NFKC"] | None = Field(None, description="Unicode normalisation form")


# Each alternative of ftfy.badness.BADNESS_RE holds a C1 control, one of "Œœ", "ÃÂ", "Ђ", or two
# neighbours outside ASCII of which the second is in Latin (C2-CE, D2), General Punctuation and the
# symbols after it (E2), or is one of U+F8FF, the ligatures fi and fl, and U+FFFD (EF).
_SUSPICIOUS = re.compile(
    rb"[\x80-\xbf](?:[\xc2-\xcd\xd2\xe2]|\xce[\x84-\x86]|\xef[\xa3\xac\xbf])"
    rb"|\xc2[\x80-\x9f]|\xc5[\x92\x93]|\xc3[\x82\x83]|\xd0\x82"
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffc]"
)


def repaired_records(repair: Repair, records: Iterable[Record]) -> Iterator[Record]:
    """The records, each document's text repaired; ``repaired`` in its metadata lists the steps."""
    for record in records:
        yield _repaired_document(record, repair) if isinstance(record, Document) else record


def _repaired_document(document: Document, repair: Repair) -> Document:
    if document.format == FORMAT:
        return _repaired_conversation(document, repair)
    text, steps = repaired_text(document.text, repair)
    if not steps:
        return document
    return document._replace(text=text, metadata={**document.metadata, "repaired": steps})


def _repaired_conversation(document: Document, repair: Repair) -> Document:
    """Each text of a conversation is repaired by itself, so that none reaches into the next."""
    steps: dict[str, None] = {}

    def repaired_value(value: Any) -> Any:
        if isinstance(value, str):
            text, own = repaired_text(value, repair)
            steps.update(dict.fromkeys(own))
            return text
        if isinstance(value, dict):
            return {key: repaired_value(each) for key, each in value.items()}
        return [repaired_value(each) for each in value] if isinstance(value, list) else value

    conversation = repaired_value(restored(document.text, document.metadata[LAYOUT]))
    if not steps:
        return document
    metadata = {**document.metadata, "repaired": list(steps)}
    return chat_document(document.locator, conversation, metadata)


def repaired_text(text: str, repair: Repair) -> tuple[str, list[str]]:
    """The text after the steps that ``repair`` asks for, and the names of those that changed it.

    The steps are ``mojibake``, ``invisible`` and the name of the normalisation form, in this order:
    what ftfy reads as bytes may be invisible, and normalisation must see the final characters.
    """
    steps = []
    if repair.mojibake and not text.isascii():
        fixed = without_mojibake(text)
        if fixed != text:
            text, steps = fixed, ["mojibake"]
    if repair.invisible:
        shown = without_invisible(text)
        if shown != text:
            text, steps = shown, [*steps, "invisible"]
    form = repair.normalise
    if form is not None and not unicodedata.is_normalized(form, text):
        text, steps = unicodedata.normalize(form, text), [*steps, form]
    return (repaired(text) if steps else text), steps


def without_mojibake(text: str) -> str:
    """The text with what was decoded wrongly decoded again, where ftfy is sure of it."""
    data = text.encode("utf-8", "surrogatepass")
    found = _SUSPICIOUS.search(data)
    if found is None:
        return text
    from ftfy import fix_encoding

    pieces, done = [], 0
    while found is not None:
        start = data.rfind(b"\n", done, found.start()) + 1 or done
        stop = data.find(b"\n", found.start())
        stop = len(data) if stop < 0 else stop
        line = data[start:stop].decode("utf-8", "surrogatepass")
        pieces += [data[done:start].decode("utf-8", "surrogatepass"), fix_encoding(line)]
        done = stop
        found = _SUSPICIOUS.search(data, stop)
    pieces.append(data[done:].decode("utf-8", "surrogatepass"))
    return "".join(pieces)


def without_invisible(text: str) -> str:
    """The text without characters that show nothing, and without escapes of terminals."""
    if _INVISIBLE.search(text) is None:
        return text
    if "\x1b" in text:
        from ftfy.fixes import remove_terminal_escapes

        text = remove_terminal_escapes(text)
    return _INVISIBLE.sub("", text)
