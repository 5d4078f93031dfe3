"""How signals and ratings are spread in each source, and the documents nearest to each bound.

People look before they trust: a threshold that was right for web pages may cut a source of manuals
in two, and neither a total nor a mean shows it. Everything here is counted part by part in tables
of bounded size, and merged by addition or by taking the nearest again. So the order of the parts
and their number do not matter, and no step holds the corpus.

Histograms have fixed bins, the same for every corpus, on a scale that suits the attribute: counts
by logarithm (eighths of a doubling), shares and ratings by square root (because most bounds on them
lie near zero), the rest linearly. Quantiles would follow the data more closely, but need two passes
or a sketch.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import polars as pl

from midtrain_dagster.curation import policy as policies
from midtrain_dagster.curation.policy import CurationPolicy, Scope

VERSION = 2
USES = (policies,)

NEAREST = 3
"""Documents kept on each side of a bound."""

EXCERPT_CHARACTERS = 500

Side = Literal["minimum", "maximum"]

HISTOGRAMS = pl.Schema(
    {
        "source": pl.String(),
        "table": pl.String(),
        "attribute": pl.String(),
        "bin": pl.Int32(),
        "documents": pl.UInt64(),
    }
)
"""``table`` is ``language``, ``signals`` or ``ratings``; a null bin counts the documents that have
no value. What a bin spans is said by `Scale`."""

BOUNDS = pl.Schema(
    {
        "kind": pl.String(),
        "table": pl.String(),
        "attribute": pl.String(),
        "reason": pl.String(),
        "side": pl.String(),
        "bound": pl.Float32(),
        "source": pl.String(),
        "documents": pl.UInt64(),
        "violating": pl.UInt64(),
        "decided": pl.UInt64(),
    }
)
"""``kind`` is that of the documents that are asked, with their formats and their source where those
have a policy of their own (`Scope.name`). For each bound and source: documents tested, those
outside the bound, and those of them for which it is the reason (the others have an earlier one)."""

BORDERS = pl.Schema(
    {
        **{name: BOUNDS[name] for name in ("kind", "attribute", "reason", "side", "bound")},
        "within": pl.Boolean(),
        "rank": pl.UInt32(),
        "value": pl.Float32(),
        "id": pl.String(),
        "source": pl.String(),
        "decision": pl.String(),
        "text": pl.String(),
    }
)
"""The documents nearest to each bound, on both sides of it: first those whose fate it settles (kept
within it, or dropped for it alone or first), then others. ``text`` is the beginning."""


class Bound(NamedTuple):
    """One end of what a policy asks of one attribute; ``reason`` is what it drops for."""

    scope: Scope
    table: str
    attribute: str
    reason: str
    side: Side
    value: float

    @property
    def kind(self) -> str:
        """Of which documents it is asked, as BOUNDS has it."""
        return self.scope.name

    @property
    def within(self) -> pl.Expr:
        """Whether a row keeps it; a null does not. Compared as Float32, as `rules` does."""
        value, bound = pl.col(self.attribute).cast(pl.Float32), pl.lit(self.value, pl.Float32)
        return (value >= bound if self.side == "minimum" else value <= bound).fill_null(False)


class Scale(NamedTuple):
    """Where a value lies on the axis of its histogram; bins are ``width`` long, the first at 0."""

    name: Literal["count", "root", "linear"]
    width: float

    def position(self, value: pl.Expr) -> pl.Expr:
        """A value's place on the axis."""
        number = value.cast(pl.Float64)
        if self.name == "count":
            return number.clip(lower_bound=0).log1p() / pl.lit(2.0).log()
        if self.name == "root":
            return number.sign() * number.abs().clip(upper_bound=1_000).sqrt()
        return number.clip(-32, 32)

    def value(self, position: float) -> float:
        """The value at a place on the axis."""
        if self.name == "count":
            return float(2.0**position - 1)
        return position * abs(position) if self.name == "root" else position


def scale_of(table: str, attribute: str) -> Scale:
    """The scale of an attribute, from its table and name alone, so that parts agree on it."""
    if table == "ratings" or attribute.endswith(("_ratio", "_per_word")):
        return Scale("root", 1 / 64)
    if attribute.endswith(("_score", "_probability")):
        return Scale("linear", 1 / 64)
    return Scale("count", 1 / 8)


def bounds(policy: CurationPolicy) -> Iterator[Bound]:
    """Every bound of every policy, in the order in which `eligibility` asks."""
    for scope in policy.scopes:
        asked = scope.policy
        if asked.languages != "all":
            score = asked.minimum_language_score
            yield Bound(scope, "language", "language_score", "language:uncertain", "minimum", score)
        least = float(asked.minimum_characters)
        yield Bound(scope, "signals", "characters", "minimum_characters", "minimum", least)
        for each in asked.asked:
            sides: tuple[tuple[Side, float | None], ...] = (
                ("minimum", each.minimum),
                ("maximum", each.maximum),
            )
            for side, value in sides:
                if value is not None:
                    yield Bound(scope, "signals", each.signal, each.reason, side, value)
        for rater, value in asked.minimum_ratings.items():
            yield Bound(scope, "ratings", rater, f"rating:{rater}", "minimum", value)


