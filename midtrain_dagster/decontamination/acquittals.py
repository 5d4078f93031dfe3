"""What of a part's hits stands once the corpus and an embedding model were asked.

A part is scanned by itself, whatever other parts hold. Only documents in which that finds something
are read again, without the n-grams that the corpus has often (`common_ngrams`) and with the
method's `second_look`. What no longer stands is spared, and listed with the reason.
"""

import sys
from pathlib import Path

import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.decontamination import common_ngrams, scan, second_look
from midtrain_dagster.decontamination.item_texts import KINDS
from midtrain_dagster.decontamination.method import Method
from midtrain_dagster.decontamination.sketch_scan import rows_of

VERSION = 1
USES = (scan, common_ngrams, second_look)

REASONS = ("common_ngrams", "dissimilar")

SPARED = pl.Schema(
    {
        "id": pl.String(),
        "benchmark": pl.String(),
        "item": pl.String(),
        "found_by": pl.Enum(KINDS),
        "text": pl.String(),
        "lcs_ratio": pl.Float64(),
        "reason": pl.Enum(REASONS),
        "similarity": pl.Float64(),
    }
)
"""A hit that does not stand: it rests on common n-grams (``common_ngrams``), or its passage and the
item are not alike (``dissimilar``; ``similarity`` is their cosine, that of the nearest passage)."""

_KEY = ["id", "benchmark", "item"]


def standing(
    documents: pl.LazyFrame,
    hits: pl.DataFrame,
    items: pl.DataFrame,
    common_keys: pl.DataFrame | None = None,
    *,
    config: Method,
    look: Path | None = None,
) -> dict[str, pl.DataFrame]:
    """The ``hits`` (``scan.HITS``) of one part of documents that stand, and those ``spared``.

    ``documents`` (id, text) are the part; only those with a hit are read. ``look`` is the folder of
    the model of the second look, of a method that takes one.
    """
    ids = documents.select("id").collect()["id"]
    rows = ids.is_in(hits["id"].unique().implode()).arg_true().to_numpy()
    if not rows.size:
        return {"hits": scan.HITS.to_frame(), "spared": SPARED.to_frame()}
    accused = rows_of(documents.select("id", "text"), rows)
    found = _with_similarity(accused, items, common_keys, config, look)
    # The list acquits: without some n-grams a window may be laid otherwise, and hold an item that
    # was not found before.
    stand = scan.best(found.filter("stands")).join(hits, on=_KEY, how="semi", maintain_order="left")
    nearest = found.group_by(_KEY).agg(pl.col("similarity").max())
    spared = hits.join(stand, on=_KEY, how="anti", maintain_order="left")
    spared = spared.join(nearest, on=_KEY, how="left", maintain_order="left").with_columns(
        reason=pl.when(pl.col("similarity").is_null())
        .then(pl.lit(REASONS[0]))
        .otherwise(pl.lit(REASONS[1]))
    )
    return {
        "hits": stand.select(scan.HITS.names()),
        "spared": spared.select(SPARED.names()).cast(SPARED),
    }


def common(
    ngrams: pl.LazyFrame, items: pl.DataFrame, *, config: Method, needed: int
) -> dict[str, pl.DataFrame]:
    """The n-grams of ``items`` that ``needed`` documents or more hold, by the counts of all parts
    (`common_ngrams.COUNTS`): ``common_ngrams`` and ``common_keys`` (`common_ngrams.common_of`)."""
    return common_ngrams.common_of(ngrams, scan.searched_of(items, config=config), needed=needed)


def judged(
    documents: pl.DataFrame,
    items: pl.DataFrame,
    common_keys: pl.DataFrame | None = None,
    *,
    config: Method,
    look: Path | None = None,
) -> pl.DataFrame:
    """The hits in documents that stand, of a scan and of what is asked behind it."""
    hits = scan.scan(documents, items, config=config.alone())["hits"]
    if not config.judges_again or hits.is_empty():
        return hits
    lazy = documents.select("id", "text").lazy()
    return standing(lazy, hits, items, common_keys, config=config, look=look)["hits"]


def _with_similarity(
    accused: pl.DataFrame,
    items: pl.DataFrame,
    common: pl.DataFrame | None,
    config: Method,
    look: Path | None,
) -> pl.DataFrame:
    """The occurrences without the common n-grams, with ``similarity`` (null: it was not looked at)
    and whether each ``stands``."""
    alone = config.alone()
    found = scan.occurrences(accused, items, config=alone, common=common)
    if config.second_look is None:
        return found.with_columns(similarity=pl.lit(None, pl.Float64), stands=True)
    if look is None:
        raise ValueError("the method takes a second look, and no folder of its model is given")
    texts = scan.searched_of(items, config=alone, common=common).texts["text"]
    alike = second_look.similarities(found, accused["text"], texts, config.second_look, look)
    return found.with_columns(
        similarity=alike, stands=alike.fill_null(1.0) >= config.second_look.similarity
    )


def versions_for(config: Method) -> dict[str, int]:
    """The versions that what stands depends on, beside that of `scan`; a method that asks nobody
    has its own alone."""
    asked = versions_of(sys.modules[__name__]) if config.judges_again else {}
    return {**asked, **config.versions()}
