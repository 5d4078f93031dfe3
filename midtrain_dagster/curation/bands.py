"""Bands of a domain by rating: each a domain of its own for what trains on it.

A mixture then weighs them: shares that differ by band are a curve of quality (dolma 3 takes each
band of a topic as often as its percentile deserves, seven times at most), and shares that change
over a stage are a curriculum by that rating. A band is decided by the document alone, so bounds are
ratings and no ranks; a ``combination`` of raters gives percentiles to put them on. What is held out
stays under the domain's own name, so that losses are compared as before.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel

VERSION = 1


class Bands(FrozenModel):
    """The bands of a domain: ``DOMAIN/1`` has the lowest ratings, and those that have none."""

    by: str = Field(description="the rater whose ratings they are of")
    at: Annotated[tuple[float, ...], Field(min_length=1)]
    """The ratings at which the second band begins, and each one after it."""

    @model_validator(mode="after")
    def _bounds_rise(self) -> Self:
        if any(other <= one for one, other in pairwise(self.at)):
            raise ValueError("the ratings at which bands begin rise from one to the next")
        return self

    def names(self, domain: str) -> list[str]:
        """What the bands of a domain are called."""
        return [f"{domain}/{number}" for number in range(1, len(self.at) + 2)]


def banded(documents: pl.DataFrame, bands: Mapping[str, Bands]) -> pl.DataFrame:
    """The band of each document (id, band), in order; null for one of a domain without bands.

    ``documents`` has id, domain and a column for each rater that is named.
    """
    number = [
        pl.when(pl.col("domain") == domain).then(
            pl.format(
                "{}/{}",
                "domain",
                1
                + pl.sum_horizontal(
                    pl.col(each.by).fill_nan(None).fill_null(-math.inf) >= at for at in each.at
                ),
            )
        )
        for domain, each in bands.items()
    ]
    return documents.select("id", band=pl.coalesce(*number))
