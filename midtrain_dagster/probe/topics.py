"""Topics of documents: clusters of their words.

Documents become vectors of hashed words, weighted by ``(1 + log count) * log(documents / documents
with the word)`` and of length 1; spherical k-means (Dhillon and Modha 2001) gathers them around
centres that are drawn as k-means++ does (Arthur and Vassilvitskii 2007), by hash. Trade-off: words
know no meaning, but cost no model, and a topic is called by the words that stand out in it.

Centres are found on a draw of documents; all others go to the nearest.
"""

import numpy as np
import polars as pl

from midtrain_dagster.core import draws

VERSION = 1
USES = (draws,)

TOPICS = pl.Schema({"id": pl.String(), "topic": pl.UInt16()})

READ_CHARACTERS = 4_000
BUCKETS = 1024
FITTED = 10_000
"""Documents that centres are found on, at most."""
ROUNDS = 30
TERMS = 3
"""Words that a topic is called by."""

_WORD = r"\p{L}{4,}"


def cluster(documents: pl.DataFrame, *, count: int, seed: int) -> tuple[pl.DataFrame, list[str]]:
    """The topic of each document (``id``, ``text``; schema ``TOPICS``), and each topic's name.

    There are fewer topics than ``count`` where there are fewer documents.
    """
    fitted = draws.first(documents.select("id", "text"), count=FITTED, seed=seed)
    terms = _terms(fitted)
    frequency = terms.group_by("bucket").agg(frequency=pl.col("id").n_unique())
    weight = np.full(BUCKETS, np.log(fitted.height + 1.0))
    weight[frequency["bucket"]] = np.log((fitted.height + 1) / (frequency["frequency"] + 0.5))
    vectors = _vectors(fitted["id"], terms, weight)
    centres = _centres(vectors, min(count, fitted.height), seed)
    found = [
        each.select(
            "id", topic=pl.Series(_nearest(_vectors(each["id"], _terms(each), weight), centres))
        )
        for each in documents.select("id", "text").iter_slices(FITTED)
    ]
    topics = pl.concat([TOPICS.to_frame(), *(each.cast(TOPICS) for each in found)])
    return topics, _names(terms, topics, len(centres))


def _terms(documents: pl.DataFrame) -> pl.DataFrame:
    """Each document's words with their counts: ``id``, ``word``, ``count``, ``bucket``."""
    from midtrain_dagster.core.id_hashes import id_hashes

    words = documents.select(
        "id",
        word=pl.col("text").str.head(READ_CHARACTERS).str.to_lowercase().str.extract_all(_WORD),
    )
    counted = words.explode("word").drop_nulls().group_by("id", "word").agg(count=pl.len())
    counted = counted.sort("id", "word")
    hashes = id_hashes(counted["word"], 0) % np.uint64(BUCKETS)
    return counted.with_columns(bucket=pl.Series(hashes.astype(np.int64)))


def _vectors(ids: pl.Series, terms: pl.DataFrame, weight: np.ndarray) -> np.ndarray:
    """Vectors [n, BUCKETS] of length 1 (0 for a document without a word), float32."""
    rows = terms.join(ids.to_frame("id").with_row_index("row"), on="id", how="left")
    bucket = rows["bucket"].to_numpy()
    values = (1 + np.log(rows["count"].to_numpy())) * weight[bucket]
    flat = rows["row"].to_numpy().astype(np.int64) * BUCKETS + bucket
    summed = np.bincount(flat, values, minlength=len(ids) * BUCKETS).reshape(len(ids), BUCKETS)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return (summed / np.where(length, length, 1)).astype(np.float32)


def _centres(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Centres [count, BUCKETS] of length 1."""
    chance = draws.uniform(pl.Series([f"centre {number}" for number in range(count)]), seed)
    chosen = [int(chance[0] * len(vectors))]
    for number in range(1, count):
        apart = np.clip(1 - (vectors @ vectors[chosen].T).max(axis=1), 0, None).astype(np.float64)
        apart[chosen] = 0
        # Where all documents are like a centre already, the next is one not yet chosen.
        sums = np.cumsum(
            apart if apart.sum() else np.isin(np.arange(len(vectors)), chosen, invert=True)
        )
        chosen.append(int(np.searchsorted(sums, chance[number] * sums[-1], side="right")))
    centres = vectors[chosen]
    for _ in range(ROUNDS):
        nearest = _nearest(vectors, centres)
        moved = centres.copy()
        for number in range(count):
            total = vectors[nearest == number].sum(axis=0)
            length = np.linalg.norm(total)
            if length:
                moved[number] = total / length
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def _nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return (vectors @ centres.T).argmax(axis=1)


def _names(terms: pl.DataFrame, topics: pl.DataFrame, count: int) -> list[str]:
    """Each topic's words that stand out: its terms of the Kullback-Leibler divergence from all
    documents, by the share of documents that have a word."""
    known = terms.join(topics, on="id")
    documents = known["id"].n_unique()
    share = known.group_by("word").agg(everywhere=pl.len() / documents)
    sizes = known.group_by("topic").agg(size=pl.col("id").n_unique())
    inside = known.group_by("topic", "word").agg(inside=pl.len())
    standing = (
        inside.join(sizes, on="topic")
        .join(share, on="word")
        .with_columns(share=pl.col("inside") / pl.col("size"))
        .with_columns(more=pl.col("share") * (pl.col("share") / pl.col("everywhere")).log())
        .sort("topic", "more", "word", descending=[False, True, False])
    )
    named = standing.group_by("topic", maintain_order=True).agg(pl.col("word").head(TERMS))
    words = dict(named.iter_rows())
    return [", ".join(words.get(number, [])) or f"topic {number + 1}" for number in range(count)]
