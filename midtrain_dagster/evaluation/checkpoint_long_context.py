"""One checkpoint's answers over long contexts, as a unit of work.

The checkpoint's folder, with the recipe's tokenizer, and the held-out shards come as files.
Contexts are filled from the longest held-out documents, as text: no checkpoint was trained on
them.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from midtrain_dagster.core.causes import Versions, versions_of
from midtrain_dagster.evaluation import long_context
from midtrain_dagster.evaluation.long_context import by_cell, by_item
from midtrain_dagster.long_context.encoder import Tokens
from midtrain_dagster.long_context.items import items
from midtrain_dagster.long_context.settings import LongContext
from midtrain_dagster.models.load import load_to_evaluate
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.tokens.splits import open_shards

VERSION = 1
USES = (long_context,)

STRETCH = 8
"""Of a document so many times the longest context are read, from which stretches are drawn."""


def versions(settings: LongContext) -> Versions:
    """The versions of this module, of what it uses, and of each task."""
    tasks = {type(task).__module__ for task in settings.tasks.values()}
    return versions_of(sys.modules[__name__], *(sys.modules[name] for name in sorted(tasks)))


def measure(
    *,
    model: Path,
    shards: Path,
    dtype: str,
    checkpoint: str,
    settings: LongContext,
    domains: list[str],
) -> dict[str, pl.DataFrame]:
    """What one checkpoint finds.

    Returns ``found`` (``long_context.FOUND``) and ``found_by_item`` (``BY_ITEM``), each with the
    checkpoint. ``domains`` are those whose documents fill contexts.
    """
    tokenizer = load_tokenizer(model)
    opened = open_shards(shards, dtype=dtype)
    most = STRETCH * settings.lengths[-1]
    texts = [
        str(tokenizer.decode(opened.tokens(number, 0, min(most, size)), skip_special_tokens=True))
        for number, size in longest(opened, domains, settings.documents)
    ]
    asked = items(
        settings.tasks,
        Tokens(tokenizer),
        texts,
        lengths=settings.lengths,
        depths=settings.depths,
        count=settings.items,
        distractors=settings.distractors,
        seed=settings.seed,
    )
    answered = by_item(load_to_evaluate(model), tokenizer, asked)
    name = pl.lit(checkpoint).alias("checkpoint")
    return {
        "found": by_cell(answered).select(name, pl.all()),
        "found_by_item": answered.select(name, pl.all()),
    }


def longest(shards: TokenShards, domains: list[str], count: int) -> list[tuple[int, int]]:
    """Number and tokens of the longest documents of the domains, the longest first."""
    numbers = [
        int(number)
        for domain in domains
        if domain in shards.domains
        for number in shards.documents_of(domain)
    ]
    lengths = np.asarray(shards.lengths)
    sized = [(number, int(lengths[number])) for number in numbers]
    return sorted(sized, key=lambda each: (-each[1], each[0]))[:count]
