"""The language of each document, by fastText's lid.176 (Joulin et al. 2016, arXiv 1607.01759).

The quantised model ``lid.176.ftz`` (0.9 MB) knows 176 languages; FineWeb keeps English at a score
of 0.65 or more. It judges character n-grams, so source code and formulas get an arbitrary language:
the policy of such kinds need not ask for one.
"""

from pathlib import Path

import polars as pl

from midtrain_dagster.curation.classifier import one_line, predict
from midtrain_dagster.curation.text import prose

VERSION = 2
USES = (prose,)

CHARACTERS = 4_000
"""How much of a document is judged: enough for any language, and no more, for the time it takes."""

UNDETERMINED = "und"
"""What ISO 639-2 calls a language that nobody can tell: that of a page of code."""


def identify(documents: pl.DataFrame, *, model: Path) -> dict[str, pl.DataFrame]:
    """Judge the language of each document's beginning. Input columns: id, text; kind and format say
    what of it is `judged`.

    Returns ``{"language": df}`` with columns id, language (ISO 639 code), language_score (Float32),
    error. A null text or one without a visible character has no language, and an ``error``; one of
    which nothing is prose is of the language UNDETERMINED, surely.
    """
    judged = prose.judged(documents).alias("text").to_frame()
    lines = judged.select(line=one_line(pl.col("text").fill_null(""), CHARACTERS))["line"]
    label, score = predict(lines, model)
    whole = documents.select(line=one_line(pl.col("text").fill_null(""), CHARACTERS))["line"]
    without_prose = (lines == "") & (whole != "")
    return {
        "language": documents.select(
            "id",
            language=pl.when(without_prose).then(pl.lit(UNDETERMINED)).otherwise(label),
            language_score=pl.when(without_prose).then(1.0).otherwise(score).cast(pl.Float32),
            error=pl.when(pl.col("text").is_null())
            .then(pl.lit("the text is null"))
            .when(whole == "")
            .then(pl.lit("the text is empty")),
        )
    }
