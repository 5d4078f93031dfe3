"""Cloze questions made of documents: a word of a sentence is hidden, among others like it.

What is hidden is a number, a name or a content word that stands nowhere else in what is shown, so
that it is known and not copied (Taylor 1953 has the procedure; LAMBADA, Paperno et al. 2016, arXiv
1606.06031, hides a sentence's last word, here any but the first three). What stands before it is
read, and every answer is scored with the rest of the sentence behind it.

**Chance is what it says.** Wrong answers are what other questions of the same kind hide, not words
of the corpus: right and wrong ones are drawn alike, so who looks at the answers alone (a model that
prefers frequent words, say) is right in ``1 / (1 + distractors)`` of the cases on average. Kinds
are numbers of the same shape, names, and words of the same ending, so that grammar tells little.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Literal, NamedTuple

import polars as pl

from midtrain_dagster.core import draws

VERSION = 1
USES = (draws,)

Kind = Literal["number", "name", "word"]

ITEMS = pl.Schema(
    {
        "document": pl.String(),
        "topic": pl.UInt16(),
        "kind": pl.String(),
        "before": pl.String(),
        "after": pl.String(),
        "answers": pl.List(pl.String()),
        "right": pl.UInt8(),
        "held_out": pl.Boolean(),
    }
)
"""A question a document: what is read, what follows the blank, the answers, and which is right."""

READ_CHARACTERS = 8_000
"""Of a document: its questions are of its beginning."""

SPARE = 3
"""Words that are hidden for each question that is wanted: some are of a kind that is too rare."""

TRIES = 8
"""Sentences of a document that are looked at."""

SENTENCE = (40, 400)
"""Characters of a sentence that is asked about."""

FIRST_WORDS = 3
"""Words of a sentence that are never hidden: something has to be read before."""

WORD_LETTERS = 5

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
_TOKEN = re.compile(r"\d[\d.,]{0,20}\d|\d|[^\W\d_]+")
_EMPTY = (
    "about above after again against among another because became become before being below "
    "between could doing during either every everything first however itself later least might "
    "often other others quite rather second several should since something still their theirs "
    "themselves there these thing things third those though three through together toward "
    "towards under until using usually where whether which while whose within without would "
    "yourself"
)
_EMPTY_WORDS = frozenset(_EMPTY.split())


class Blank(NamedTuple):
    """A word that can be hidden, with what stands around it."""

    document: str
    kind: Kind
    before: str
    hidden: str
    after: str


def blank(document: str, text: str, *, context_bytes: int, seed: int) -> Blank | None:
    """The blank of a document: a sentence, a kind and a word of it, drawn by hash; None where
    nothing can be hidden."""
    read = text[:READ_CHARACTERS]
    spans = [
        (start, stop)
        for start, stop in _sentences(read)
        if SENTENCE[0] <= stop - start <= SENTENCE[1]
    ]
    drawn = sorted(spans, key=lambda span: draws.place(f"{document}/{span[0]}", seed))
    for start, stop in drawn[:TRIES]:
        context = _last_bytes(read[:start], context_bytes)
        sentence = " ".join(read[start:stop].split())
        found = list(_hidden(context, sentence))
        if not found:
            continue
        kinds = sorted({kind for kind, _ in found})
        kind = min(kinds, key=lambda each: draws.place(f"{document}/{start}/{each}", seed))
        _, at = min(
            (each for each in found if each[0] == kind),
            key=lambda each: draws.place(f"{document}/{start}/{each[1].start()}", seed),
        )
        before = f"{context} {sentence[: at.start()]}".strip()
        return Blank(document, kind, before, at[0], sentence[at.end() :])
    return None


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans of sentences that have an end, without the white space around them."""
    bounds = [0, *(end.end() for end in _SENTENCE_END.finditer(text)), len(text)]
    for start, stop in pairwise(bounds):
        sentence = text[start:stop]
        stripped = sentence.strip()
        if stripped.endswith((".", "!", "?")):
            begin = start + len(sentence) - len(sentence.lstrip())
            yield begin, begin + len(stripped)


def _last_bytes(text: str, size: int) -> str:
    """The end of a text, on one line, from the beginning of a word."""
    whole = " ".join(text.split())
    encoded = whole.encode()
    if len(encoded) <= size:
        return whole
    return encoded[len(encoded) - size :].decode(errors="ignore").partition(" ")[2]