def distributions(
    documents: pl.DataFrame,
    language: pl.DataFrame | None,
    signals: pl.DataFrame,
    ratings: pl.DataFrame | None,
    decisions: pl.DataFrame,
    *,
    policy: CurationPolicy,
) -> dict[str, pl.DataFrame]:
    """Count one part: ``histograms``, ``bounds``, ``borders`` (see HISTOGRAMS, BOUNDS, BORDERS).

    ``documents`` has id, text, source, kind, format; the attribute tables have a row for each
    document in any order, and are None where nobody looked. Raises ValueError if one lacks a
    document, or has a column that another has too.
    """
    given = {"language": language, "signals": signals, "ratings": ratings}
    tables = {name: table for name, table in given.items() if table is not None}
    joined = documents.select("id", "source", "kind", "format").join(
        decisions.select("id", decision="reason"), on="id", how="left", maintain_order="left"
    )
    attributes: dict[str, str] = {}
    for name, table in tables.items():
        columns = [each for each, kind in table.schema.items() if kind.is_numeric()]
        if repeated := sorted(set(columns) & attributes.keys()):
            raise ValueError(f"{name} and {attributes[repeated[0]]} both have {repeated[0]!r}")
        lacking = documents["id"].is_in(table["id"].implode())
        if not lacking.all():
            raise ValueError(
                f"the {name} table lacks {(~lacking).sum()} of {documents.height} documents: it "
                "was made from another part"
            )
        attributes |= dict.fromkeys(columns, name)
        also = {"spoken": "language"} if name == "language" else {}
        joined = joined.join(
            table.select("id", *columns, **also), on="id", how="left", maintain_order="left"
        )
    asked = [bound for bound in bounds(policy) if bound.attribute in attributes]
    return merge(
        _histograms(joined, attributes),
        pl.concat([BOUNDS.to_frame(), *(_counted(joined, each) for each in asked)]),
        _borders(joined, documents, asked),
    )


def merge(
    histograms: pl.DataFrame, bounds: pl.DataFrame, borders: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """The tables of several parts as one of each: counts are added, the nearest stay nearest."""
    bins = ["source", "table", "attribute", "bin"]
    each = ["kind", "table", "attribute", "reason", "side", "bound", "source"]
    side = ["kind", "attribute", "reason", "side", "bound", "within"]
    numbered = (
        borders.with_columns(*_order())
        .sort(*side, "unsettled", "distance", "id")
        .with_columns(rank=pl.int_range(pl.len()).over(side).cast(pl.UInt32))
        .filter(pl.col("rank") < NEAREST)
    )
    return {
        "histograms": histograms.group_by(bins).agg(pl.col("documents").sum()).sort(bins),
        "bounds": bounds.group_by(each)
        .agg(pl.col("documents", "violating", "decided").sum())
        .sort(each),
        "borders": numbered.select(BORDERS.names()),
    }


def _order() -> tuple[pl.Expr, pl.Expr]:
    """What makes a document a better example of a bound: it is settled by it, and near it."""
    settled = pl.col("decision") == pl.when("within").then(pl.lit("kept")).otherwise("reason")
    return (
        (~settled).alias("unsettled"),
        (pl.col("value") - pl.col("bound")).abs().alias("distance"),
    )


def _histograms(joined: pl.DataFrame, attributes: dict[str, str]) -> pl.DataFrame:
    bins = [
        (scale.position(pl.col(name)) / scale.width).floor().cast(pl.Int32).alias(name)
        for name, table in attributes.items()
        for scale in [scale_of(table, name)]
    ]
    return (
        joined.select("source", *bins)
        .unpivot(index="source", variable_name="attribute", value_name="bin")
        .group_by("source", "attribute", "bin")
        .agg(documents=pl.len().cast(pl.UInt64))
        .with_columns(table=pl.col("attribute").replace_strict(attributes, return_dtype=pl.String))
        .select(HISTOGRAMS.names())
    )


def _tested(joined: pl.DataFrame, bound: Bound) -> pl.DataFrame:
    """The documents of which the bound is asked; a score only where the language is wanted."""
    covered = joined.filter(bound.scope.covers)
    wanted = bound.scope.policy.languages
    if bound.table == "language" and wanted != "all":
        return covered.filter(pl.col("spoken").is_in(wanted))
    return covered


def _counted(joined: pl.DataFrame, bound: Bound) -> pl.DataFrame:
    decided = ~bound.within & (pl.col("decision") == bound.reason)
    counts = {"documents": pl.len(), "violating": (~bound.within).sum(), "decided": decided.sum()}
    return (
        _tested(joined, bound)
        .group_by("source")
        .agg(**counts)
        .with_columns(**_named(bound))
        .select(pl.col(name).cast(kind) for name, kind in BOUNDS.items())
    )


def _borders(joined: pl.DataFrame, documents: pl.DataFrame, asked: list[Bound]) -> pl.DataFrame:
    """The nearest documents of every bound with their excerpts; only these texts are touched."""
    beside = [_nearest(_tested(joined, bound), bound) for bound in asked]
    nearest = pl.concat([BORDERS.to_frame().drop("text"), *beside])
    texts = documents.filter(pl.col("id").is_in(nearest["id"].implode())).select(
        "id", text=pl.col("text").str.head(EXCERPT_CHARACTERS)
    )
    return nearest.join(texts, on="id", how="left", maintain_order="left")


def _nearest(tested: pl.DataFrame, bound: Bound) -> pl.DataFrame:
    columns = [pl.col(name).cast(kind) for name, kind in BORDERS.items() if name != "text"]
    return (
        tested.filter(pl.col(bound.attribute).is_not_null())
        .with_columns(
            **_named(bound), within=bound.within, value=pl.col(bound.attribute).cast(pl.Float32)
        )
        .with_columns(*_order(), rank=pl.lit(0, pl.UInt32))
        .sort("unsettled", "distance", "id")
        .group_by("within", maintain_order=True)
        .head(NEAREST)
        .select(columns)
    )


def _named(bound: Bound) -> dict[str, pl.Expr]:
    """The columns that say which bound a row is about."""
    text = {name: pl.lit(getattr(bound, name)) for name in BOUNDS.names()[:5]}
    return {**text, "bound": pl.lit(bound.value, pl.Float32)}
