"""Verification of candidate pairs on the true shingle sets: the part of deduplication that reads.

Candidates are only a proposal. Unverified MinHash pairs were false in half of the reviewed
disagreements of public pipelines, and one emptied whole templated sources; so every pair is checked
on its texts before it becomes an edge.

Text is what costs, so a pair is verified once: what was measured is kept, also below the threshold,
and of later candidates only `unverified` ones are read. They are read in `batches`, each bounded in
bytes. The pairs of one component of the candidates stay together as far as a batch has room, so
nearly every document is read by one batch only; batches follow the order of parts, so pairs of
neighbours are found in few files.

`edges` then are a function of the candidates and the measures alone: a corpus that grew by parts
has the edges, byte for byte, of one that came at once.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.curation.duplicates.candidates import PAIRS

VERSION = 2

BATCH_BYTES = 64_000_000
"""Text of a batch, in UTF-8; verifying it takes about eight times as much memory."""

PAIR_BYTES = 200
"""What a pair takes beside its texts, counted towards the bytes of a batch."""

EFFORT = 1 / 8
"""How long a byte of the parts takes beside one of curation: the texts of the pairs alone are
unpacked."""

VERIFIED = pl.Schema({**PAIRS, "jaccard": pl.Float64()})
EDGES = pl.Schema(
    {"a": pl.String(), "b": pl.String(), "method": pl.String(), "jaccard": pl.Float64()}
)

_KEYS = ["a", "b", "text_a", "text_b"]


class Batch(NamedTuple):
    """Pairs to verify together."""

    pairs: pl.DataFrame
    """PAIRS, sorted by a and b."""
    parts: list[int]
    """The numbers of the parts that hold their documents, ascending."""


def unverified(candidates: pl.DataFrame, verified: pl.DataFrame) -> pl.DataFrame:
    """The candidates whose texts nobody has compared yet, in their order."""
    return candidates.join(verified, on=_KEYS, how="anti", maintain_order="left")


def batches(
    pairs: pl.DataFrame, documents: pl.DataFrame, *, limit: int = BATCH_BYTES
) -> list[Batch]:
    """Divide pairs into batches of up to ``limit`` bytes of text.

    ``documents`` has the columns id, part (number of the part that holds it) and bytes (of its
    text); it may hold more than the documents of the pairs. A batch is larger than the limit only
    if it is one pair. The order of the rows of either table does not matter. Raises ValueError if a
    document of a pair is missing.
    """
    from midtrain_dagster.curation.duplicates.components import components, packed

    if pairs.is_empty():
        return []
    pairs = pairs.sort("a", "b")
    members, a, b = numbered(pairs)
    table = members.to_frame().join(documents, on="id", how="left", maintain_order="left")
    _require(members, table.filter(pl.col("part").is_not_null())["id"], "documents")
    part, sizes = table["part"].to_numpy(), table["bytes"].to_numpy()
    component = components(members.len(), a, b)
    first_part = table.select(pl.col("part").min().over(pl.Series(component))).to_series()
    order = np.lexsort((b, a, part[b], part[a], component[a], first_part.to_numpy()[a]))
    numbers = packed(a[order], b[order], sizes.astype(np.int64), limit, PAIR_BYTES)
    return [
        Batch(
            chosen.select(PAIRS.names()).sort("a", "b"), sorted({*chosen["of_a"], *chosen["of_b"]})
        )
        for chosen in pairs.with_columns(of_a=part[a], of_b=part[b])[order]
        .with_columns(batch=numbers)
        .partition_by("batch", maintain_order=True)
    ]


def verify(
    documents: pl.LazyFrame, *, pairs: pl.DataFrame, shingle: int | None
) -> dict[str, pl.DataFrame]:
    """Measure the similarity of each pair (PAIRS) on its texts.

    ``documents`` holds id and text of (at least) the documents in ``pairs``. An "exact" pair is 1.0
    alike if its normalised texts are the same and 0.0 if only their hashes are; a "minhash" pair as
    its sets of ``shingle`` words (Jaccard), and if there is no ``shingle``, all are exact.

    Returns ``{"verified": VERIFIED}``, in the order of the pairs. Raises ValueError if a document
    of a pair is missing, has no text, or another one than its signature was made from.
    """
    from midtrain_dagster.curation.duplicates.shingles import (
        jaccard,
        same_texts,
        shingle_hashes,
        text_hashes,
    )
    from midtrain_dagster.curation.text.normalisation import normalise

    members, a, b = numbered(pairs)
    texts = (
        documents.filter(pl.col("id").is_in(members.implode()) & pl.col("text").is_not_null())
        .select("id", "text")
        .unique("id")
        .sort("id")
        .collect()
    )
    _require(members, texts["id"], "documents with text")
    normalised = normalise(texts["text"])
    found = text_hashes(normalised)
    changed = (found[a] != pairs["text_a"].to_numpy()) | (found[b] != pairs["text_b"].to_numpy())
    if changed.any():
        a_changed, b_changed = pairs.filter(pl.Series(changed)).select("a", "b").row(0)
        raise ValueError(
            f"{changed.sum()} pairs were proposed for other texts, the first is {a_changed!r} and "
            f"{b_changed!r}: pass the documents that the signatures were made from"
        )
    similarity = same_texts(normalised, a, b).astype(np.float64)
    near = pairs["method"].to_numpy() != "exact"
    if near.any():
        if shingle is None:
            raise ValueError(f"{near.sum()} pairs are not exact, and no shingle is given")
        similarity[near] = jaccard(*shingle_hashes(normalised, shingle), a[near], b[near])
    measured = pairs.select(PAIRS.names()).with_columns(jaccard=pl.Series(similarity))
    return {"verified": measured}


def edges(candidates: pl.DataFrame, verified: pl.DataFrame, *, threshold: float) -> pl.DataFrame:
    """The candidates that are duplicates indeed: exact, or alike by ``threshold`` or more.

    Returns EDGES sorted by a and b. Raises ValueError if a candidate was not verified.
    """
    known = verified.unique(_KEYS).select(*_KEYS, "jaccard")
    table = candidates.join(known, on=_KEYS, how="left", maintain_order="left")
    missing = table.filter(pl.col("jaccard").is_null())
    if missing.height:
        raise ValueError(
            f"{missing.height} candidate pairs were not verified, the first is "
            f"{missing['a'][0]!r} and {missing['b'][0]!r}"
        )
    least = pl.when(pl.col("method") == "exact").then(1.0).otherwise(threshold)
    return table.filter(pl.col("jaccard") >= least).select(EDGES.names()).sort("a", "b")


def numbered(pairs: pl.DataFrame) -> tuple[pl.Series, np.ndarray, np.ndarray]:
    """The documents of pairs, sorted by id, and each side of the pairs as their numbers (int64)."""
    members = pl.concat([pairs["a"], pairs["b"]]).unique().sort().rename("id")
    a, b = (
        pl.Series(members.search_sorted(pairs[side])).cast(pl.Int64).to_numpy()
        for side in ("a", "b")
    )
    return members, a, b


def _require(members: pl.Series, known: pl.Series, table: str) -> None:
    """Raise ValueError if a document of the pairs is not among the known."""
    lost = members.filter(~members.is_in(known.implode()))
    if lost.len():
        raise ValueError(
            f"{lost.len()} documents of candidate pairs are not in the table of {table}, the first "
            f"is {lost[0]!r}: pass every part whose signatures were compared"
        )
