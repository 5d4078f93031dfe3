"""A regression head on sentence embeddings: fitted in closed form, stored, put to every document.

The embedding stays as it is; what is learnt is one weight for each of its numbers and a bias, by
ridge regression (Hoerl and Kennard 1970): no epochs, no learning rate, one answer. The head is a
safetensors file of some kilobytes. A rater is worth what its held-out metrics say: a hundred
examples make a poor one, and the metrics show it. Only a document's beginning is read
(`sentence_embedding`).
"""

from pathlib import Path

import numpy as np
import polars as pl

from midtrain_dagster.core import draws
from midtrain_dagster.curation.raters import sentence_embedding

VERSION = 1
USES = (draws, sentence_embedding)

HELD_OUT = 0.1
"""The share of the examples that is held out for the metrics, drawn by their ids."""


def fit(
    examples: pl.DataFrame, *, embedding: Path, ridge: float
) -> tuple[bytes, pl.DataFrame, dict[str, float | None]]:
    """Fit a head to nine tenths of the examples (columns id, text, target).

    Returns the head; the examples with text, with columns held_out (Boolean) and rating (Float32);
    and metrics by name: how many examples were trained on, held out and without a text, and the R2
    and Spearman correlation of those held out, null where they are not defined. The order of the
    examples does not matter.

    Raises ValueError if fewer than two examples are left to train on.
    """
    from safetensors.numpy import save

    rated = examples.filter(pl.col("text").str.strip_chars() != "")
    rated = rated.with_columns(draw=draws.uniform(rated["id"], seed=0)).sort("draw", "id")
    rated = rated.with_columns(held_out=pl.col("draw") < HELD_OUT).drop("draw")
    apart, target = rated["held_out"].to_numpy(), rated["target"].to_numpy()
    if (~apart).sum() < 2:
        raise ValueError(
            f"{(~apart).sum()} examples are too few to train on "
            f"({examples.height} were given, {rated.height} of them with text)"
        )
    vectors = sentence_embedding.embed(rated["text"], embedding)
    weights, bias = regression(vectors[~apart], target[~apart], ridge)
    rated = rated.with_columns(rating=pl.Series(_values(vectors, weights, bias)))
    metrics = {
        "trained_on": float((~apart).sum()),
        "held_out": float(apart.sum()),
        "without_text": float(examples.height - rated.height),
        **_agreement(rated.filter("held_out")),
    }
    head = {"weights": weights, "bias": np.array([bias], np.float32)}
    return save(head), rated, metrics


def rate(
    documents: pl.DataFrame,
    *,
    model: Path,
    embedding: Path,
    scale: tuple[float, float] | None = None,
) -> dict[str, pl.DataFrame]:
    """The head's value for each document, cut to ``scale`` if there is one. Columns: id, text.

    Returns ``{"ratings": df}`` with columns id, rating (Float32), error; a text that is null or
    without a visible character has no rating. Raises ValueError if the head was made for an
    embedding of another size.
    """
    from safetensors.numpy import load_file

    head = load_file(model)
    text = documents["text"]
    empty = (text.str.strip_chars() == "").fill_null(True)
    vectors = sentence_embedding.embed(text, embedding)
    if head["weights"].size != vectors.shape[1]:
        raise ValueError(
            f"{model} is a head for embeddings of {head['weights'].size} numbers; those of "
            f"{embedding} have {vectors.shape[1]}"
        )
    values = _values(vectors, head["weights"], float(head["bias"][0]))
    rating = pl.Series(values.clip(*scale) if scale else values)
    return {
        "ratings": documents.select(
            "id",
            rating=pl.when(~empty).then(rating),
            error=pl.when(text.is_null())
            .then(pl.lit("the text is null"))
            .when(empty)
            .then(pl.lit("the text is empty")),
        )
    }


def regression(vectors: np.ndarray, target: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Weights (float32) and bias: least squares plus ``ridge`` times the squared weights."""
    vectors, target = vectors.astype(np.float64), target.astype(np.float64)
    centre, level = vectors.mean(axis=0), float(target.mean())
    centred = vectors - centre
    gram = centred.T @ centred + ridge * np.eye(vectors.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (target - level)).astype(np.float32)
    return weights, float(np.float32(level - centre @ weights))


def metrics_table(metrics: dict[str, float | None]) -> pl.DataFrame:
    """Metrics as a table: name, value (Float64)."""
    schema = {"name": pl.String, "value": pl.Float64}
    return pl.DataFrame({"name": list(metrics), "value": list(metrics.values())}, schema=schema)


def _values(vectors: np.ndarray, weights: np.ndarray, bias: float) -> np.ndarray:
    return (vectors.astype(np.float64) @ weights + bias).astype(np.float32)


def _agreement(held_out: pl.DataFrame) -> dict[str, float | None]:
    target, rating = held_out["target"].to_numpy(), held_out["rating"].to_numpy()
    spread = float(((target - target.mean()) ** 2).sum()) if target.size else 0.0
    if not spread:
        return {"r2": None, "spearman": None}
    correlation = held_out.select(pl.corr("target", "rating", method="spearman")).item()
    return {
        "r2": 1 - float(((target - rating) ** 2).sum()) / spread,
        "spearman": correlation if np.isfinite(correlation) else None,
    }
