"""Long documents as pieces of whole paragraphs, and pieces as chunks of whole sentences.

Methods of long context show a text whole and ask about it after. How long it may be follows from
the window of the stage that reads it, and is said in bytes, since synthesis comes before any
tokenizer (of English prose a token has some 4.5 bytes, ``midtrain check`` says it of a recipe's
own). Nothing is cut silently: a document that is too long becomes several pieces that end where a
paragraph does, each with its bytes in the document, and what has no such end is left out by name.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel

VERSION = 1

_PARAGRAPH_END = re.compile(r"\n\s*\n|(?<=[.!?:;\u3002\uff01\uff1f])\n")
"""An empty line; or, since not every text has those, a line's end that ends a sentence."""
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u2026\u0964])[\"')\]\u201d\u2019\u00bb]*\s+"  # the danda ends one, too
    r"|(?<=[\u3002\uff01\uff1f])[\u300d\u300f\u201d\u2019]*\s*"  # no space follows in Chinese
    r"|\n\s*\n"
)


class Piece(NamedTuple):
    """A stretch of a document, with its byte offsets in the document's text."""

    text: str
    start: int
    stop: int


class LongPieces(FrozenModel):
    """How long a text is that is asked about: the section's common fields."""

    minimum_bytes: int = Field(default=8_000, ge=200, description="bytes of a piece, at least")
    maximum_bytes: int = Field(
        default=64_000,
        ge=200,
        description="bytes of a piece, at most: a longer document becomes several, between "
        "paragraphs; choose it by the stage's window, question and answer included",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minimum_bytes > self.maximum_bytes:
            raise ValueError("minimum_bytes is more than maximum_bytes: no piece is between them")
        return self

    def pieces(self, text: str) -> list[Piece]:
        """The pieces of a document that are neither too long nor too short."""
        found = tiles(text, self.maximum_bytes, _PARAGRAPH_END)
        stops = list(accumulate((len(each.encode()) for each in found), initial=0))
        return [
            Piece(piece, start, stop)
            for piece, (start, stop) in zip(found, pairwise(stops), strict=True)
            if self.minimum_bytes <= stop - start <= self.maximum_bytes
        ]


def chunks(text: str, size: int) -> list[str]:
    """A text in chunks of whole sentences up to ``size`` bytes; they are the text when joined.

    A sentence that is longer is a chunk by itself.
    """
    return tiles(text, size, _SENTENCE_END)


def sentences(text: str) -> list[str]:
    """The sentences of a text with the white space after each; they are the text when joined."""
    return tiles(text, 0, _SENTENCE_END)


def tiles(text: str, size: int, end: re.Pattern[str]) -> list[str]:
    """A text cut at some of the places that ``end`` finds, into tiles up to ``size`` bytes, or of
    what stands between two such places; the fewest from the front. None is only white space, unless
    the text is."""
    made: list[str] = []
    waiting, used = [""], 0
    for part in _parts(text, end):
        more = len(part.encode())
        if used and used + more > size and not part.isspace():
            made.append("".join(waiting))
            waiting, used = [], 0
        waiting.append(part)
        used += more if used or not part.isspace() else 0
    return [*made, "".join(waiting)] if text else []


def _parts(text: str, end: re.Pattern[str]) -> Iterator[str]:
    """The text between ends, each with its end."""
    bounds = [0, *(found.end() for found in end.finditer(text)), len(text)]
    yield from (text[start:stop] for start, stop in pairwise(bounds) if stop > start)
