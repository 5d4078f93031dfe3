"""A chunk of a document, its translation, and what comes back when that is translated again."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import polars as pl

from midtrain_dagster.synthesis import fidelity, long_pieces, loops
from midtrain_dagster.synthesis.long_pieces import chunks

VERSION = 1
USES = (fidelity, long_pieces, loops)

_NAMES = """
ar:Arabic bg:Bulgarian bn:Bengali ca:Catalan cs:Czech da:Danish de:German el:Greek en:English
es:Spanish et:Estonian fa:Persian fi:Finnish fr:French he:Hebrew hi:Hindi hr:Croatian hu:Hungarian
id:Indonesian is:Icelandic it:Italian ja:Japanese ko:Korean lt:Lithuanian lv:Latvian nl:Dutch
no:Norwegian pl:Polish pt:Portuguese ro:Romanian ru:Russian sk:Slovak sl:Slovenian sr:Serbian
sv:Swedish sw:Swahili ta:Tamil te:Telugu th:Thai tr:Turkish uk:Ukrainian ur:Urdu vi:Vietnamese
zh:Chinese
"""

LANGUAGES = dict(each.split(":") for each in _NAMES.split())
"""The languages that prompts can name, by lid.176's codes."""

LETTERS_JUDGED = 60
"""Letters from which a chunk's language is judged by itself."""
COPIED = 0.5
"""Share of a translation's word sequences that may be those of its chunk."""
LENGTHS = (0.4, 2.5)
"""Characters of a translation for each of its chunk, between languages of letters."""
SYLLABLES = frozenset({"ja", "ko", "zh"})
"""Languages whose characters are syllables or words: from and into them, four times as many or as
few will do."""

Reason = Literal[
    "empty",
    "unfinished",
    "remark",
    "loop",
    "too_short",
    "too_long",
    "numbers_changed",
    "term_lost",
    "copy",
    "not_in_language",
    "no_way_back",
    "lost_on_the_way_back",
    "other_chunk_lost",
    "document_not_in_language",
]

_NUMBER = re.compile(r"\d(?:[.,:'\u2019 \u00a0\u202f]?\d)*")
_LABEL = re.compile(r"\s*(?:translation|\w+ translation)\s*:\s*", re.I)


class Chunk(NamedTuple):
    """A stretch of a document that is translated by itself."""

    id: str
    document: str
    number: int
    """From 0, in the document."""
    text: str
    """Without the white space around it."""
    before: str
    after: str
    """That white space."""
    start: int
    stop: int
    """Bytes of it in the document, white space included."""


class Translated(NamedTuple):
    """What became of a chunk."""

    text: str
    reason: Reason | None
    back: str = ""
    chrf: float = 0.0


def chunks_of(documents: pl.DataFrame, size: int) -> Iterator[Chunk]:
    """The chunks of all documents."""
    for identity, text in documents.select("id", "text").iter_rows():
        at = 0
        for number, part in enumerate(chunks(text, size)):
            stop = at + len(part.encode())
            inner = part.strip()
            before = part[: len(part) - len(part.lstrip())] if inner else ""
            after = part[len(before) + len(inner) :]
            place = f"{identity}:{at}-{stop}"
            if inner:
                yield Chunk(place, identity, number, inner, before, after, at, stop)
            at = stop


def broken(
    chunk: Chunk, text: str, terms: Sequence[str], *, cut: bool, wide: bool
) -> Reason | None:
    """Why a translation is rejected by itself, or none; the first reason that holds is the one
    counted. ``terms`` are what has to stand in it; ``wide`` is whether one of the languages writes
    syllables."""
    size, factor = len(text) / len(chunk.text), 4 if wide else 1
    said, words = text.casefold(), fidelity.words_of(text)
    checks: dict[Reason, bool] = {
        "empty": not text,
        "unfinished": cut,
        "remark": fidelity.remark(text),
        "loop": loops.loops(text),
        "too_short": size < LENGTHS[0] / factor,
        "too_long": size > LENGTHS[1] * factor,
        "numbers_changed": figures(text) != figures(chunk.text),
        "term_lost": any(each.casefold() not in said for each in terms),
        "copy": len(words) > fidelity.SEQUENCE
        and fidelity.copied(words, fidelity.words_of(chunk.text)) > COPIED,
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def parse(completion: str) -> str:
    """The translation, without a label before it and quotation marks around it."""
    text = _LABEL.sub("", completion, count=1) if _LABEL.match(completion) else completion
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2
    return text[1:-1].strip() if quoted else text


def figures(text: str) -> Counter[str]:
    """The numbers of a text by their digits alone: a separator is a matter of language."""
    found = (re.sub(r"\D", "", each) for each in _NUMBER.findall(text))
    return Counter("".join(str(int(digit)) for digit in each) for each in found)


def chrf(text: str, reference: str) -> float:
    """The character n-gram F-score of a text, 0 to 100, by sacrebleu."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().sentence_score(text, [reference]).score)
