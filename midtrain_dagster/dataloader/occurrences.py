"""Who saw what: the documents of a step, and the steps of a document, exactly.

Both are asked of the plan, which is a pure function, so nothing is replayed and nothing was logged
during training. A document that sampling repeats stands in the shards several times, its copies as
``ID#2`` and so on (``tokens.splits``); here they are one document again.
"""

import re

import polars as pl

from midtrain_dagster.dataloader.fill_in_the_middle import Middle
from midtrain_dagster.dataloader.plan import Plan, Window

COPY = r"#(\d+)$"

SIGHTINGS = pl.Schema(
    {
        "copy": pl.Int64,
        "step": pl.Int64,
        "slot": pl.Int64,
        "start": pl.Int64,
        "stop": pl.Int64,
    }
)
"""Where a document is seen: tokens ``[start, stop)`` of a copy of it, in a window of a step."""


def copies(ids: pl.Series, identity: str) -> dict[int, str]:
    """The ids under which the shards (``ids``) hold a document, by the number of the copy.

    The document itself is copy 1. Empty for one that the shards do not hold.
    """
    found = ids.filter(ids.str.contains(f"^{pl.escape_regex(identity)}(?:#\\d+)?$"))
    numbered = {_copy(each, identity): each for each in found}
    return dict(sorted(numbered.items()))


def _copy(identity: str, original: str) -> int:
    number = re.search(COPY, identity.removeprefix(original))
    return int(number[1]) if number else 1


def sightings(plan: Plan, identity: str) -> pl.DataFrame:
    """Every step that sees a document, in order of the steps, with the schema ``SIGHTINGS``.

    Empty for a document that the shards do not hold.
    """
    seen = [
        plan.steps_of_document(each).select(pl.lit(number, pl.Int64).alias("copy"), pl.all())
        for number, each in copies(plan.shards.ids, identity).items()
    ]
    order = ("step", "slot", "copy", "start")
    return pl.concat([SIGHTINGS.to_frame(), *seen]).sort(order)


def spans_of_step(plan: Plan, step: int) -> pl.DataFrame:
    """What a step sees: domain, slot, id, document, copy, start, stop and length; a row a span.

    ``id`` is as in the shards, ``document`` without the number of the copy, ``length`` all its
    tokens. Raises IndexError for a step outside the plan.
    """
    known = plan.shards.ids
    lengths = pl.DataFrame({"id": known, "length": plan.shards.lengths})
    stem = pl.col("id").str.replace(COPY, "")
    # An id that merely looks like a copy's has no original beside it.
    is_copy = (stem != pl.col("id")) & stem.is_in(known.implode())
    number = pl.col("id").str.extract(COPY).cast(pl.Int64)
    return (
        plan.documents_of_step(step)
        .join(lengths, on="id", how="left", maintain_order="left")
        .select(
            *("domain", "slot", "id"),
            pl.when(is_copy).then(stem).otherwise("id").alias("document"),
            pl.when(is_copy).then(number).otherwise(1).alias("copy"),
            *("start", "stop", "length"),
        )
    )


def middles_of_step(plan: Plan, step: int) -> list[Middle | None]:
    """How each span of a step is turned (``fill_in_the_middle``), in the order of
    ``spans_of_step``; None: it is not. Raises IndexError for a step outside the plan."""
    windows = [plan.window(step, slot) for slot in range(plan.windows_of(step))]
    return [middle for window in windows for middle in _middles(window)]


def middles_of(plan: Plan, identity: str, seen: pl.DataFrame) -> list[Middle | None]:
    """How a document is turned where it is ``seen`` (``SIGHTINGS``), a row each."""
    if plan.fill_in_the_middle is None:
        return [None] * seen.height
    known = copies(plan.shards.ids, identity)
    found = []
    for copy, step, slot, start, stop in seen.iter_rows():
        window = plan.window(step, slot)
        span = (plan.shards.number_of(known[copy]), start, stop)
        found.append(_middles(window)[[tuple(each) for each in window.spans].index(span)])
    return found


def _middles(window: Window) -> tuple[Middle | None, ...]:
    return window.middles or (None,) * len(window.spans)
