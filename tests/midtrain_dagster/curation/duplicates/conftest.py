"""All candidates of a table of signatures at once, as the steps of the room give them."""

import polars as pl

from midtrain_dagster.curation.duplicates.candidates import band_pairs, exact_pairs, union


def candidate_pairs(signatures: pl.DataFrame, *, bucket_limit: int) -> pl.DataFrame:
    bands = [name for name in signatures.columns if name.startswith("band_")]
    lazy = signatures.lazy()
    near = band_pairs(lazy, bands=bands, bucket_limit=bucket_limit)["pairs"]
    return union([exact_pairs(lazy)["pairs"], near])
