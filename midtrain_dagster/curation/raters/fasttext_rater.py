"""A rater by fastText: how likely a document is one of the wanted ones (DCLM's way).

DCLM (Li et al. 2024, arXiv 2406.11794, section 4.4) takes OpenHermes-2.5 and ELI5 for positives and
web text for negatives, and keeps the tenth with the highest probability. Here both sides are names
of sources in the recipe, or the model is given. A linear model over words and word pairs is the
cheapest rater of the survey and a strong one; it likes the style of its positives as much as their
quality.

Text is lower-cased and punctuation set apart by spaces, in training and rating alike; a given model
may ask for the plain text. One thread trains, because several would race: the same documents and
seed give the same bytes. The order of the documents does not matter.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from midtrain_dagster.curation.text.characters import Text

VERSION = 2

HELD_OUT = 0.1
"""The share of the examples that is held out for the metrics, drawn by their ids."""

MINIMUM_COUNT = 3
"""How often a word must occur to be a feature of its own: it bounds the model's vocabulary."""

CHUNK_BYTES = 1_000_000
"""Text is taken so much at a time, so that the lines are still in the cache when they are rated."""

TextForm = Literal["normalised", "plain"]


def train(
    positives: pl.DataFrame,
    negatives: pl.DataFrame,
    *,
    text: TextForm,
    seed: int,
    dimensions: int,
    epochs: int,
    learning_rate: float,
    word_ngrams: int,
    buckets: int,
) -> dict[str, pl.DataFrame | bytes]:
    """Train on nine tenths of the documents (columns id, text) and measure on the rest.

    Returns ``{"model": bytes, "metrics": df}``: a fastText model file with the labels "positive"
    and "negative", and columns name, value with how many documents of each side were trained on and
    held out, and the held-out accuracy (at 0.5) and AUC, null where a side has nothing held out.

    Raises ValueError if a side has no document with text, or a document is on both sides.
    """
    import fasttext

    from midtrain_dagster.curation.raters.draws import draws
    from midtrain_dagster.curation.text.characters import text_buffer

    examples = pl.concat(
        [_examples(positives, "positive", text), _examples(negatives, "negative", text)]
    )
    if examples["id"].is_duplicated().any():
        twice = examples.filter(pl.col("id").is_duplicated())["id"].min()
        raise ValueError(
            f"document {twice!r} is given twice: a document is one example of one side"
        )
    examples = examples.with_columns(draw=draws(examples["id"], seed=0)).sort("draw", "id")
    held_out = examples.filter(pl.col("draw") < HELD_OUT)
    training = examples.filter(pl.col("draw") >= HELD_OUT)
    for side in ("positive", "negative"):
        if not (training["label"] == side).any():
            raise ValueError(f"no {side} document with text to train on")
    with tempfile.TemporaryDirectory() as folder:
        lines, model = Path(folder) / "examples.txt", Path(folder) / "model.bin"
        marked = training.select(pl.format("__label__{} {}", "label", "line"))
        lines.write_text("\n".join(marked.to_series()) + "\n", encoding="utf-8", newline="\n")
        trained = fasttext.train_supervised(
            input=str(lines),
            dim=dimensions,
            epoch=epochs,
            lr=learning_rate,
            minCount=MINIMUM_COUNT,
            wordNgrams=word_ngrams,
            bucket=buckets,
            thread=1,
            seed=seed,
            verbose=0,
        )
        trained.save_model(str(model))
        content = model.read_bytes()
        quality = _probability(text_buffer(held_out["line"]), model, "positive")
    measured = {
        "training_positives": float((training["label"] == "positive").sum()),
        "training_negatives": float((training["label"] == "negative").sum()),
        **_metrics(held_out["label"] == "positive", quality),
    }
    metrics = pl.DataFrame(
        {"name": list(measured), "value": list(measured.values())},
        schema={"name": pl.String, "value": pl.Float64},
    )
    return {"model": content, "metrics": metrics}


def rate(
    documents: pl.DataFrame, *, model: Path, label: str = "positive", text: TextForm = "normalised"
) -> dict[str, pl.DataFrame]:
    """The probability of the label for each document. Input columns: id, text.

    Returns ``{"ratings": df}`` with columns id, rating (Float32, 0 to 1), error. No rating has a
    null text, one without a visible character, or one of which the model knows nothing.

    Raises FileNotFoundError, and ValueError if the file is no fastText model or lacks the label.
    """
    from midtrain_dagster.curation.text.characters import chunks

    ratings = [pl.Series([], dtype=pl.Float32)]
    for _, texts in chunks(documents["text"].fill_null(""), CHUNK_BYTES):
        ratings.append(_probability(_lines(texts, text), model, label))
    rating = pl.concat(ratings)
    empty = (documents["text"].str.strip_chars(" \t\n\v\f\r\0") == "").fill_null(True)
    return {
        "ratings": documents.select(
            "id",
            rating=pl.when(~empty).then(rating),
            error=pl.when(pl.col("text").is_null())
            .then(pl.lit("the text is null"))
            .when(empty)
            .then(pl.lit("the text is empty"))
            .when(rating.is_null())
            .then(pl.lit("the model knows no word of the text")),
        )
    }


def _lines(texts: pl.Series, form: TextForm) -> "Text":
    from midtrain_dagster.curation.raters.fasttext_lines import token_lines
    from midtrain_dagster.curation.text.characters import text_buffer

    buffer = text_buffer(texts)
    return token_lines(buffer) if form == "normalised" else buffer


def _series(text: "Text") -> pl.Series:
    offsets, buffer = pa.py_buffer(text.offsets), pa.py_buffer(text.buffer)
    return pl.Series(pa.LargeStringArray.from_buffers(text.offsets.size - 1, offsets, buffer))


def _examples(documents: pl.DataFrame, label: str, form: TextForm) -> pl.DataFrame:
    documents = documents.filter(pl.col("text").is_not_null())
    line = _series(_lines(documents["text"], form))
    if form == "plain":
        line = line.str.replace_all(r"[\s\x00]+|__label__|</s>", " ").str.strip_chars()
    lines = documents.select("id", line=line)
    return lines.filter(pl.col("line") != "").with_columns(label=pl.lit(label))


def _probability(lines: "Text", path: Path, label: str) -> pl.Series:
    from midtrain_dagster.curation.classifier import label_probability
    from midtrain_dagster.curation.raters.fasttext_model import probability, read_model

    model = read_model(path, label)
    if model is None:
        return label_probability(_series(lines), path, label)
    return pl.Series(probability(lines, model), nan_to_null=True)


def _metrics(positive: pl.Series, quality: pl.Series) -> dict[str, float | None]:
    """Accuracy at 0.5 and the area under the ROC curve (by ranks, Mann and Whitney 1947)."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    accuracy, area = None, None
    if positive.len():
        accuracy = float(((quality > 0.5) == positive).sum()) / positive.len()
    if positives and negatives:
        ranks = float(quality.rank("average").filter(positive).sum())
        area = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return {
        "held_out_positives": float(positives),
        "held_out_negatives": float(negatives),
        "accuracy": accuracy,
        "auc": area,
    }
