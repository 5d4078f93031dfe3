"""Which documents may stay, each judged by itself: everything but duplicates, repetitions, samples.

The first of these reasons that applies makes a document ineligible; null is eligible:

====================  =============================================================
reason                meaning
====================  =============================================================
language:LANGUAGE     this language is not wanted (``language:uncertain``: score too low)
minimum_characters    it is shorter than its kind's policy asks
RULE:SIGNAL           a signal lies outside the rule's bounds (see `rules`)
rating:NAME           this rater gives it too low a rating
contamination:NAME    it holds text of this benchmark (of several, the first by name)
error:TABLE           the method behind that attribute table could not process it
====================  =============================================================

Duplicates come after this, because a cluster must not be lost with a kept member that another rule
drops. What later steps need of a document (its size, date and ratings) goes along, so that none of
them reads the text again.

An attribute that a kind's policy does not ask for cannot drop a document, even by an error; signals
are always asked for.
"""

import polars as pl

from midtrain_dagster.curation.policy import CurationPolicy, KindPolicy
from midtrain_dagster.curation.signals import rules
from midtrain_dagster.curation.signals.rules import violation

VERSION = 1
USES = (rules,)

ELIGIBILITY = pl.Schema(
    {
        "id": pl.String(),
        "source": pl.String(),
        "domain": pl.String(),
        "kind": pl.String(),
        "reason": pl.String(),
        "characters": pl.UInt32(),
        "utf8_bytes": pl.UInt32(),
        "date": pl.String(),
    }
)
"""The columns of the table, before one Float32 column for each rater. ``date`` is the metadata's
(ISO 8601), null if it has none."""


def eligibility(
    documents: pl.DataFrame | pl.LazyFrame,
    language: pl.DataFrame,
    signals: pl.DataFrame,
    ratings: pl.DataFrame,
    hits: pl.DataFrame,
    *,
    policy: CurationPolicy,
) -> dict[str, pl.DataFrame]:
    """Judge the documents (columns id, source, domain, kind, metadata) of one part.

    ``language``, ``signals`` and ``ratings`` have a row for every document, in any order. ``hits``
    is sparse and may speak of other parts too.

    Returns ``{"eligibility": df}`` in the order of the documents. Raises ValueError if a document's
    kind is unknown, an id is repeated, an attribute table lacks a document, or a policy names a
    rater that is not in ``ratings``.
    """
    date = pl.col("metadata").str.json_path_match("$.date")
    table = documents.lazy().select("id", "source", "domain", "kind", date=date).collect()
    _check_unique(table, "documents")
    _check_known(table, ratings, policy)
    raters = [name for name in ratings.columns if name not in ("id", "error")]
    for name, attributes in (("language", language), ("signals", signals), ("ratings", ratings)):
        table = _join(table, attributes, name)
    judged = pl.coalesce(
        *(
            pl.when(pl.col("kind") == kind).then(_unfit(policy.of(kind)))
            for kind in CurationPolicy.kinds()
        ),
        _contaminated(hits),
    )
    return {
        "eligibility": table.with_columns(reason=judged).select(
            *(pl.col(name).cast(kind) for name, kind in ELIGIBILITY.items()), *raters
        )
    }


def _check_known(documents: pl.DataFrame, ratings: pl.DataFrame, policy: CurationPolicy) -> None:
    for kind in documents["kind"].unique().sort():
        if kind not in CurationPolicy.kinds():
            raise ValueError(
                f"documents of kind {kind!r}: known are {', '.join(CurationPolicy.kinds())}"
            )
        for rater in policy.of(kind).minimum_ratings:
            if rater not in ratings.columns:
                raise ValueError(f"{kind} asks for a rating by {rater!r}, but nobody gave one")


def _unfit(policy: KindPolicy) -> pl.Expr:
    """Why the document itself, seen alone, does not satisfy its kind's policy; else null."""
    reasons = []
    if policy.language is not None:
        score = pl.col("language_score") >= pl.lit(policy.minimum_language_score, pl.Float32)
        reasons += [
            _error("language", pl.col("language").is_null()),
            pl.when(~pl.col("language").is_in(policy.language)).then(
                pl.format("language:{}", "language")
            ),
            pl.when(~score.fill_null(False)).then(pl.lit("language:uncertain")),
        ]
    short = pl.col("characters") < policy.minimum_characters
    reasons += [
        _error("signals", pl.col("characters").is_null()),
        pl.when(short).then(pl.lit("minimum_characters")),
        violation(policy.rules, policy.thresholds),
    ]
    for rater, minimum in policy.minimum_ratings.items():
        poor = pl.col(rater) < pl.lit(minimum, pl.Float32)
        reasons += [
            _error("ratings", pl.col(rater).is_null()),
            pl.when(poor).then(pl.lit(f"rating:{rater}")),
        ]
    return pl.coalesce(*reasons)


def _error(table: str, missing: pl.Expr) -> pl.Expr:
    failed = pl.col(f"{table}_error").is_not_null() | missing
    return pl.when(failed).then(pl.lit(f"error:{table}"))


def _contaminated(hits: pl.DataFrame) -> pl.Expr:
    if not hits.height:
        return pl.lit(None, pl.String)
    first = hits.group_by("id").agg(pl.col("benchmark").min())
    benchmark = pl.col("id").replace_strict(first["id"], first["benchmark"], default=None)
    return pl.when(benchmark.is_not_null()).then(pl.format("contamination:{}", benchmark))


def _join(table: pl.DataFrame, attributes: pl.DataFrame, name: str) -> pl.DataFrame:
    _check_unique(attributes, name)
    lost = table["id"].filter(~table["id"].is_in(attributes["id"].implode()))
    if lost.len():
        raise ValueError(
            f"the {name} table lacks {lost.len()} of {table.height} documents, "
            f"the first is {lost[0]!r}: it was made from another part"
        )
    renamed = attributes.rename({"error": f"{name}_error"})
    return table.join(renamed, on="id", how="left", maintain_order="left")


def _check_unique(table: pl.DataFrame, name: str) -> None:
    if table["id"].n_unique() < table.height:
        twice = table.filter(pl.col("id").is_duplicated())["id"].min()
        raise ValueError(f"the {name} table holds document {twice!r} more than once")
