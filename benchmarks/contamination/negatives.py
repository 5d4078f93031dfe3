"""Hard negatives: documents that share eight words in a row with an item, and hold none.

================  ================================================================================
sibling           an item of the same benchmark that nobody searches
form              a form of the benchmark ``forms``, filled in otherwise
a commonplace     a page with a text that an item quotes: famous, legal, licence, API, textbook
fragment          a page that says 8 to 12 words of an item as well, a quarter of it at most
================  ================================================================================
"""

import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from benchmarks.contamination.commonplaces import COMMONPLACES
from benchmarks.contamination.planting import Item, pages, planted
from midtrain_dagster.decontamination.ngram import build_seeds, match_ngrams
from midtrain_dagster.decontamination.searched import searched
from midtrain_dagster.decontamination.words import read_words

SHARED_WORDS = 8
FRAGMENT_WORDS = (8, 12)
LONG_LETTERS = 40
"""A sibling that has a searched question of so many letters in it is no negative."""

FRAGMENT_SHARE = 4
"""An item has at least so many times a fragment's words."""


def quotes(questions: list[str], half: str) -> tuple[list[str], list[str]]:
    """Passages of commonplaces, and the question that follows each: longer by half."""
    draw = random.Random(f"quotes {half}")
    texts = [text for each in COMMONPLACES.values() for text in each]
    passages, asked = [], []
    for question in [*questions, *questions]:
        size = 2 * len(question.split()) // 3
        if size < SHARED_WORDS + 1:
            continue
        words = draw.choice(texts).split(" ")
        size = min(size, 20, len(words))
        at = draw.randrange(len(words) - size + 1)
        passages.append(" ".join(words[at : at + size]))
        asked.append(question)
    return passages, asked


def negatives(
    items: list[Item], siblings: list[Item], forms: list[Item], half: str, size: int
) -> Iterator[tuple[Any, ...]]:
    """Rows (text, kind, None, None), before `sharing` looks at them. ``size`` is the number of
    fragments; of commonplaces half as many, of forms a quarter."""
    draw = random.Random(f"negatives {half}")
    filler = pages()
    begun = {_plain(item["question"]).rpartition(" ")[0] for item in items}
    for item in siblings:
        if any(each in _plain(item["question"]) for each in begun if len(each) >= LONG_LETTERS):
            continue
        text = f"{item['question']}\n{item['answer'] or ''}"
        yield _in_page(filler, text, draw), f"sibling: {item['benchmark']}", None, None
    for item in draw.sample(forms, min(size // 4, len(forms))):
        yield _in_page(filler, item["question"], draw), "form", None, None
    told = [(kind, text) for kind, texts in COMMONPLACES.items() for text in texts]
    for number in range(size // 2):
        kind, text = told[number % len(told)]
        yield _in_page(filler, text, draw), kind, None, None
    least, most = FRAGMENT_WORDS
    long = [item for item in items if len(item["question"].split()) >= FRAGMENT_SHARE * least]
    for _ in range(size):
        words = draw.choice(long)["question"].split()
        length = min(draw.randint(least, most), len(words) // FRAGMENT_SHARE)
        at = draw.randrange(len(words) - length + 1)
        fragment = " ".join(words[at : at + length])
        page = planted([draw.choice(filler)] * 2, fragment, "400 words", draw)
        yield page, "fragment", None, None


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _in_page(filler: list[str], text: str, draw: random.Random) -> str:
    return planted([draw.choice(filler)], text, "paragraph", draw)


def sharing(documents: pl.DataFrame, items: pl.DataFrame) -> pl.Series:
    """Of each document whether it shares ``SHARED_WORDS`` words in a row with an item."""
    made = searched(items, ngram=SHARED_WORDS, shortest=SHARED_WORDS)
    seeds = build_seeds(made.words, made.windows, made.own, SHARED_WORDS)
    found = np.zeros(documents.height, np.bool_)
    for start in range(0, documents.height, 500):
        words = read_words(documents["text"].slice(start, 500))
        found[start + np.unique(match_ngrams(words, made.words, seeds)[0])] = True
    return pl.Series(found)
