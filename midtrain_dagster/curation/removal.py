"""What curation removed: by source, against its ceiling, and step by step as a funnel.

Near-duplicate removal once left 2 of 859,092 documents of a templated source, and a filter made for
prose empties a source of code. Neither shows in a total. So every source has a ceiling, and passing
it stops the run with the reasons and a few texts to look at.
"""

import polars as pl

from midtrain_dagster.curation.steps import STEPS, step_of

VERSION = 1

EXAMPLES = 3
EXAMPLE_CHARACTERS = 100

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


def removal_by_source(
    decisions: pl.DataFrame | pl.LazyFrame, documents: pl.DataFrame | pl.LazyFrame
) -> pl.DataFrame:
    """How many documents (columns id, source) of each source are dropped, and for what.

    Returns the columns of REMOVAL, sorted by source; ``reasons`` come most frequent first. What a
    sample left out is not counted: the recipe's budget says how much that is.
    Raises ValueError if a document has no decision.
    """
    counted = (
        _joined(decisions, documents.lazy().select("id", "source"))
        .group_by("source", "reason")
        .agg(documents=pl.len())
        .collect()
    )
    _check_decided(counted)
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


def check_removal_ceiling(
    decisions: pl.DataFrame | pl.LazyFrame,
    documents: pl.DataFrame | pl.LazyFrame,
    *,
    ceiling: float,
    overrides: dict[str, float],
) -> pl.DataFrame:
    """Raise if a source (columns id, source, text) loses more than its share; else
    `removal_by_source`.

    ``ceiling`` is the greatest share of its documents that a source may lose, ``overrides`` those
    of single sources. Raises RemovalCeilingError for the source that passes its ceiling by most,
    with its leading reasons and the beginnings of up to 3 of its texts; ValueError if an override
    names a source that does not exist.
    """
    removal = removal_by_source(decisions, documents)
    unknown = sorted(set(overrides) - set(removal["source"]))
    if unknown:
        raise ValueError(
            f"removal_ceilings names {unknown[0]!r}, but the sources are "
            + ", ".join(removal["source"])
        )
    ceilings = [float(overrides.get(source, ceiling)) for source in removal["source"]]
    over = (
        removal.with_columns(ceiling=pl.Series(ceilings, dtype=pl.Float64))
        .filter(pl.col("share") > pl.col("ceiling"))
        .sort(pl.col("share") - pl.col("ceiling"), "source", descending=[True, False])
    )
    if over.height:
        worst = over.row(0, named=True)
        others = f" ({over.height - 1} more sources are over theirs)" if over.height > 1 else ""
        reasons = ", ".join(
            f"{found['reason']} {found['documents']:,}" for found in worst["reasons"][:5]
        )
        raise RemovalCeilingError(
            f"source {worst['source']!r} would lose {worst['removed']:,} of {worst['documents']:,} "
            f"documents ({worst['share']:.1%}); its ceiling is {worst['ceiling']:.1%}{others}.\n"
            f"Reasons: {reasons}.\n"
            + _examples(decisions, documents, worst["source"], worst["reasons"][0]["reason"])
            + "Change the policy of its kind, or raise its removal_ceilings entry if this is right."
        )
    return removal


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


def _examples(
    decisions: pl.DataFrame | pl.LazyFrame,
    documents: pl.DataFrame | pl.LazyFrame,
    source: str,
    reason: str,
) -> str:
    """A line for each of the first few documents that a source loses for a reason."""
    shown = (
        _joined(decisions, documents.lazy().select("id", "source", "text"))
        .filter(pl.col("source") == source, pl.col("reason") == reason)
        .sort("id")
        .head(EXAMPLES)
        .select("id", text=pl.col("text").str.head(EXAMPLE_CHARACTERS).fill_null(""))
        .collect()
    )
    lines = [
        f"  {document['id']}: {' '.join(document['text'].split())!r}"
        for document in shown.iter_rows(named=True)
    ]
    return f"For example, dropped for {reason}:\n" + "\n".join(lines) + "\n"
