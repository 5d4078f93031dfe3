"""A rater from judged pairs, after QuRating (Wettig et al. 2024, arXiv 2402.09739).

QuRating asks a large model which of two texts is better on a criterion, takes Bradley-Terry scores
for the truth behind the answers, and trains a 1.3B model to predict them. Here the scores are
fitted first (`bradley_terry`) and generalised to all documents by a head on sentence embeddings
(`regression_head`), which a CPU can put to every document.

A rating is a real number; a difference of 1 is a preference of 73%. Groups of documents that no
judgement connects have no common zero: judge enough pairs, the metrics count the groups.
"""

from pathlib import Path

import polars as pl

from midtrain_dagster.curation.raters import bradley_terry, regression_head

VERSION = 1


def train(
    documents: pl.DataFrame,
    judgements: pl.DataFrame,
    *,
    embedding: Path,
    prior: float,
    ridge: float,
) -> dict[str, pl.DataFrame | bytes]:
    """Fit scores to judgements (a, b, preference), and a head to the scores.

    ``documents`` (id, text) are those that are judged, at least. Returns ``{"model": bytes,
    "scores": df, "metrics": df}``: a safetensors file, the table of `bradley_terry.scores`, and
    columns name, value with the metrics of both fits and ``pair_accuracy``: how often the head
    agrees with the judgements of pairs with a held-out document (null if there is none).

    Raises ValueError if there are too few judgements or documents with text to train on.
    """
    scored = bradley_terry.scores(judgements, prior=prior)
    texts = documents.select("id", "text").unique("id")
    examples = scored["scores"].join(texts, on="id", how="left", maintain_order="left")
    model, rated, metrics = regression_head.fit(
        examples.select("id", "text", target="score"), embedding=embedding, ridge=ridge
    )
    metrics["pair_accuracy"] = _pair_accuracy(judgements, rated)
    table = pl.concat([scored["metrics"], regression_head.metrics_table(metrics)])
    return {"model": model, "scores": scored["scores"], "metrics": table}


def rate(documents: pl.DataFrame, *, model: Path, embedding: Path) -> dict[str, pl.DataFrame]:
    """A score for each document: `regression_head.rate`."""
    return regression_head.rate(documents, model=model, embedding=embedding)


def _pair_accuracy(judgements: pl.DataFrame, rated: pl.DataFrame) -> float | None:
    ratings = rated.select("id", "rating", "held_out")
    pairs = (
        judgements.filter(pl.col("preference") != 0.5)
        .join(ratings, left_on="a", right_on="id")
        .join(ratings, left_on="b", right_on="id", suffix="_b")
        .filter(pl.col("held_out") | pl.col("held_out_b"))
    )
    agrees = (pairs["rating"] > pairs["rating_b"]) == (pairs["preference"] > 0.5)
    return float(agrees.sum()) / pairs.height if pairs.height else None
