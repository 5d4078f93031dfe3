"""N-grams of items that many documents of the corpus hold: listed with counts, evidence of nothing.

"Which of the following is", a licence's first line, the words of an oath: who holds them holds no
item, however rare they are among the benchmark's own items (`templates` sees those). While a part
of documents is scanned, the n-grams of items that stand in it are counted, each once a document
(`Counter`); the counts of all parts together say which are common (`common_ngrams`). An n-gram is
the window by which a text is searched (`searched`), letter by letter and with its accents.

**The list acquits, it never accuses.** Documents that the scan has found are read once more without
those n-grams (`acquittals`); nothing else is read twice. So what stands is what a scan of
everything without them finds, among the documents that were found with them.

**Two steps, each by its own causes.** Counts are of one part, whatever the threshold and the
corpus, so a part that comes is counted alone. The list is of the whole corpus, and what stands in a
part is made anew where the list has another member, not where a count rises.

The price: a *leak* that many documents hold is common too. GPT-3 and Marin accept that, and so does
a recipe that sets `common_ngrams`; what was spared is listed, so that somebody can look.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

VERSION = 1

COUNTS = pl.Schema({"ngram": pl.UInt64(), "documents": pl.UInt32()})
"""How many documents of a part hold an n-gram of the items, by its hash (`ngram_hashes`); none of
n-grams that no document holds, or that are templates."""

PAIRS = pl.Schema({"document": pl.Int64(), "ngram": pl.UInt64()})
"""An n-gram in a document, by the number of its row."""

COMMON = pl.Schema(
    {
        "benchmark": pl.String(),
        "ngram": pl.UInt64(),
        "text": pl.String(),
        "documents": pl.UInt32(),
        "items": pl.UInt32(),
    }
)
"""The common n-grams of a benchmark, those of most documents first: the words joined by spaces, the
documents that hold them and the items that they stand in."""

KEYS = pl.Schema({"ngram": pl.UInt64()})
"""The common n-grams alone, sorted: what a scan needs of them."""

_OF_ACCENTS = np.uint64(0xC2B2AE3D27D4EB4F)
_OF_SIZE = 0x165667B19E3779F9


def ngram_hashes(searched: "Searched") -> NDArray[np.uint64]:
    """Of each window a hash of its words, letters and accents, and of how many they are."""
    from midtrain_dagster.decontamination.templates import window_hashes

    words, windows = searched.words, searched.windows
    spoken = words.hashes ^ (words.accents * _OF_ACCENTS)
    starts = words.first[windows.text] + windows.position
    hashes = np.zeros(len(starts), np.uint64)
    for size in np.unique(windows.size).tolist():
        mine = np.flatnonzero(windows.size == size)
        hashes[mine] = window_hashes(spoken, starts[mine], size) ^ np.uint64(
            size * _OF_SIZE % 2**64
        )
    return hashes


class Counter(NamedTuple):
    """What is looked up to count documents: each n-gram once, of whichever text has it first."""

    hashes: NDArray[np.uint64]
    """Of each window."""
    first: NDArray[np.int64]
    """Of each text its first window; those of a text follow one another."""
    seeds: "Seeds | None"
    """None where nothing is searched."""


def counter_of(searched: "Searched") -> Counter:
    """The counter of all windows that are evidence."""
    from midtrain_dagster.decontamination.ngram import build_seeds
    from midtrain_dagster.decontamination.templates import Windows

    hashes, windows = ngram_hashes(searched), searched.windows
    first = np.searchsorted(windows.text, np.arange(searched.texts.height))
    evidence = np.flatnonzero(searched.is_evidence)
    _, once = np.unique(hashes[evidence], return_index=True)
    kept = Windows(*(each[evidence[np.sort(once)]] for each in windows))
    if not len(kept.text):
        return Counter(hashes, first, None)
    seeds = build_seeds(searched.words, kept, searched.own, int(kept.size.min()))
    return Counter(hashes, first, seeds)


def held(
    words: "Words", documents: pl.Series, searched: "Searched", counter: Counter
) -> pl.DataFrame:
    """Which n-grams stand in texts (``PAIRS``, each pair once), of which ``documents`` says the
    document: a text may be a paragraph."""
    from midtrain_dagster.decontamination.ngram import match_ngrams

    if counter.seeds is None:
        return PAIRS.to_frame()
    row, text, _, position, _ = match_ngrams(words, searched.words, counter.seeds)
    ngram = counter.hashes[counter.first[text] + position]
    return pl.DataFrame({"document": documents.gather(row), "ngram": ngram}, PAIRS).unique()


def counted(pairs: list[pl.DataFrame]) -> pl.DataFrame:
    """``COUNTS`` of pairs; the same may stand in several tables."""
    together = pl.concat([PAIRS.to_frame(), *pairs]).unique()
    counts = together.group_by("ngram").agg(documents=pl.len())
    return counts.sort("ngram").cast(COUNTS)


def common_of(
    counts: pl.LazyFrame, searched: "Searched", *, needed: int
) -> dict[str, pl.DataFrame]:
    """The n-grams that ``needed`` documents or more hold, by the ``counts`` (COUNTS) of all parts.

    Returns ``common_ngrams`` (COMMON) and ``common_keys`` (KEYS).
    """
    total = pl.col("documents").cast(pl.Int64).sum()
    summed = counts.group_by("ngram").agg(documents=total)
    found = summed.filter(pl.col("documents") >= needed).collect(engine="streaming")
    keys = found.select("ngram").sort("ngram").cast(KEYS)
    listed = _listed(found, searched) if found.height else COMMON.to_frame()
    return {"common_ngrams": listed, "common_keys": keys}


def _listed(found: pl.DataFrame, searched: "Searched") -> pl.DataFrame:
    """``COMMON`` of n-grams with their counts."""
    windows = pl.DataFrame({"ngram": ngram_hashes(searched), "text": searched.windows.text})
    of_text = searched.texts.select("benchmark", item=pl.Series(searched.item))
    windows = windows.with_row_index("window").join(found, on="ngram", maintain_order="left")
    standing = windows.hstack(of_text[windows["text"]])
    by_ngram = standing.group_by("benchmark", "ngram", maintain_order=True).agg(
        pl.col("window").first(), pl.col("documents").first(), items=pl.col("item").n_unique()
    )
    return (
        by_ngram.with_columns(text=pl.Series(_texts(searched, by_ngram["window"].to_numpy())))
        .select(COMMON.names())
        .sort("benchmark", "documents", "text", descending=[False, True, False])
        .cast(COMMON)
    )


def _texts(searched: "Searched", chosen: NDArray[np.int64]) -> list[str]:
    """The words of windows, as `templates` joins them."""
    words, windows = searched.words, searched.windows
    begin = words.first[windows.text[chosen]] + windows.position[chosen]
    letters = words.letters.tobytes()
    return [
        b" ".join(letters[words.start[word] : words.stop[word]] for word in range(at, to)).decode()
        for at, to in zip(begin.tolist(), (begin + windows.size[chosen]).tolist(), strict=True)
    ]


def without(searched: "Searched", keys: pl.DataFrame | None) -> "Searched":
    """What is searched, of which the n-grams ``keys`` are evidence of nothing."""
    if keys is None or keys.is_empty():
        return searched
    common = np.isin(ngram_hashes(searched), keys["ngram"].to_numpy())
    return searched._replace(common=common)
