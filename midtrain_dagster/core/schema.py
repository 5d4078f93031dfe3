"""What a document is: the one schema that every reader writes and every method reads.

A document is immutable. What is learnt of it later (language, signals, ratings, duplicates,
contamination) lies beside it in attribute tables, joined by ``id`` within a part.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Literal, get_args

import polars as pl

Kind = Literal["prose", "code", "mathematics", "qa", "instruction", "agent"]
KINDS: tuple[str, ...] = get_args(Kind)

Format = Literal[
    "plain",
    "markdown",
    "restructuredtext",
    "web_page",
    "pdf",
    "manual_page",
    "latex",
    "html",
    "python",
    "chat",
]
"""What a document's text is written in. ``web_page``, ``pdf`` and ``manual_page`` are plain text
that was taken out of one; ``html`` is markup as it stands; ``chat`` is the transcript of a
conversation."""
FORMATS: tuple[Format, ...] = get_args(Format)

DOCUMENTS = pl.Schema(
    {
        "id": pl.String,
        "text": pl.String,
        "source": pl.String,
        "domain": pl.String,
        "kind": pl.String,
        "format": pl.String,
        "language": pl.String,
        "locator": pl.String,
        "metadata": pl.String,
    }
)
"""``language`` is what the source declares (null if nothing), ``locator`` says where in the source
the document was: ``FILE``, or ``FILE:PLACE`` with a line (from 1), a row (from 0), a WARC record id
or a topic. ``metadata`` is a JSON object."""

REJECTIONS = pl.Schema(
    {"source": pl.String, "locator": pl.String, "reason": pl.String, "detail": pl.String}
)
"""What a reader could not take: ``reason`` is a fixed word to count by (``record.Reason``),
``detail`` the error."""


def synthetic_source(name: str) -> str:
    """The ``source`` of documents that the recipe's method of synthesis ``name`` writes.

    An id is a hash of source, place and text, so two methods of a recipe never make the same id,
    even where they write the same text about the same passage.
    """
    return f"synthetic_{name}"


def document_id(source: str, locator: str, text: str) -> str:
    """A stable id: 32 hexadecimal digits of the source's name, the place in it, and the text."""
    return document_ids(source)(locator, text.encode("utf-8", "surrogatepass"))


def document_ids(source: str) -> Callable[[str, bytes], str]:
    """:func:`document_id` for many documents of one source, by locator and text in UTF-8."""
    begun = blake2b(_with_length(source.encode("utf-8", "surrogatepass")), digest_size=16)

    def identify(locator: str, text: bytes) -> str:
        state = begun.copy()
        place = _with_length(locator.encode("utf-8", "surrogatepass"))
        state.update(place + len(text).to_bytes(8, "little"))
        state.update(text)
        return state.hexdigest()

    return identify


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


PASSAGE = "midtrain:passage"
"""The key under which the row of a benchmark's item holds its passage, in the column ``row``."""

PASSAGE_IN_ROW = f"$['{PASSAGE}']"
"""The way there, as JSONPath."""
