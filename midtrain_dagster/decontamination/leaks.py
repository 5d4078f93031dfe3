"""Held-out documents that were trained on: contained in training documents, or nearly the same.

A loss on text that was trained on measures memory. Curation drops duplicates before a document is
held out, but not a page inside a book, nor a digest of ten pages that are in the corpus too, and it
keeps copies that differ more than its method allows. So every held-out document is held against
every training part, as both are written to shards (edited), and is judged in two steps:

1. **Of one training document.** The n-grams (``ngram`` words) that both have cover some words of
   the held-out one. If they are at least ``share`` of the words of the *shorter* of the two, one
   lies in the other, or they are near-duplicates: the overlap coefficient, on Broder's notion of
   *containment* (On the resemblance and containment of documents, 1997), of words.
2. **Of all of them.** A held-out document is a leak where its words in such training documents
   are at least ``CLEAN`` of it: 20%, below which Llama 2 (arXiv 2307.09288, appendix A.6) calls a
   sample of an evaluation clean. There a token counts as seen in a run of more than ten tokens;
   here a word does in a run of eight words or more.

An n-gram that stands in more than ``COMMON`` held-out documents (a licence, a footer) is evidence
against none: a loss on what every page has is a loss on the domain as it is. A document of fewer
words than an n-gram is not looked at; exact copies of those are curation's matter.

Hashes have 64 bits and are not verified letter by letter, since a single n-gram decides nothing.
Memory is some 40 bytes a word of held-out text, in groups of ``GROUP_BYTES`` of it; time is linear
in the training text for each group, so a corpus of terabytes wants a small ``held_out``.
"""

from functools import lru_cache
from io import BytesIO
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.tokens import splits
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.splits import curated

VERSION = 1
USES = (splits,)

CLEAN = 0.2
"""The share of its words below which a held-out document counts as unseen."""

COMMON = 20
"""Held-out documents in which an n-gram may stand and still be evidence."""

GROUP_BYTES = 16 * 2**20
"""Held-out text, as the store holds it, that one pass over a training part is held against."""

PIECE_BYTES = 4 * 2**20

HELD_OUT = pl.Schema({"id": pl.String, "domain": pl.String, "text": pl.String})

PAIRS = pl.Schema(
    {
        "held_out": pl.String(),
        "domain": pl.String(),
        "id": pl.String(),
        "words": pl.Int64(),
        "common": pl.Int64(),
        "overlap": pl.Float64(),
        "covered": pl.List(pl.Int64()),
    }
)
"""A held-out document and a training document that share text: ``words`` of the held-out one, those
``common`` to both, their share of the shorter one's words (``overlap``), and what they cover of the
held-out one, as first and last word of each run in turn."""

LEAKS = pl.Schema(
    {
        "held_out": pl.String,
        "domain": pl.String,
        "id": pl.String,
        "words": pl.Int64,
        "common": pl.Int64,
        "overlap": pl.Float64,
        "seen": pl.Float64,
    }
)
"""A held-out document that is a leak and a training document that it stands in; ``seen`` is the
share of the held-out one's words that stand in any of them."""

Side = Literal["held_out", "training"]


class HeldOutLeaks(FrozenModel):
    """What becomes of text that is both held out and trained on."""

    remove: Side = Field(
        "held_out",
        description="What goes: the document from the `held_out` set, so that every loss is of the "
        "others and nothing is trained anew; or from `training` the documents that it stands in, "
        "which makes the token shards and all that is trained on them anew",
    )
    ngram: int = Field(8, ge=2, description="words in a row that count as text in common")
    share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="of the words of the shorter of two documents, those in common from which one "
        "counts as holding the other",
    )


def held_out_texts(
    documents: pl.DataFrame, decisions: pl.DataFrame, *, share: float, seed: int
) -> dict[str, pl.DataFrame]:
    """The held-out documents of one part, as they are written to shards (``HELD_OUT``)."""
    kept = curated(documents, decisions)
    return {"held_out": kept.filter(is_held_out(kept["id"], share, seed)).select(HELD_OUT.names())}


def find_pairs(
    documents: pl.DataFrame,
    decisions: pl.DataFrame,
    held_out: pl.DataFrame,
    *,
    share: float,
    seed: int,
    ngram: int,
    overlap: float,
) -> dict[str, pl.DataFrame]:
    """The training documents of one part that share text with some of the held-out ones (``PAIRS``,
    in the order of the held-out documents, then of the part)."""
    kept = curated(documents, decisions)
    train = kept.filter(~is_held_out(kept["id"], share, seed)).select("id", "text")
    stream = BytesIO()
    held_out.write_ipc(stream)
    known = _known(stream.getvalue(), ngram)
    found = [PAIRS.to_frame()]
    piece = train["text"].str.len_bytes().cast(pl.Int64).cum_sum() // PIECE_BYTES
    start = 0
    for length in piece.rle().struct.field("len"):
        found.append(_pairs_of(train.slice(start, length), held_out, known, ngram, overlap))
        start += length
    return {"pairs": pl.concat(found).sort("held_out", maintain_order=True)}


def leaks(pairs: pl.DataFrame) -> pl.DataFrame:
    """The leaks (``LEAKS``) of all pairs of all parts, by held-out document, the largest first."""
    seen = [
        (held_out, _union(rows["covered"].to_list()) / rows["words"][0])
        for (held_out,), rows in pairs.group_by("held_out", maintain_order=True)
    ]
    table = pl.DataFrame(seen, {"held_out": pl.String, "seen": pl.Float64}, orient="row")
    return (
        pairs.join(table.filter(pl.col("seen") >= CLEAN), on="held_out", maintain_order="left")
        .sort(["held_out", "common", "id"], descending=[False, True, False])
        .select(LEAKS.names())
    )


