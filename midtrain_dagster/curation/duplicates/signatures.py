"""What the signatures of every method hold: the size of a text, and a hash of it.

Text is taken a megabyte at a time, so that what one kernel writes the next finds in the cache.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from midtrain_dagster.curation.text.normalisation import Normalised

CHUNK_BYTES = 1_000_000

NO_COLUMNS = pl.Schema()


def signature_table(
    documents: pl.DataFrame,
    schema: pl.Schema = NO_COLUMNS,
    sign: "Callable[[Normalised], pl.DataFrame] | None" = None,
) -> pl.DataFrame:
    """Hash each document's normalised text. Input columns: id, text.

    ``sign`` gives the columns of ``schema`` for a chunk of normalised texts. Returns id, ``bytes``
    (UInt64, the size of the text in UTF-8), ``text_hash`` (UInt64), the columns of ``schema``, and
    ``error``. Everything but the id is null where the text is, with an ``error``.
    """
    from midtrain_dagster.core.text_buffer import chunks
    from midtrain_dagster.curation.duplicates.shingles import text_hashes
    from midtrain_dagster.curation.text.normalisation import normalise

    parts = [pl.Schema({"text_hash": pl.UInt64(), **schema}).to_frame()]
    for _, texts in chunks(documents["text"].fill_null(""), CHUNK_BYTES):
        normalised = normalise(texts)
        hashes = pl.DataFrame({"text_hash": text_hashes(normalised)})
        parts.append(hashes.hstack(sign(normalised)) if sign else hashes)
    is_null = documents["text"].is_null()
    return (
        documents.select(
            "id",
            bytes=pl.col("text").str.len_bytes().cast(pl.UInt64),
            error=pl.when(is_null).then(pl.lit("the text is null")),
        )
        .hstack(pl.concat(parts).select(pl.when(~is_null).then(pl.all())))
        .select("id", "bytes", "text_hash", *schema.names(), "error")
    )
