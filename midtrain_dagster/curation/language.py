"""The language of each document, by fastText's lid.176 (Joulin et al. 2016, arXiv 1607.01759).

The quantised model ``lid.176.ftz`` (0.9 MB) knows 176 languages; FineWeb keeps English at a score
of 0.65 or more. It judges character n-grams, of words as encyclopedias print them: so it is given
the words alone, in lower case, of the whole document or of parts spread evenly over a long one
(`spoken`). Source code and formulas get an arbitrary language all the same: the policy of such
kinds need not ask for one.
"""

from pathlib import Path

import polars as pl

from midtrain_dagster.curation.classifier import predict
from midtrain_dagster.curation.text import prose, spoken

VERSION = 3
USES = (prose, spoken)

UNDETERMINED = "und"
"""What ISO 639-2 calls a language that nobody can tell: that of a page of code or of figures."""


def identify(documents: pl.DataFrame, *, model: Path) -> dict[str, pl.DataFrame]:
    """Judge the language of each document. Input columns: id, text; kind and format say what of it
    is `judged`.

    Returns ``{"language": df}`` with columns id, language (ISO 639 code), language_score (Float32),
    error. A null text or one without a visible character has no language, and an ``error``; one of
    which nothing is prose, or no word, is of the language UNDETERMINED, surely.
    """
    lines = spoken.spoken(prose.judged(documents)).fill_null("")
    label, score = predict(lines, model)
    visible = pl.col("text").str.contains(r"[^\s\x00]")
    without_words = visible & (lines == "")
    return {
        "language": documents.select(
            "id",
            language=pl.when(without_words).then(pl.lit(UNDETERMINED)).otherwise(label),
            language_score=pl.when(without_words).then(1.0).otherwise(score).cast(pl.Float32),
            error=pl.when(pl.col("text").is_null())
            .then(pl.lit("the text is null"))
            .when(~visible)
            .then(pl.lit("the text is empty")),
        )
    }
