"""fastText models: one line of text in, probabilities of labels out.

fastText's own predict of a single string fails under NumPy 2, so the batch call or the inner one is
used. fastText reads a text as one line of tokens divided by white space; what makes such lines is
the affair of who asks (`text.spoken`, `raters.fasttext_lines`).
"""

import mmap
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.collection.what_fetches import what_fetches

BATCH = 4_096
"""Texts handed to fastText at a time, to bound the memory that its results take."""


LABEL = "__label__"

MAGIC = struct.pack("<i", 793712314)
"""What a model's file begins with (``FASTTEXT_FILEFORMAT_MAGIC_INT32``)."""


def model_fault(path: Path, label: str | None = None) -> str | None:
    """Why a file is no fastText model, or not one that knows the label; None: nothing shows it.

    The file is not loaded: its labels stand near its beginning.
    """
    if not path.is_file():
        return f"there is no file {path}; {what_fetches(path) or 'correct the recipe'}"
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return f"{path} is no fastText model (.bin or .ftz)"
        if label is None:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(f"{LABEL}{label}\0".encode()) < 0:
                return f"{path}: the model has no label {label!r}"
    return None


def predict(lines: pl.Series, model: Path) -> tuple[pl.Series, pl.Series]:
    """The likeliest label of each line and its probability (String, Float32), null for empty lines.

    fastText's ``__label__`` is taken off. Its rounding may pass 1 by a little: that is cut off.
    """
    loaded = _load(str(model))
    labels: list[str] = []
    scores: list[float] = []
    for batch in lines.to_frame().iter_slices(BATCH):
        found, probabilities = loaded.predict(batch.to_series().to_list(), k=1)
        labels += [names[0] if names else "" for names in found]
        scores += [float(values[0]) if len(values) else 0.0 for values in probabilities]
    label = pl.Series("label", labels, pl.String).str.strip_prefix(LABEL)
    score = pl.Series("score", scores, pl.Float32).clip(0, 1)
    empty = (lines == "") | (label == "")
    return (
        pl.select(pl.when(~empty).then(label)).to_series(),
        pl.select(pl.when(~empty).then(score)).to_series(),
    )


def label_probability(lines: pl.Series, model: Path, label: str) -> pl.Series:
    """The probability of one label for each line (Float32), null for lines of unknown words.

    Raises ValueError if the model lacks the label.
    """
    loaded = _load(str(model))
    labels = sorted(name.removeprefix(LABEL) for name in loaded.labels)
    if label not in labels:
        raise ValueError(f"{model}: the model has no label {label!r}, only {', '.join(labels)}")
    scores: list[float | None] = []
    for line in lines.str.replace_all(r"[\n\r\x00]", " "):
        # The batch call repeats the first label's probability for all of them.
        found = loaded.f.predict(line + "\n", len(labels), 0.0, "strict")
        scores.append({name: value for value, name in found}.get(LABEL + label))
    # fastText adds 1e-5 before it takes a logarithm, and so to what it gives back.
    return (pl.Series(scores, dtype=pl.Float64) - 1e-5).clip(0, 1).cast(pl.Float32)


@lru_cache(maxsize=2)
def _load(path: str) -> Any:
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no fastText model at {path}")
    from fasttext.FastText import _FastText

    return _FastText(model_path=path)
