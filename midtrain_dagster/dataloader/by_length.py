"""What a stage is to read and reads of each class of length, relative to its window.

Where the mixture has ``length_classes``, these are the classes, and each domain of a class of its
own is one more; elsewhere they are the standard ones, and what is planned is what the domains'
documents have of each.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.dataloader.by_group import tokens_between
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.mixture.length_class import STANDARD, bounds, labels

LENGTHS = pl.Schema(
    {"class": pl.String, "planned": pl.Float64, "delivered": pl.Float64, "tokens": pl.Int64}
)
"""A class of length; its share of all tokens that the mixture asks for, and of those that the
windows hold; how many these are."""

COURSE = pl.Schema(
    {
        "class": pl.String,
        "begin": pl.Int64,
        "end": pl.Int64,
        "planned": pl.Float64,
        "delivered": pl.Float64,
    }
)
"""The same by parts of the stage, from tokens with padding to tokens."""


class Classes(NamedTuple):
    """The classes of a plan's documents."""

    names: list[str]
    of_document: list[np.ndarray]
    """Of each pool, the number of each of its documents' class."""


def has_classes(plan: Plan) -> bool:
    """Whether its windows are long enough for classes: a quarter of them is a token or more."""
    rule = plan.mixture.length_classes
    return rule is not None or plan.sequence_length > 1 / STANDARD[1]


def classes_of(plan: Plan) -> Classes:
    """The classes that a stage's documents are of: its rule's, or the standard ones.

    Raises ValueError for windows too short for them (``has_classes``).
    """
    rule = plan.mixture.length_classes
    starts = STANDARD if rule is None else [each.start for each in rule.classes]
    own = () if rule is None else sorted(set(rule.own_class) & {p.domain for p in plan.pools})
    names, least = labels(starts), bounds(starts, plan.sequence_length)
    number = {domain: len(names) + place for place, domain in enumerate(own)}
    found = []
    for pool in plan.pools:
        lengths = plan.shards.lengths[pool.documents]
        by_length = np.searchsorted(least, lengths, side="right") - 1
        alone = number.get(pool.domain)
        found.append(by_length if alone is None else np.full(len(lengths), alone))
    return Classes([*names, *own], found)


def lengths_of(plan: Plan) -> pl.DataFrame:
    """What a stage is to read and reads of each class, over all of it (``LENGTHS``)."""
    classes = classes_of(plan)
    size = len(classes.names)
    planned, delivered = tokens_between(plan, classes.of_document, size, 0, plan.steps)
    return pl.DataFrame(
        {
            "class": classes.names,
            "planned": planned / planned.sum(),
            "delivered": delivered / delivered.sum(),
            "tokens": delivered,
        },
        schema=LENGTHS,
    )


def course_by_length(plan: Plan, parts: int) -> pl.DataFrame:
    """The same in each of up to ``parts`` parts (``COURSE``); a row a part and class, in order."""
    classes = classes_of(plan)
    rows: list[tuple[str, int, int, float, float]] = []
    for first, last in pairwise(plan.edges(parts)):
        begin, end = plan.tokens_before(first), plan.tokens_before(last)
        size = len(classes.names)
        planned, delivered = tokens_between(plan, classes.of_document, size, first, last)
        shares = zip(
            classes.names,
            (planned / planned.sum()).tolist(),
            (delivered / delivered.sum()).tolist(),
            strict=True,
        )
        rows += [(name, begin, end, wanted, given) for name, wanted, given in shares]
    return pl.DataFrame(rows, COURSE, orient="row")


def largest_documents(plan: Plan) -> dict[tuple[str, str], float]:
    """Of each domain and class that is drawn from, the share of its tokens that its longest
    document has."""
    return {
        (pool.domain, pool.kind): float(lengths.max() / lengths.sum())
        for pool in plan.pools
        for lengths in [plan.shards.lengths[pool.documents]]
    }
