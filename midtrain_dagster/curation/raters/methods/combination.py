"""Several raters as one: percentiles of the corpus, and the highest or the mean of them.

Ratings of different raters have different scales, so each is replaced by its percentile: the share
of the corpus, in bytes of text, that is rated as low or lower. Nemotron-CC (Su et al. 2024, arXiv
2412.02595, section 3.2) does so for three classifiers, rounds to 20 bins of equal tokens, and takes
a document's highest bin; bytes of UTF-8 stand for tokens here.

Percentiles need the whole corpus, but not at once: a part gives a histogram over fixed bins
(`summarise`), the histograms add up in any order (`quantiles`), and each part is rated by the sum
(`combine`). That costs at most 65,536 numbers a rater, and ratings within one bin of a fixed
histogram (1/65,536 of a probability) cannot be told apart.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation.raters import ratings
from midtrain_dagster.curation.raters.method import ByPart, Method, Rating, Scale

VERSION = 1

BINS = 1 << 16

Take = Literal["maximum", "mean"]

Scales = dict[str, Scale]
"""For each rater the range that its bins divide evenly; what is outside falls into the end bins."""


class Config(Method):
    """Other raters' ratings as percentiles of the corpus, and the highest or the mean of them.

    Nemotron-CC takes the maximum over ``bins: 20``.
    """

    SCALE: ClassVar[Scale] = (0.0, 1.0)

    method: Literal["combination"] = "combination"
    of: list[str] = Field(min_length=1, description="names of raters")
    take: Take = "maximum"
    """The highest of the percentiles, or their mean."""
    weights: list[float] | None = Field(None, description="of the mean; none: all alike")
    bins: int | None = Field(None, ge=2, description="percentiles as whole numbers from 0 on")

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if len(set(self.of)) < len(self.of):
            raise ValueError("a rater is named twice")
        if self.weights is None:
            return self
        if self.take != "mean":
            raise ValueError("only a mean has weights")
        if len(self.weights) != len(self.of) or min(self.weights) < 0 or not sum(self.weights):
            raise ValueError("give each rater a weight of 0 or more, and not 0 to all")
        return self

    @property
    def combines(self) -> Sequence[str]:
        """The raters named in ``of``."""
        return self.of

    def rate_documents(self, rating: Rating) -> ByPart:
        """Every part's histogram, their sum, and then each document's percentiles."""
        scales = {name: rating.scales[name] for name in self.of}
        tables = rating.run(ratings.gathering({name: rating.others[name] for name in self.of}))
        histograms = rating.run(
            [
                Work(
                    summarise,
                    tables={"ratings": made, "sizes": [sizes]},
                    parameters={"scales": scales},
                )
                for made, sizes in zip(tables, rating.signals, strict=True)
            ]
        )
        counted = [part for made in histograms for part in made]
        (summed,) = rating.run([Work(quantiles, tables={"histogram": counted})])
        parameters = {
            "scales": scales,
            "take": self.take,
            "weights": self.weights,
            "bins": self.bins,
        }
        return rating.run(
            [
                Work(combine, tables={"ratings": made, "quantiles": summed}, parameters=parameters)
                for made in tables
            ]
        )


def summarise(
    ratings: pl.DataFrame, sizes: pl.DataFrame, *, scales: Scales
) -> dict[str, pl.DataFrame]:
    """A part's histogram. Input columns: id and a rating for each name in ``scales``; id,
    utf8_bytes.

    Returns ``{"histogram": df}`` with columns rater, bin (UInt16), bytes (UInt64): the bytes of
    text in each bin that holds any. Unrated documents are left out.

    Raises ValueError if a document has no size.
    """
    table = ratings.select("id", *scales).join(
        sizes.select("id", "utf8_bytes"), on="id", how="left"
    )
    if table["utf8_bytes"].null_count():
        unknown = table.filter(pl.col("utf8_bytes").is_null())["id"][0]
        raise ValueError(f"document {unknown!r} has a rating and no size")
    histograms = [
        table.select(bin=_bin(rater, scale), bytes=pl.col("utf8_bytes").cast(pl.UInt64))
        .drop_nulls("bin")
        .group_by("bin")
        .agg(pl.col("bytes").sum())
        .select(pl.lit(rater).alias("rater"), "bin", "bytes")
        .sort("bin")
        for rater, scale in scales.items()
    ]
    return {"histogram": pl.concat(histograms)}


def quantiles(histogram: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The sum of the parts' histograms (concatenated in any order) as percentiles.

    Returns ``{"quantiles": df}`` with columns rater, bin, percentile (Float64): the share of the
    rater's bytes in that bin or a lower one; the highest has 1.
    """
    summed = histogram.group_by("rater", "bin").agg(pl.col("bytes").sum()).sort("rater", "bin")
    below = pl.col("bytes").cum_sum().over("rater")
    total = pl.col("bytes").sum().over("rater")
    return {"quantiles": summed.select("rater", "bin", percentile=below / total)}


def combine(
    ratings: pl.DataFrame,
    quantiles: pl.DataFrame,
    *,
    scales: Scales,
    take: Take,
    weights: list[float] | None = None,
    bins: int | None = None,
) -> dict[str, pl.DataFrame]:
    """Each document's percentiles as one rating. ``weights`` of the mean go with ``scales``.

    With ``bins``, a percentile p becomes the bin it lies in, ceil(p x bins) - 1, before they are
    combined. Returns ``{"ratings": df}`` with columns id, rating (Float32: 0 to 1, or 0 to bins -
    1), error. A document that one of the raters did not rate has no rating.

    Raises ValueError if a rating lies in a bin that ``quantiles`` does not know: they were made
    from other ratings.
    """
    table = ratings.select("id", *scales)
    for rater, scale in scales.items():
        of_rater = quantiles.filter(pl.col("rater") == rater).select("bin", "percentile")
        table = (
            table.with_columns(bin=_bin(rater, scale))
            .join(of_rater, on="bin", how="left", maintain_order="left")
            .with_columns(pl.col("percentile").alias(f"{rater} percentile"))
            .drop("bin", "percentile")
        )
        unknown = table.filter(
            pl.col(rater).is_not_null() & pl.col(f"{rater} percentile").is_null()
        )
        if unknown.height:
            raise ValueError(
                f"{rater} rates {unknown['id'][0]!r} {unknown[rater][0]}, in a bin that the "
                "quantiles lack: they are of other ratings"
            )
    values = [pl.col(f"{rater} percentile") for rater in scales]
    if bins is not None:
        # A percentile of k / bins belongs to bin k - 1 although the division was rounded.
        values = [((value * bins - 1e-9).ceil() - 1).clip(0, bins - 1) for value in values]
    if take == "maximum":
        combined = pl.max_horizontal(values)
    else:
        shares = np.ones(len(values)) if weights is None else np.array(weights)
        combined = pl.sum_horizontal(
            value * share for value, share in zip(values, shares / shares.sum(), strict=True)
        )
    unrated = pl.concat_str(
        [pl.when(pl.col(rater).is_null()).then(pl.lit(rater)) for rater in scales],
        separator=", ",
        ignore_nulls=True,
    )
    return {
        "ratings": table.select(
            "id",
            rating=pl.when(unrated == "").then(combined).cast(pl.Float32),
            error=pl.when(unrated != "").then(pl.format("not rated by {}", unrated)),
        )
    }


def _bin(rater: str, scale: Scale) -> pl.Expr:
    low, high = scale
    share = (pl.col(rater).cast(pl.Float64) - low) / (high - low)
    return (share * BINS).floor().clip(0, BINS - 1).cast(pl.UInt16)
