"""The table of ratings: what each rater says of each document, side by side."""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation.raters.method import ByPart

VERSION = 1


def gathering(rated: Mapping[str, ByPart]) -> list[Work]:
    """The units of work that put the ratings of several raters side by side, part for part."""
    return [
        Work(gather, tables=dict(zip(rated, parts, strict=True)))
        for parts in zip(*rated.values(), strict=True)
    ]


def gather(**rated: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """One table of several raters' (columns id, rating, error), which speak of the same documents.

    Returns ``{"ratings": df}`` with columns id, a Float32 one by the name of each rater, and error:
    what the raters that failed say, null if none did. Rows are in the order of the first rater's.
    Raises ValueError if a rater lacks a document that another one has.
    """
    table = next(iter(rated.values())).select("id")
    for name, ratings in rated.items():
        if ratings.height != table.height or table.join(ratings, on="id", how="anti").height:
            raise ValueError(f"the rater {name!r} speaks of other documents than the first one")
        named = ratings.select(
            "id", pl.col("rating").alias(name), pl.col("error").alias(f"{name}!")
        )
        table = table.join(named, on="id", how="left", maintain_order="left")
    named_errors = [
        pl.when(pl.col(f"{name}!").is_not_null()).then(pl.format(f"{name}: {{}}", f"{name}!"))
        for name in rated
    ]
    error = pl.concat_str(named_errors, separator="; ", ignore_nulls=True)
    return {
        "ratings": table.select(
            "id",
            *(pl.col(name).cast(pl.Float32) for name in rated),
            error=pl.when(error != "").then(error),
        )
    }
