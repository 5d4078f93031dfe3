"""What curation removed: by source, against its ceiling, and step by step as a funnel.

Near-duplicate removal once left 2 of 859,092 documents of a templated source, and a filter made for
prose empties a source of code. Neither shows in a total. So every source has a ceiling, and passing
it stops the run with the reasons, a few texts to look at, and the fields of the recipe behind them.

What is removed only grows from step to step, so a run stops as soon as a step shows that it must.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from midtrain_dagster.core.problems import Location
from midtrain_dagster.curation.remedies import field_behind
from midtrain_dagster.curation.steps import STEPS, step_of
from midtrain_dagster.display import losses as display
from midtrain_dagster.display.losses import Loss, Reason

VERSION = 1

EXAMPLES = (3, 1)
"""Documents that are shown of the reason that took most of a source, and of the second."""

EXAMPLE_CHARACTERS = 100

TOLD = 5
"""Sources that are told of in the terminal, and those that lost this much or less are not."""
WORTH_TELLING = 0.1
TOLD_REASONS = 3

REASONS = pl.Schema({"source": pl.String(), "reason": pl.String(), "documents": pl.UInt32()})
"""Documents of each source by the reason of their decision (``kept``, or why not)."""

REMOVAL = pl.Schema(
    {
        "source": pl.String(),
        "documents": pl.UInt32(),
        "removed": pl.UInt32(),
        "share": pl.Float64(),
        "reasons": pl.List(pl.Struct({"reason": pl.String(), "documents": pl.UInt32()})),
    }
)

FUNNEL = pl.Schema(
    {
        "step": pl.String(),
        "source": pl.String(),
        "kind": pl.String(),
        "documents": pl.UInt64(),
        "characters": pl.UInt64(),
    }
)


class RemovalCeilingError(ValueError):
    """Curation would drop a larger share of a source than its ceiling allows."""


def reasons(
    documents: pl.DataFrame | pl.LazyFrame, decisions: pl.DataFrame | pl.LazyFrame
) -> pl.DataFrame:
    """How many documents (columns id, source) of each source have which reason, ``kept`` too.

    Returns the columns of REASONS. Raises ValueError if a document has no decision.
    """
    counted = (
        _joined(decisions, documents.lazy().select("id", "source"))
        .group_by("source", "reason")
        .agg(documents=pl.len())
        .sort("source", "reason")
        .collect()
    )
    _check_decided(counted)
    return counted.cast(REASONS)


def reasons_so_far(eligibility: pl.LazyFrame) -> pl.DataFrame:
    """The same of documents that are only judged by themselves, where a reason of null is nothing
    against one: the least that curation removes."""
    reason = pl.col("reason").fill_null("kept")
    counted = eligibility.select("source", reason).group_by("source", "reason")
    return counted.agg(documents=pl.len()).sort("source", "reason").collect().cast(REASONS)


def removal_by_source(counted: pl.DataFrame) -> pl.DataFrame:
    """How many documents of each source are dropped, and for what, of REASONS (of many parts).

    Returns the columns of REMOVAL, sorted by source; ``reasons`` come most frequent first. What a
    sample left out is not counted: the recipe's budget says how much that is.
    """
    counted = counted.group_by("source", "reason").agg(pl.col("documents").sum())
    dropped = (
        counted.filter(pl.col("reason") != "kept", ~pl.col("reason").str.starts_with("sampling:"))
        .sort("source", "documents", "reason", descending=[False, True, False])
        .group_by("source", maintain_order=True)
        .agg(
            removed=pl.col("documents").sum(),
            reasons=pl.struct("reason", "documents"),
        )
    )
    return (
        counted.group_by("source")
        .agg(pl.col("documents").sum())
        .join(dropped, on="source", how="left")
        .with_columns(
            pl.col("removed").fill_null(0),
            pl.col("reasons").fill_null(pl.lit([], dtype=REMOVAL["reasons"])),
        )
        .with_columns(share=pl.col("removed") / pl.col("documents"))
        .select(REMOVAL.names())
        .cast(REMOVAL)
        .sort("source")
    )


def told(counted: pl.DataFrame) -> list[str]:
    """What curation removed (of REASONS), in lines for a terminal: how much is kept of all, what
    was dropped for its language, then the sources that lost most with the reasons that took most of
    them."""
    total, kept = (
        int(table["documents"].sum()) for table in (counted, counted.filter(reason="kept"))
    )
    sampled = counted.filter(pl.col("reason").str.starts_with("sampling:"))["documents"].sum()
    left_out = f", {sampled:,} more were not sampled" if sampled else ""
    first = f"{kept:,} of {total:,} kept{left_out}"
    lost = removal_by_source(counted).filter(pl.col("share") > WORTH_TELLING)
    worst = lost.sort("share", "source", descending=[True, False]).head(TOLD)
    return [first, *_languages(counted), *map(_told, worst.iter_rows(named=True))]


def _languages(counted: pl.DataFrame) -> Iterator[str]:
    """Documents dropped for their language, by language, the most frequent first."""
    spoken = pl.col("reason").str.strip_prefix("language:")
    dropped = (
        counted.filter(pl.col("reason").str.starts_with("language:"))
        .group_by(spoken)
        .agg(pl.col("documents").sum())
        .sort("documents", "reason", descending=[True, False])
    )
    if dropped.height:
        named = [f"{count:,} {language}" for language, count in dropped.head(TOLD).iter_rows()]
        more = dropped["documents"][TOLD:].sum()
        others = [f"{more:,} others"] if more else []
        total = dropped["documents"].sum()
        yield f"{total:,} dropped for their language: {', '.join([*named, *others])}"


def _told(row: Mapping[str, Any]) -> str:
    named = [
        Reason(each["reason"], each["documents"], share=each["documents"] / row["documents"])
        for each in row["reasons"]
    ]
    more = [f"and {len(named) - TOLD_REASONS} more reasons"] if len(named) > TOLD_REASONS else []
    why = ", ".join([*(each.counted for each in named[:TOLD_REASONS]), *more])
    return f"{row['source']}: {row['removed']:,} of {row['documents']:,} dropped: {why}"


Examples = Callable[[str, str, int], list[str]]
"""A line for each of the first so many documents that a source loses for a reason."""


def check_removal(
    removal: pl.DataFrame,
    ceilings: Mapping[str, float],
    *,
    examples: Examples,
    place: Callable[[Location], str],
    so_far: bool = False,
) -> None:
    """Raise if a source loses a larger share of its documents than its ceiling allows.

    ``removal`` has the columns of REMOVAL, ``ceilings`` the ceiling of each source in it; ``place``
    says where a field stands in the recipe's file. ``so_far``: later steps may remove more.
    Raises RemovalCeilingError, listing every such source, those that pass their ceiling by most
    first: its reasons, with the fields behind the two that took most and some of their documents.
    """
    over = [row for row in removal.iter_rows(named=True) if row["share"] > ceilings[row["source"]]]
    over.sort(key=lambda row: (ceilings[row["source"]] - row["share"], row["source"]))
    if not over:
        return
    losses = [_loss(row, ceilings[row["source"]], examples, place) for row in over]
    kept = "What was made is kept: another ceiling makes nothing anew."
    if so_far:
        kept = f"What later steps drop is not counted yet. {kept}"
    raise RemovalCeilingError(display.over_ceilings(losses, "dropped", kept))


def _loss(
    row: Mapping[str, Any], ceiling: float, examples: Examples, place: Callable[[Location], str]
) -> Loss:
    source, reasons = row["source"], []
    for number, found in enumerate(row["reasons"]):
        shown: tuple[str, ...] = ()
        field = ""
        if number < len(EXAMPLES):
            where, say = field_behind(found["reason"], source)
            field = place(where) + (f": {say}" if say else "")
            shown = tuple(examples(source, found["reason"], EXAMPLES[number]))
        share = found["documents"] / row["documents"]
        reasons.append(Reason(found["reason"], found["documents"], shown, share, field))
    ceiling_field = place(("curation", "removal_ceilings", source))
    return Loss(
        source,
        f"{row['removed']:,} of {row['documents']:,} documents",
        row["share"],
        tuple(reasons),
        ceiling,
        f"or allow it, {ceiling_field}: {display.allowance(row['share'])}",
    )


def examples_of(documents: pl.LazyFrame, decisions: pl.LazyFrame) -> Examples:
    """Documents (columns id, source, locator, text) with what was decided on them (id, reason)."""

    def examples(source: str, reason: str, count: int) -> list[str]:
        shown = (
            documents.filter(pl.col("source") == source)
            .join(decisions.filter(pl.col("reason") == reason), on="id", how="semi")
            .select("id", "locator", text=pl.col("text").str.head(EXAMPLE_CHARACTERS))
            .sort("id")
            .head(count)
            .collect()
        )
        return [
            f"{identity[:12]} {locator}: {' '.join((text or '').split())!r}"
            for identity, locator, text in shown.iter_rows()
        ]

    return examples


def funnel(
    documents: pl.DataFrame | pl.LazyFrame, decisions: pl.DataFrame | pl.LazyFrame
) -> pl.DataFrame:
    """Documents and characters that remain after each step, by source and kind.

    ``documents`` has id, source, kind and characters. Returns the columns of FUNNEL, in the order
    of the steps; the first, "collected", is everything. Raises ValueError if a document has no
    decision.
    """
    measured = documents.lazy().select("id", "source", "kind", "characters")
    counted = (
        _joined(decisions, measured)
        .group_by("source", "kind", "reason")
        .agg(documents=pl.len(), characters=pl.col("characters").cast(pl.UInt64).sum())
        .collect()
    )
    _check_decided(counted)
    order = {step: number for number, step in enumerate(STEPS)}
    dropped_at = step_of(pl.col("reason")).replace_strict(
        order, default=len(STEPS), return_dtype=pl.Int64
    )
    stays = pl.col("dropped_at") > pl.col("number")
    return (
        counted.with_columns(dropped_at=dropped_at)
        .join(pl.DataFrame({"step": STEPS, "number": range(len(STEPS))}), how="cross")
        .group_by("number", "step", "source", "kind")
        .agg(pl.col("documents", "characters").filter(stays).sum())
        .sort("number", "source", "kind")
        .select(FUNNEL.names())
        .cast(FUNNEL)
    )


def _joined(
    decisions: pl.DataFrame | pl.LazyFrame, documents: pl.DataFrame | pl.LazyFrame
) -> pl.LazyFrame:
    return documents.lazy().join(decisions.lazy().select("id", "reason"), on="id", how="left")


def _check_decided(counted: pl.DataFrame) -> None:
    undecided = counted.filter(pl.col("reason").is_null())
    if undecided.height:
        raise ValueError(
            f"{undecided['documents'].sum():,} documents have no decision, "
            f"some of them of source {undecided['source'].min()!r}"
        )
