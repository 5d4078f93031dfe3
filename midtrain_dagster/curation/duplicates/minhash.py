"""Signatures of near duplicates: MinHash with locality-sensitive hashing (Broder 1997).

A signature of bands x rows minima over a text's shingles is cut into bands, and each band is hashed
to a bucket; two documents of Jaccard similarity s share one of the buckets with probability
1 - (1 - s^rows)^bands (`duplicates.caught`).

The signature itself is not kept: a band is 8 bytes, a signature 448. Candidates are verified on the
true shingle sets (`verification`), so nothing is decided by an estimate. Each band is a column of
its own, because candidates are found one band at a time.

Text is taken a megabyte at a time, so that what one kernel writes the next finds in the cache.
"""

import polars as pl

VERSION = 2

CHUNK_BYTES = 1_000_000


def band_columns(bands: int) -> list[str]:
    """The names of the columns of the bands, in order: band_00, band_01, and so on."""
    return [f"band_{band:02d}" for band in range(bands)]


def signature_schema(bands: int) -> pl.Schema:
    """The columns of a table of signatures."""
    return pl.Schema(
        {
            "id": pl.String(),
            "bytes": pl.UInt64(),
            "text_hash": pl.UInt64(),
            **dict.fromkeys(band_columns(bands), pl.UInt64()),
            "error": pl.String(),
        }
    )


def signatures(
    documents: pl.DataFrame, *, shingle: int, bands: int, rows: int, seed: int
) -> dict[str, pl.DataFrame]:
    """Hash each document's text whole and by bands. Input columns: id, text.

    Returns ``{"signatures": df}`` with the columns of `signature_schema`. ``bytes`` is the size of
    the text in UTF-8, ``text_hash`` a hash of the normalised text. A band is null where the text
    has fewer words than a shingle; everything but the id is where the text is null, with an
    ``error``.
    """
    from midtrain_dagster.curation.duplicates.affine32 import band_hashes, minhash
    from midtrain_dagster.curation.duplicates.shingles import shingle_hashes, text_hashes
    from midtrain_dagster.curation.text.characters import chunks
    from midtrain_dagster.curation.text.normalisation import normalise

    columns = band_columns(bands)
    schema = signature_schema(bands)
    parts = [schema.to_frame().select("text_hash", *columns)]
    for _, texts in chunks(documents["text"].fill_null(""), CHUNK_BYTES):
        normalised = normalise(texts)
        offsets, hashes = shingle_hashes(normalised, shingle)
        buckets = band_hashes(minhash(offsets, hashes, bands * rows, seed), bands, rows)
        hashed = pl.Series(offsets[1:] > offsets[:-1])
        parts.append(
            pl.DataFrame(buckets, schema=columns).select(
                pl.Series("text_hash", text_hashes(normalised)),
                pl.when(hashed).then(pl.col(columns)),
            )
        )
    is_null = pl.col("text").is_null()
    table = documents.select(
        "id",
        is_null=is_null,
        bytes=pl.col("text").str.len_bytes().cast(pl.UInt64),
        error=pl.when(is_null).then(pl.lit("the text is null")),
    ).hstack(pl.concat(parts))
    text_hash = pl.when(~pl.col("is_null")).then("text_hash")
    return {"signatures": table.with_columns(text_hash=text_hash).select(schema.names())}
