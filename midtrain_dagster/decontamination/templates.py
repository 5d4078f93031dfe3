"""Text that many items of a benchmark share: its templates, which are evidence against nobody.

"This question refers to the following information", the passage before five questions, "Statement
1 | Every group ... Statement 2 |": who holds such words holds no item. An n-gram that stands in
``TEMPLATE_ITEMS`` items of one benchmark or more starts no match (`sharing_items`); and of an item
that fills in a form, what is filled in must be found like the whole (`own_words`, see ``scan``). A
text shorter than an n-gram is one whole, and a template where it stands in as many items. Items
that are the same, words for words, count once, or a benchmark with repeated items would be template
altogether.

The price is that of an item in a form one damaged gap weighs more: of "5% of words damaged" fewer
are found (docs/decontamination.md).

Marin and phi-4 drop n-grams that are common in the corpus; a corpus is not at hand when a part of
it is scanned, a benchmark is.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit
from midtrain_dagster.decontamination.words import Words

TEMPLATE_ITEMS = 3
"""Two items may share a passage by chance or be one another's copy; three are a form."""

FAMILY_WORDS = 6
"""Words in a row by which items are a family: fewer than most forms have between their gaps."""

TEMPLATES = pl.Schema({"benchmark": pl.String, "text": pl.String, "items": pl.UInt32})
"""Runs of n-grams that as many items share, the words joined by spaces, and how many items."""

ROLLING_BASE = np.uint64(0x9E3779B97F4A7C15)
_OF_BENCHMARK = np.uint64(0xD6E8FEB86659FD93)


class Windows(NamedTuple):
    """The windows of words by which texts are found: an entry a window."""

    text: NDArray[np.int64]
    position: NDArray[np.int64]
    """Word position in the text at which it starts."""
    size: NDArray[np.int64]
    """Its words: an n-gram's, or all of a shorter text."""


def windows_of(needed: NDArray[np.int64], lengths: NDArray[np.int64]) -> Windows:
    """Every window of ``needed`` words of each text; none of one that needs 0."""
    counts = np.where(needed > 0, lengths - needed + 1, 0)
    text = np.repeat(np.arange(len(lengths)), counts)
    position = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return Windows(text, position, needed[text])


def sharing_items(
    words: Words, windows: Windows, item: NDArray[np.int64], benchmark: NDArray[np.int64]
) -> NDArray[np.int64]:
    """In how many items of its benchmark each window stands.

    ``item`` numbers the texts' items, the same ones alike; ``benchmark`` their benchmarks.
    """
    lengths = np.diff(words.first)
    apart = benchmark.astype(np.uint64) * _OF_BENCHMARK
    starts = words.first[windows.text] + windows.position
    shared = np.zeros(len(starts), np.int64)
    for size in np.unique(windows.size).tolist():
        mine = np.flatnonzero(windows.size == size)
        wanted = window_hashes(words.hashes, starts[mine], size) ^ apart[windows.text[mine]]
        every = windows_of(np.where(lengths >= size, size, 0), lengths)
        places = words.first[every.text] + every.position
        hashes = window_hashes(words.hashes, places, size) ^ apart[every.text]
        if len(mine) < len(hashes):
            asked = np.isin(hashes, wanted)
            hashes, every = hashes[asked], Windows(*(each[asked] for each in every))
        order = np.argsort(hashes)
        different, counts = _items_of(hashes[order], item[every.text[order]])
        shared[mine] = counts[np.searchsorted(different, wanted)]
    return shared


