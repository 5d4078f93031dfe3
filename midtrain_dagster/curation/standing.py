"""Which documents still stand when duplicates and repeated text are known.

A document's own reason (`eligibility`) comes first, then ``duplicate``, then ``repeated_text``:
each step looks at what the ones before it left.
"""

import polars as pl

VERSION = 1


def standing(
    eligibility: pl.DataFrame,
    clusters: pl.DataFrame,
    repeated_text: pl.DataFrame | None = None,
    *,
    maximum_repeated: float = 1.0,
) -> pl.DataFrame:
    """``eligibility`` with the reasons that lie in other documents: all of them but sampling.

    ``clusters`` (id, kept) and ``repeated_text`` (id, start, stop: spans of bytes that the corpus
    repeats, of which a document may consist to a share of ``maximum_repeated``) are sparse and may
    speak of other documents too.
    """
    dropped = clusters.filter(~pl.col("kept"))["id"]
    reasons = [pl.when(pl.col("id").is_in(dropped.implode())).then(pl.lit("duplicate"))]
    if repeated_text is not None and repeated_text.height:
        cut = repeated_text.group_by("id").agg(bytes=(pl.col("stop") - pl.col("start")).sum())
        repeated = pl.col("id").replace_strict(cut["id"], cut["bytes"], default=0)
        too_much = repeated > maximum_repeated * pl.col("utf8_bytes")
        reasons.append(pl.when(too_much).then(pl.lit("repeated_text")))
    return eligibility.with_columns(reason=pl.coalesce("reason", *reasons))
