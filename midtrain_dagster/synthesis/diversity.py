"""How much the texts that a model wrote differ from one another.

``distinct`` is distinct-n (Li et al. 2016, arXiv 1510.03055, section 4.3). ``spread`` is one less
the mean cosine of two texts, and ``nearest`` the greatest cosine of each with an earlier one, by
which near copies go. The vectors are words weighed by tf-idf, hashed with signs into 2,048 numbers
(Weinberger et al. 2009, arXiv 0902.2206): they know words and not meaning, so two texts that say
the same in other words count as different. Persona Hub (arXiv 2406.20094, section 2.3) drops what
lies above 0.9 by MinHash, and again by an embedding.
"""

import numpy as np
import polars as pl

from midtrain_dagster.core import draws

VERSION = 1
USES = (draws,)

DIMENSIONS = 2048
NEAR = 0.9
"""The cosine above which a text is a near copy of another."""

_BLOCK = 1024


def distinct(texts: list[str], n: int) -> float:
    """Different sequences of ``n`` words for each sequence in the texts; 0 where there is none."""
    words = pl.Series(texts, dtype=pl.String).str.to_lowercase().str.extract_all(r"\w+")
    table = pl.DataFrame({"text": range(words.len()), "word": words}).explode("word").drop_nulls()
    parts = [pl.col("word").shift(-step).over("text").alias(str(step)) for step in range(n)]
    runs = table.select(parts).drop_nulls()
    return runs.n_unique() / runs.height if runs.height else 0.0


def vectors(texts: list[str]) -> np.ndarray:
    """The words of each text by tf-idf: float32 of shape (texts, DIMENSIONS), rows of length 1 or,
    where a text has no word, 0."""
    from midtrain_dagster.core.id_hashes import id_hashes

    words = pl.Series(texts, dtype=pl.String).str.to_lowercase().str.extract_all(r"\w+")
    table = (
        pl.DataFrame({"text": pl.int_range(words.len(), eager=True), "word": words})
        .explode("word")
        .drop_nulls()
        .group_by("text", "word", maintain_order=True)
        .len("count")
        .with_columns(texts=pl.len().over("word"))
    )
    found = np.zeros((len(texts), DIMENSIONS), np.float32)
    if table.is_empty():
        return found
    keys = id_hashes(table["word"], 0)
    sign = np.where(keys >> np.uint64(63), 1.0, -1.0)
    rarity = np.log(1 + len(texts) / table["texts"].to_numpy())
    weights = sign * table["count"].to_numpy() * rarity
    places = (keys % np.uint64(DIMENSIONS)).astype(np.int64)
    np.add.at(found, (table["text"].to_numpy(), places), weights.astype(np.float32))
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(lengths, lengths, 1)


def spread(made: np.ndarray) -> float:
    """One less the mean cosine of two different texts; 0 where there are not two."""
    count = len(made)
    if count < 2:
        return 0.0
    total = made.sum(axis=0, dtype=np.float64)
    own = np.square(made, dtype=np.float64).sum()
    return float(1 - (total @ total - own) / (count * (count - 1)))


def nearest(made: np.ndarray) -> np.ndarray:
    """The greatest cosine of each text with an earlier one: float32, 0 for the first."""
    found = np.zeros(len(made), np.float32)
    for start in range(0, len(made), _BLOCK):
        block = made[start : start + _BLOCK]
        cosines = block @ made[: start + len(block)].T
        later = np.arange(cosines.shape[1]) >= start + np.arange(len(block))[:, None]
        cosines[later] = 0
        found[start : start + len(block)] = cosines.max(axis=1, initial=0)
    return found