def _hidden(context: str, sentence: str) -> Iterator[tuple[Kind, re.Match[str]]]:
    """Every token of a sentence that may be hidden, with its kind.

    It follows white space, since an answer is read after one, and stands in no other place of what
    is shown, not even inside of another word.
    """
    shown = f"{context} {sentence}".casefold()
    for number, token in enumerate(_TOKEN.finditer(sentence)):
        kind = _kind(token[0])
        if number < FIRST_WORDS or kind is None or sentence[token.start() - 1] != " ":
            continue
        follows = sentence[token.end() : token.end() + 1]
        if follows and (follows.isalnum() or follows in "_'\u2019-"):
            continue
        if shown.count(token[0].casefold()) == 1:
            yield kind, token


def _kind(token: str) -> Kind | None:
    if token[0].isdigit():
        return "number"
    if token[0].isupper():
        return "name" if len(token) > 2 else None
    return "word" if len(token) >= WORD_LETTERS and token not in _EMPTY_WORDS else None


def likeness(kind: str, hidden: str) -> str:
    """What wrong answers have in common with the right one: kind, and a number's shape or a word's
    ending."""
    if kind == "number":
        return f"number {re.sub(r'[0-9]', '0', hidden)}"
    return f"word {hidden[-2:]}" if kind == "word" else kind


def questions(
    documents: pl.DataFrame, *, items: int, distractors: int, context_bytes: int, seed: int
) -> pl.DataFrame:
    """Questions (``ITEMS``) of documents (``id``, ``text``, ``topic``, ``held_out``).

    Each topic has an equal share of the questions, of the documents that are drawn first; each
    document has one. A question for which there are too few others of its kind is left out.
    Documents that are held out and others are asked apart, and make no answers for each other.
    """
    made = [
        _of_one_side(each, items, distractors, context_bytes, seed)
        for _, each in sorted(documents.group_by("held_out"))
    ]
    return pl.concat([ITEMS.to_frame(), *made])


def _of_one_side(
    documents: pl.DataFrame, items: int, distractors: int, context_bytes: int, seed: int
) -> pl.DataFrame:
    blanks: list[tuple[Blank, int]] = []
    topics = documents["topic"].unique().sort()
    wanted = -(-items // len(topics))
    for topic in topics:
        of_topic = documents.filter(topic=topic)
        drawn = draws.first(of_topic.select("id", "text"), count=of_topic.height, seed=seed)
        found = (
            blank(identity, text, context_bytes=context_bytes, seed=seed)
            for identity, text in drawn.iter_rows()
        )
        blanks += [(each, topic) for each in islice(filter(None, found), SPARE * wanted)]
    made = pl.DataFrame(
        list(_with_answers(blanks, distractors=distractors, seed=seed)),
        schema=ITEMS.names()[:-1],
        orient="row",
        schema_overrides=ITEMS,
    )
    first = pl.int_range(pl.len()).over("topic") < wanted
    return made.filter(first).with_columns(held_out=documents["held_out"][0]).cast(ITEMS)


def _with_answers(
    blanks: list[tuple[Blank, int]], *, distractors: int, seed: int
) -> Iterator[tuple[str, int, str, str, str, list[str], int]]:
    """The questions, each with the next words of its kind, in a ring in random order."""
    rings: dict[str, list[Blank]] = {}
    for each, _ in sorted(blanks, key=lambda one: draws.place(one[0].document, seed)):
        rings.setdefault(likeness(each.kind, each.hidden), []).append(each)
    places = {
        each.document: (ring, place) for ring in rings.values() for place, each in enumerate(ring)
    }
    for each, topic in blanks:
        ring, place = places[each.document]
        wrong = _wrong(each, [*ring[place + 1 :], *ring[:place]], distractors)
        if len(wrong) < distractors:
            continue
        right = draws.place(f"{each.document}/right", seed) % (distractors + 1)
        answers = [*wrong[:right], each.hidden, *wrong[right:]]
        yield each.document, topic, each.kind, each.before, each.after, answers, right


def _wrong(asked: Blank, others: list[Blank], count: int) -> list[str]:
    """The first words of others that are no answer of this question yet, nor shown in it."""
    shown = f"{asked.before} {asked.after}".casefold()
    taken = {asked.hidden.casefold()}
    wrong: list[str] = []
    for other in others:
        word = other.hidden.casefold()
        if len(wrong) < count and word not in taken and word not in shown:
            taken.add(word)
            wrong.append(other.hidden)
    return wrong
