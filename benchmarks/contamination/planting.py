"""The labelled documents: an item planted in a page in each of ``KINDS``, and the page alone.

A row of the set is a document; ``item`` is the planted one, null of a negative.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import polars as pl

from benchmarks.contamination.items import DATA
from benchmarks.contamination.paraphrase import paraphrased
from benchmarks.contamination.renamed import renamed
from benchmarks.contamination.ways import (
    damaged,
    disguised,
    first_half,
    other_names,
    other_numbers,
    reordered,
    rewrapped,
    with_choices,
)

PAGES = DATA / "evals/evals/registry/data/schelling_point"
AMID_WORDS = 400
AMID_BYTES = 20_000
SHORT_WORDS = 13
"""A short item's question has fewer words, as spaces part them."""

DOCUMENTS = pl.Schema(
    {
        "id": pl.String,
        "text": pl.String,
        "kind": pl.String,
        "benchmark": pl.String,
        "item": pl.String,
    }
)

Item = dict[str, Any]
Change = Callable[[Item, random.Random], str | None]

MADE = ("forms", "quotes", "gsm_symbolic")
"""Benchmarks that are planted in the kinds that leave an item's words as they are."""


class Way(NamedTuple):
    """How an item is planted."""

    text: Change
    found_by: tuple[str, ...]
    """The kinds of text by which it can be found (`item_texts`)."""
    where: str = "paragraph"
    """``paragraph`` of its own in a page, ``alone``, or amid ``400 words`` or ``20 kB``."""
    whole: bool = False
    """Whether the words are all there, so that made benchmarks are planted too."""


def _both(item: Item, _: random.Random) -> str:
    return f"{item['question']}\n{item['answer'] or ''}".strip()


def _question(item: Item, _: random.Random) -> str:
    return str(item["question"])


def _answer(item: Item, _: random.Random) -> str | None:
    return item["answer"] or None


def _short(item: Item) -> bool:
    return len(item["question"].split()) < SHORT_WORDS


QUESTION = ("question", "question_choices")
BOTH = ("question", "question_answer")

KINDS = {
    "verbatim": Way(_both, BOTH, where="alone", whole=True),
    "re-wrapped, re-cased": Way(
        lambda item, draw: rewrapped(item["question"], draw), ("question",), whole=True
    ),
    "disguised": Way(lambda item, draw: disguised(_both(item, draw), draw), BOTH, whole=True),
    "own paragraph": Way(_both, BOTH, whole=True),
    "amid 400 words": Way(_question, ("question",), where="400 words", whole=True),
    "amid 20 kB": Way(_question, ("question",), where="20 kB", whole=True),
    "question only": Way(_question, ("question",), whole=True),
    "short, with choices": Way(
        lambda item, draw: (
            with_choices(item["question"], item["choices"], draw, shuffled=False)
            if _short(item)
            else None
        ),
        QUESTION,
    ),
    "short, question only": Way(
        lambda item, _: item["question"] if _short(item) else None, ("question",)
    ),
    "choices shuffled": Way(
        lambda item, draw: with_choices(item["question"], item["choices"], draw, shuffled=True),
        QUESTION,
    ),
    "5% of words damaged": Way(
        lambda item, draw: damaged(item["question"], draw, 0.05), ("question",)
    ),
    "15% of words damaged": Way(
        lambda item, draw: damaged(item["question"], draw, 0.15), ("question",)
    ),
    "numbers changed": Way(lambda item, draw: other_numbers(item["question"], draw), ("question",)),
    "names changed": Way(lambda item, draw: other_names(item["question"], draw), ("question",)),
    "same template": Way(
        lambda item, draw: (
            draw.choice(item["other_numbers"]) if item.get("other_numbers") else None
        ),
        ("question",),
    ),
    "code renamed": Way(
        lambda item, draw: renamed(item["question"], item["answer"] or "", draw),
        ("question_answer", "signature_answer"),
    ),
    "sentences reordered": Way(lambda item, draw: reordered(item["question"], draw), ("question",)),
    "answer only": Way(_answer, ("answer",)),
    "first half": Way(lambda item, _: first_half(item["question"]), ("question",)),
    "paraphrased by rules": Way(
        lambda item, draw: paraphrased(item["question"], draw), ("question",)
    ),
    "translated": Way(
        lambda item, draw: (
            draw.choice(list(item["translated"].values())) if "translated" in item else None
        ),
        ("question",),
    ),
}


def pages() -> list[str]:
    """Passages of the web and of Wikipedia, 200 words each or less."""
    names = ("owt_5", "wikipedia_5")
    lines = [line for name in names for line in (PAGES / f"{name}.jsonl").open(encoding="utf-8")]
    return [json.loads(line)["0"] for line in lines]


def planted(page: list[str], text: str, where: str, draw: random.Random) -> str:
    """The text in a page; ``page`` are passages, of which as many are taken as ``where`` needs."""
    if where == "alone":
        return text
    if where == "paragraph":
        words = page[0].split(" ")
        at = draw.randrange(len(words) + 1)
        return "\n\n".join((" ".join(words[:at]), text, " ".join(words[at:])))
    words = " ".join(page).split(" ")
    size = AMID_WORDS if where == "400 words" else len(words)
    words = words[:size]
    at = draw.randrange(len(words) // 4, 3 * len(words) // 4)
    return " ".join((*words[:at], text, *words[at:]))


def passages_for(where: str, filler: list[str], draw: random.Random) -> list[str]:
    """Passages enough for ``where``."""
    needed = {"400 words": 6_000, "20 kB": AMID_BYTES}.get(where, 1)
    taken: list[str] = []
    while sum(len(each) for each in taken) < needed:
        taken.append(draw.choice(filler))
    return taken


def positives(items: list[Item], half: str, least: int, most: int) -> Iterator[tuple[Any, ...]]:
    """Rows (text, kind, benchmark, item): of each kind at least ``least``, if an item of a kind can
    be planted at all, in as many pages as that takes; at most ``most`` of a kind and benchmark."""
    filler = pages()
    for kind, way in KINDS.items():
        draw = random.Random(f"{half} {kind}")
        by_benchmark: dict[str, list[tuple[Item, str]]] = {}
        rounds = 0
        while rounds == 0 or (0 < sum(map(len, by_benchmark.values())) < least):
            rounds += 1
            for item in draw.sample(items, len(items)):
                if item["benchmark"] in MADE and not (way.whole or item["benchmark"] == MADE[2]):
                    continue
                kept = by_benchmark.setdefault(item["benchmark"], [])
                text = way.text(item, draw) if len(kept) < most * rounds else None
                if text:
                    kept.append((item, text))
        for kept in by_benchmark.values():
            for item, text in kept:
                page = passages_for(way.where, filler, draw)
                told = planted(page, text, way.where, draw)
                yield told, kind, item["benchmark"], item["item"]
