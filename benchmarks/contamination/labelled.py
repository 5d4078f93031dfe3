"""The labelled set of one half: the items that are searched, and documents with and without them.

The halves have other items, other pages and other draws. Thresholds are chosen on ``development``;
what docs/decontamination.md states is of ``held_out``.
"""

from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from benchmarks.contamination.items import (
    MADE_FORMS,
    form_items,
    quote_items,
    real_items,
    split,
    symbolic_items,
    symbolic_templates,
)
from benchmarks.contamination.negatives import negatives, quotes, sharing
from benchmarks.contamination.planting import DOCUMENTS, positives

OTHER_HALF = {"development": "held_out", "held_out": "development"}


class Labelled(NamedTuple):
    """What is searched, and in what."""

    items: pl.DataFrame
    documents: pl.DataFrame
    """``planting.DOCUMENTS``"""


def labelled(
    half: str, *, templates: Path | None, least: int, most: int, negative: int
) -> Labelled:
    """The set of a half: at least ``least`` documents a kind, and ``negative`` fragments."""
    real = real_items()
    _, asking = split(real.filter(benchmark="mmlu"), OTHER_HALF[half])
    quoting = quote_items(*quotes(asking["question"].to_list(), half))
    mine, siblings = split(pl.concat([real, symbolic_items(templates)]), half)
    forms = form_items()
    some, others = forms.head(MADE_FORMS), forms.slice(MADE_FORMS)
    if half == "held_out":
        some, others = forms.tail(MADE_FORMS), forms.head(forms.height - MADE_FORMS)
    others = others.filter(_apart(others["question"].to_list(), some["question"].to_list()))
    searched = pl.concat([mine, some, quoting])
    by_item = {each["item"]: each for each in symbolic_templates(templates)}
    rows: list[dict[str, Any]] = [
        {**item, **(by_item[item["item"]] if item["benchmark"] == "gsm_symbolic" else {})}
        for item in searched.iter_rows(named=True)
    ]
    without = negatives(rows, siblings.to_dicts(), others.to_dicts(), half, negative)
    hard = _table(without, "negative")
    hard = hard.filter(sharing(hard, searched))
    documents = pl.concat([_table(positives(rows, half, least, most), "positive"), hard])
    return Labelled(searched, documents)


def _table(rows: Any, prefix: str) -> pl.DataFrame:
    numbered = [(f"{prefix} {number}", *row) for number, row in enumerate(rows)]
    return pl.DataFrame(numbered, schema=DOCUMENTS, orient="row")


def _apart(forms: list[str], searched: list[str]) -> pl.Series:
    """Of each form whether it differs from each that is searched by more than two words: with one
    or two numbers or names changed it is the same item, as other kinds of this set have it."""
    sets = [set(each.split()) for each in searched]
    return pl.Series([min(len(set(each.split()) - other) for other in sets) > 2 for each in forms])