class _Known(NamedTuple):
    """The n-grams of held-out documents; hashes are sorted, each with its places."""

    hashes: NDArray[np.uint64]
    """One for each n-gram that is evidence, ascending."""
    first: NDArray[np.int64]
    """Where the places of each hash begin in the two arrays below (hashes + 1)."""
    document: NDArray[np.int64]
    place: NDArray[np.int64]
    """The n-gram's first word, counted in its document."""
    words: NDArray[np.int64]
    """Of each document, its words."""


@lru_cache(maxsize=1)
def _known(held_out: bytes, ngram: int) -> _Known:
    """Remembered from one training part to the next: it takes as long as some megabytes of it."""
    hashes, document, place, words = _ngrams(pl.read_ipc(held_out)["text"], ngram)
    order = np.lexsort((place, document, hashes))
    hashes, document, place = hashes[order], document[order], place[order]
    is_first = np.diff(hashes, prepend=hashes[:1] ^ np.uint64(1)) != 0
    group = np.cumsum(is_first) - 1
    is_other = is_first | (np.diff(document, prepend=-1) != 0)
    documents = np.bincount(group, weights=is_other)
    kept = (documents <= COMMON)[group]
    hashes, document, place = hashes[kept], document[kept], place[kept]
    starts = np.flatnonzero(np.diff(hashes, prepend=hashes[:1] ^ np.uint64(1)))
    return _Known(hashes[starts], np.append(starts, len(hashes)), document, place, words)


def _ngrams(
    texts: pl.Series, ngram: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every n-gram of each text: hash, text, place; and the words of each text."""
    from midtrain_dagster.decontamination.templates import window_hashes
    from midtrain_dagster.decontamination.words import read_words

    words = read_words(texts)
    lengths = np.diff(words.first)
    windows = np.maximum(lengths - ngram + 1, 0)
    document = np.repeat(np.arange(len(lengths)), windows)
    before = np.repeat(np.cumsum(windows) - windows, windows)
    place = np.arange(int(windows.sum())) - before
    hashes = window_hashes(words.hashes, words.first[document] + place, ngram)
    return hashes, document, place, lengths


def _pairs_of(
    train: pl.DataFrame, held_out: pl.DataFrame, known: _Known, ngram: int, overlap: float
) -> pl.DataFrame:
    hashes, document, _, words = _ngrams(train["text"], ngram)
    at = np.searchsorted(known.hashes, hashes)
    at[at == len(known.hashes)] = 0
    is_known = known.hashes[at] == hashes if len(known.hashes) else np.zeros(len(hashes), np.bool_)
    # An n-gram that a training document repeats says no more than once.
    room = max(1, len(known.hashes))
    both = np.divmod(np.unique(document[is_known] * room + at[is_known]), room)
    count = np.diff(known.first)[both[1]]
    where = np.repeat(known.first[both[1]], count) + (
        np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    )
    theirs, ours, place = np.repeat(both[0], count), known.document[where], known.place[where]
    order = np.lexsort((place, theirs, ours))
    theirs, ours, place = theirs[order], ours[order], place[order]
    same = (np.diff(theirs, prepend=-1) == 0) & (np.diff(ours, prepend=-1) == 0)
    begins = ~same | (np.diff(place, prepend=0) > ngram)  # a run of words without a gap
    run = np.flatnonzero(begins)
    if not len(run):
        return PAIRS.to_frame()
    last = place[np.append(run[1:], len(place)) - 1] + ngram - 1
    runs = pl.DataFrame(
        {"ours": ours[run], "theirs": theirs[run], "first": place[run], "last": last}
    )
    return (
        runs.group_by("ours", "theirs", maintain_order=True)
        .agg(
            common=(pl.col("last") - pl.col("first") + 1).sum(),
            covered=pl.concat_list("first", "last").list.explode(
                keep_nulls=False, empty_as_null=False
            ),
        )
        .pipe(_named, train, held_out, known.words, words, overlap)
    )


def _named(
    pairs: pl.DataFrame,
    train: pl.DataFrame,
    held_out: pl.DataFrame,
    our_words: NDArray[np.int64],
    their_words: NDArray[np.int64],
    overlap: float,
) -> pl.DataFrame:
    ours, theirs = pairs["ours"].to_numpy(), pairs["theirs"].to_numpy()
    shorter = np.minimum(our_words[ours], their_words[theirs])
    return (
        pairs.select("common", "covered")
        .with_columns(
            held_out=held_out["id"].gather(ours),
            domain=held_out["domain"].gather(ours),
            id=train["id"].gather(theirs),
            words=pl.Series(our_words[ours]),
            overlap=np.minimum(pairs["common"].to_numpy() / shorter, 1.0),
        )
        .filter(pl.col("overlap") >= overlap)
        .select(PAIRS.names())
        .cast(PAIRS)
    )


def _union(covered: list[list[int]]) -> int:
    """How many words lie in any of the runs (first and last word of each in turn)."""
    runs = np.array([each for one in covered for each in one], np.int64).reshape(-1, 2)
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    reached = np.maximum.accumulate(np.append(-1, runs[:-1, 1]))
    return int(np.maximum(runs[:, 1] - np.maximum(runs[:, 0], reached + 1) + 1, 0).sum())
