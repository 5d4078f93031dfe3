"""A rater from labels of 0 to 5, after FineWeb-Edu's rater of educational value.

FineWeb-Edu (Penedo et al. 2024, arXiv 2406.17557, section 4) has web pages labelled from 0 to 5 by
a large model, fits a linear head on frozen Snowflake embeddings, and keeps pages of 3 or more (F1
of 82% there). Here labels come from a file or a judge (`judgements`), and the head is fitted in
closed form on whatever embedding the recipe names (`regression_head`).
"""

from pathlib import Path

import polars as pl

from midtrain_dagster.curation.raters import regression_head

VERSION = 1

SCALE = (0.0, 5.0)

KEEP = 3.0
"""FineWeb-Edu's threshold, at which the F1 is measured."""


def train(
    documents: pl.DataFrame, labels: pl.DataFrame, *, embedding: Path, ridge: float
) -> dict[str, pl.DataFrame | bytes]:
    """Fit a head to nine tenths of the labels and measure on the rest.

    ``labels`` has columns id, text, label (0 to 5); a null text is looked up in ``documents`` (id,
    text), which need hold no other documents.

    Returns ``{"model": bytes, "metrics": df}``: a safetensors file, and columns name, value with
    the metrics of `regression_head.fit` and the F1 of 3 or more (null if nothing is).

    Raises ValueError if a label is outside 0 to 5 or too few labels have a text.
    """
    outside = labels.filter(~pl.col("label").is_between(*SCALE))
    if outside.height:
        raise ValueError(f"label {outside['label'][0]} of {outside['id'][0]!r} is not 0 to 5")
    texts = documents.select("id", found="text").unique("id")
    examples = labels.join(texts, on="id", how="left", maintain_order="left").select(
        "id", target="label", text=pl.coalesce("text", "found")
    )
    model, rated, metrics = regression_head.fit(examples, embedding=embedding, ridge=ridge)
    held_out = rated.filter("held_out")
    good, found = held_out["target"] >= KEEP, held_out["rating"] >= KEEP
    named = int(good.sum()) + int(found.sum())
    metrics["f1"] = 2 * int((good & found).sum()) / named if named else None
    return {"model": model, "metrics": regression_head.metrics_table(metrics)}


def rate(documents: pl.DataFrame, *, model: Path, embedding: Path) -> dict[str, pl.DataFrame]:
    """A rating from 0 to 5 for each document: `regression_head.rate`."""
    return regression_head.rate(documents, model=model, embedding=embedding, scale=SCALE)
