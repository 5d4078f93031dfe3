"""Documents for `benchmarks.scanning`: real documentation, then copies of it with other words.

What the packages have (`benchmarks.corpus`) is less than a scan should be measured on, so copies
follow, in each of which one word in six is another word of the corpus: few runs of eight words are
left of the original, and words are as frequent as they were.
"""

import numpy as np
import polars as pl

from benchmarks.corpus import documents

CHANGED = 1 / 6


def corpus(megabytes: float, items: pl.DataFrame, planted: int) -> pl.DataFrame:
    """Documents (id, text), of which one in ``planted`` ends in an item."""
    whole = documents(megabytes=megabytes).select("id", "text")
    limit = megabytes * 1e6
    made = [whole]
    while sum(each["text"].str.len_bytes().sum() for each in made) < limit:
        made.append(_changed(whole, len(made)))
    table = pl.concat(made)
    size = table["text"].str.len_bytes().cum_sum()
    table = table.head(int((size < limit).sum()) + 1).with_row_index("row")
    said = items.select(pl.concat_str("question", "answer", separator="\n", ignore_nulls=True))
    drawn = said[:, 0].sample(len(table), seed=1, with_replacement=True)
    with_item = pl.concat_str("text", drawn.alias("item"), separator="\n\n")
    is_planted = pl.col("row") % planted == planted // 2
    return table.select("id", pl.when(is_planted).then(with_item).otherwise("text").alias("text"))


def _changed(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    words = table.select(pl.col("id") + f"-{seed}", pl.col("text").str.split(" ")).explode("text")
    chosen = np.arange(words.height)
    changed = random.random(words.height) < CHANGED
    chosen[changed] = random.integers(0, words.height, int(changed.sum()))
    mixed = words.with_columns(words["text"].gather(chosen))
    return mixed.group_by("id", maintain_order=True).agg(pl.col("text").str.join(" "))
