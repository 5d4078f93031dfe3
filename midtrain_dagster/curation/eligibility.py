"""Which documents may stay, each judged by itself: everything but duplicates, repetitions, samples.

The first of these reasons that applies makes a document ineligible; null is eligible:

====================  =============================================================
reason                meaning
====================  =============================================================
language:LANGUAGE     this language is not wanted (``language:uncertain``: score too low)
minimum_characters    it is shorter than its policy asks
RULE:SIGNAL           a signal lies outside the rule's bounds (see `rules`)
rating:NAME           this rater gives it too low a rating
contamination:NAME    it holds text of this benchmark (of several, the first by name)
error:TABLE           the method behind that attribute table could not process it
====================  =============================================================

Duplicates come after this, because a cluster must not be lost with a kept member that another rule
drops. What later steps need of a document (its size, date and ratings) goes along, so that none of
them reads the text again.

An attribute that its policy does not ask for cannot drop a document, even by an error; signals
are always asked for.
"""

from typing import Literal

import polars as pl

from midtrain_dagster.core.schema import FORMATS
from midtrain_dagster.curation import policy as policies
from midtrain_dagster.curation.policy import CurationPolicy, KindPolicy
from midtrain_dagster.curation.signals.rules import violation

VERSION = 2
USES = (policies,)

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


_KNOWN = ("id", "source", "domain", "kind", "format")

LANGUAGE = pl.Schema(
    {
        "id": pl.String(),
        "language": pl.String(),
        "language_score": pl.Float32(),
        "error": pl.String(),
    }
)
RATINGS = pl.Schema({"id": pl.String(), "error": pl.String()})
"""Beside these, ``ratings`` has one column for each rater."""


def eligibility(
    documents: pl.DataFrame | pl.LazyFrame,
    language: pl.DataFrame | None,
    signals: pl.DataFrame,
    ratings: pl.DataFrame | None,
    hits: pl.DataFrame | None = None,
    *,
    policy: CurationPolicy,
) -> dict[str, pl.DataFrame]:
    """Judge the documents (columns id, source, domain, kind, format, metadata) of one part.

    ``language``, ``signals`` and ``ratings`` have a row for every document, in any order. ``hits``
    is sparse and may speak of other parts too. Where nobody looked at languages (None), a document
    whose policy asks for one is dropped as if that had failed.

    Returns ``{"eligibility": df}`` in the order of the documents. Raises ValueError if a document's
    kind is unknown, an id is repeated, an attribute table lacks a document, or a policy names a
    rater that is not in ``ratings``.
    """
    date = pl.col("metadata").str.json_path_match("$.date")
    table = documents.lazy().select(*_KNOWN, date=date).collect()
    _check_unique(table, "documents")
    language = _of_none(table, LANGUAGE) if language is None else language
    ratings = _of_none(table, RATINGS) if ratings is None else ratings
    _check_known(table, ratings, policy)
    raters = [name for name in ratings.columns if name not in RATINGS]
    for name, attributes in (("language", language), ("signals", signals), ("ratings", ratings)):
        table = _join(table, attributes, name)
    judged = pl.coalesce(
        *(pl.when(scope.covers).then(_unfit(scope.policy)) for scope in policy.scopes),
        _contaminated(hits),
    )
    return {
        "eligibility": table.with_columns(reason=judged).select(
            *(pl.col(name).cast(kind) for name, kind in ELIGIBILITY.items()), *raters
        )
    }


def judged_by(
    step: Literal["language", "signals"],
    documents: pl.LazyFrame,
    attributes: pl.LazyFrame,
    *,
    policy: CurationPolicy,
) -> pl.LazyFrame:
    """What one attribute table alone says against each document: columns id, source, and reason as
    `eligibility` gives it, null where there is none."""
    against = {"language": _of_language, "signals": _of_signals}[step]
    reasons = [
        pl.when(scope.covers).then(each)
        for scope in policy.scopes
        for each in against(scope.policy)
    ]
    table = documents.select(*_KNOWN).join(
        attributes.rename({"error": f"{step}_error"}), on="id", how="left"
    )
    return table.select("id", "source", reason=pl.coalesce(*reasons, pl.lit(None, pl.String)))


def _check_known(documents: pl.DataFrame, ratings: pl.DataFrame, policy: CurationPolicy) -> None:
    for name, known in (("kind", CurationPolicy.kinds()), ("format", FORMATS)):
        for value in documents[name].unique().sort():
            if value not in known:
                raise ValueError(f"documents of {name} {value!r}: known are {', '.join(known)}")
    for scope in policy.scopes:
        unknown = [rater for rater in scope.policy.minimum_ratings if rater not in ratings.columns]
        if unknown and documents.select(scope.covers.any()).item():
            raise ValueError(
                f"{scope.name} asks for a rating by {unknown[0]!r}, but nobody gave one"
            )


def _unfit(policy: KindPolicy) -> pl.Expr:
    """Why the document itself, seen alone, does not satisfy its kind's policy; else null."""
    return pl.coalesce(*_of_language(policy), *_of_signals(policy), *_of_ratings(policy))


def _of_language(policy: KindPolicy) -> list[pl.Expr]:
    if policy.languages == "all":
        return []
    score = pl.col("language_score") >= pl.lit(policy.minimum_language_score, pl.Float32)
    unwanted = ~pl.col("language").is_in(policy.languages)
    return [
        _error("language", pl.col("language").is_null()),
        pl.when(unwanted).then(pl.format("language:{}", "language")),
        pl.when(~score.fill_null(False)).then(pl.lit("language:uncertain")),
    ]


def _of_signals(policy: KindPolicy) -> list[pl.Expr]:
    short = pl.col("characters") < policy.minimum_characters
    return [
        _error("signals", pl.col("characters").is_null()),
        pl.when(short).then(pl.lit("minimum_characters")),
        violation(policy.asked),
    ]


def _of_ratings(policy: KindPolicy) -> list[pl.Expr]:
    reasons = []
    for rater, minimum in policy.minimum_ratings.items():
        poor = pl.col(rater) < pl.lit(minimum, pl.Float32)
        reasons += [
            _error("ratings", pl.col(rater).is_null()),
            pl.when(poor).then(pl.lit(f"rating:{rater}")),
        ]
    return reasons


def _error(table: str, missing: pl.Expr) -> pl.Expr:
    failed = pl.col(f"{table}_error").is_not_null() | missing
    return pl.when(failed).then(pl.lit(f"error:{table}"))


def _of_none(documents: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The table of an attribute that nobody looked for: every document with nothing."""
    nothing = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name != "id"]
    return documents.select("id", *nothing)


def _contaminated(hits: pl.DataFrame | None) -> pl.Expr:
    if hits is None or not hits.height:
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