def own_words(
    words: Words, item: NDArray[np.int64], benchmark: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Of each word whether it is its item's own, or that of a form that items fill in.

    ``TEMPLATE_ITEMS`` items or more that share ``FAMILY_WORDS`` words in a row are a family, and
    what half of it says is its form. An item may be of several ("adults in Peru" is shared by those
    that are filled in alike): the one counts that says most of it.
    """
    lengths = np.diff(words.first)
    every = windows_of(np.where(lengths >= FAMILY_WORDS, FAMILY_WORDS, 0), lengths)
    places = words.first[every.text] + every.position
    hashes = window_hashes(words.hashes, places, FAMILY_WORDS)
    hashes ^= benchmark[every.text].astype(np.uint64) * _OF_BENCHMARK
    families = _families(hashes, item[every.text])
    if families.is_empty():
        return np.ones(len(words.hashes), np.bool_)
    said = pl.DataFrame({"item": np.repeat(item, lengths), "word": words.hashes})
    known = said.join(families.select("item").unique(), on="item", how="semi").unique()
    form = (
        families.join(known, on="item")
        .group_by("family", "word")
        .agg("item", pl.len(), pl.col("size").first())
        .filter(pl.col("len") >= TEMPLATE_ITEMS, 2 * pl.col("len") >= pl.col("size"))
        .explode("item")
    )
    of_item = (
        form.group_by("item", "family")
        .agg(pl.len(), pl.col("size").first())
        .sort("len", "size", "family", descending=[True, True, False])
        .unique("item", keep="first", maintain_order=True)
        .select("item", "family")
    )
    mine = form.join(of_item, on=["item", "family"], how="semi").select("item", "word", form=True)
    marked = said.join(mine, on=["item", "word"], how="left", maintain_order="left")
    return marked["form"].is_null().to_numpy()


def _families(hashes: NDArray[np.uint64], item: NDArray[np.int64]) -> pl.DataFrame:
    """Items that share a window: family, item, and the family's size. Each set of items is one."""
    shared = pl.DataFrame({"window": hashes, "item": item}).filter(pl.col("window").is_duplicated())
    return (
        shared.unique()
        .sort("item")
        .group_by("window", maintain_order=True)
        .agg("item")
        .filter(pl.col("item").list.len() >= TEMPLATE_ITEMS)
        .select(pl.col("item").unique(maintain_order=True))
        .with_row_index("family")
        .with_columns(size=pl.col("item").list.len())
        .explode("item")
    )


def template_runs(
    words: Words,
    windows: Windows,
    sharing: NDArray[np.int64],
    benchmark: pl.Series,
) -> pl.DataFrame:
    """What the templates are (``TEMPLATES``), those of most items first."""
    template = np.flatnonzero(sharing >= TEMPLATE_ITEMS)
    starts = words.first[windows.text[template]] + windows.position[template]
    if not template.size:
        return TEMPLATES.to_frame()
    stops = starts + windows.size[template]
    cuts = np.flatnonzero(
        (np.diff(windows.text[template]) != 0)
        | (np.diff(windows.position[template]) != 1)
        | (np.diff(sharing[template]) != 0)
    )
    begins, ends = np.r_[0, cuts + 1], np.r_[cuts, len(template) - 1]
    letters = words.letters.tobytes()
    rows = [
        (
            benchmark[int(windows.text[template[begin]])],
            b" ".join(
                letters[words.start[word] : words.stop[word]]
                for word in range(starts[begin], stops[end])
            ).decode(),
            sharing[template[begin]],
        )
        for begin, end in zip(begins, ends, strict=True)
    ]
    found = pl.DataFrame(rows, schema=TEMPLATES, orient="row")
    return (
        found.group_by("benchmark", "text")
        .agg(pl.col("items").max())
        .sort("benchmark", "items", "text", descending=[False, True, False])
    )


@jit
def _items_of(hashes, item):  # type: ignore[no-untyped-def]
    """The different ones of sorted hashes, and how many items have each."""
    different = np.empty(len(hashes), np.uint64)
    counts = np.empty(len(hashes), np.int64)
    found = 0
    begin = 0
    for end in range(1, len(hashes) + 1):
        if end < len(hashes) and hashes[end] == hashes[begin]:
            continue
        several = False
        for index in range(begin + 1, end):
            several |= item[index] != item[begin]
        different[found] = hashes[begin]
        counts[found] = len(np.unique(item[begin:end])) if several else 1
        found += 1
        begin = end
    return different[:found], counts[:found]


@jit
def whole_hashes(hashes, first):  # type: ignore[no-untyped-def]
    """The rolling hash of all words of each text."""
    result = np.zeros(len(first) - 1, np.uint64)
    for text in range(len(result)):
        for word in hashes[first[text] : first[text + 1]]:
            result[text] = (result[text] + np.uint64(1)) * ROLLING_BASE + word
    return result


@jit
def window_hashes(hashes, starts, size):  # type: ignore[no-untyped-def]
    """The rolling hash of ``size`` words from each start."""
    result = np.empty(len(starts), np.uint64)
    for index in range(len(starts)):
        rolling = np.uint64(0)
        for word in hashes[starts[index] : starts[index] + size]:
            rolling = rolling * ROLLING_BASE + word
        result[index] = rolling
    return result
