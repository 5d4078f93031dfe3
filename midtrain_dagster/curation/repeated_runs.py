"""Runs of words that the corpus repeats: the units of ``repeated_text: {unit: substring}``.

Exact substrings (Lee et al. 2022, arXiv 2107.06499, section 4.1) are found there in a suffix array
over the whole corpus, which takes eight bytes of memory for each of it. Here every run of
``minimum_words`` words (`runs`) is looked at that the corpus may hold twice, a part at a time:

1. `minimisers`, of each part: 9 bytes for each quarter of a run.
2. `repeated_minimisers`, a range of hashes at a time: those that stand at two places of the corpus.
3. `units`, of each part: the runs that have one of these, a row for each word at which one begins.

What is done with them is `repeated_text`'s, as with any unit: one whose like stands earlier is cut.
So longer spans are cut whole, because their runs overlap. What is cut is what the suffix array
would show: each word in a run of so many that stands earlier too.
"""

import polars as pl

VERSION = 1

CHUNK_BYTES = 8_000_000
"""Text hashed at a time, to bound memory (about 12 times it)."""

MINIMISERS = pl.Schema({"hash": pl.UInt64(), "repeated": pl.Boolean()})
"""The minimisers of a part, each once, and whether it stands at several places there."""

RUNS = pl.Schema(
    {
        "hash": pl.UInt64(),
        "check": pl.UInt64(),
        "id": pl.String(),
        "start": pl.UInt32(),
        "stop": pl.UInt32(),
        "opens_line": pl.Boolean(),
        "before": pl.UInt32(),
        "ahead": pl.UInt32(),
        "line_ends": pl.Boolean(),
    }
)
"""A run by two hashes, with its span; where the words before it stop and those ahead of it start
(null: there are none), whether it opens a line, and whether a line ends behind it."""


def minimisers(
    documents: pl.DataFrame, *, minimum_words: int, hash_ranges: int = 1
) -> dict[str, pl.DataFrame]:
    """Step 1: the minimisers of one part's documents. Input columns: id, text.

    Returns a table of MINIMISERS for each range of hashes, ``minimisers_0000`` and on, sorted.
    """
    from midtrain_dagster.core.text_buffer import chunks, text_buffer
    from midtrain_dagster.curation.text import runs

    tables = [pl.Schema({"hash": pl.UInt64()}).to_frame()]
    for _, texts in chunks(documents["text"].drop_nulls(), CHUNK_BYTES):
        stretches = runs.minimisers(runs.words(text_buffer(texts)), minimum_words)
        tables.append(pl.DataFrame({"hash": stretches.hashes}))
    counted = pl.concat(tables).group_by("hash").agg(repeated=pl.len() > 1).sort("hash")
    table = counted.with_columns(part=pl.col("hash") % hash_ranges)
    return {
        f"minimisers_{number:04d}": table.filter(pl.col("part") == number).drop("part")
        for number in range(hash_ranges)
    }


def repeated_minimisers(minimisers: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Step 2: the minimisers of all parts, in one range of hashes, that stand at several places.

    Returns ``{"repeated": hash}``, sorted.
    """
    twice = minimisers.filter(pl.col("repeated") | pl.col("hash").is_duplicated())
    return {"repeated": twice.select(pl.col("hash").unique().sort())}


def units(
    documents: pl.DataFrame, repeated: pl.LazyFrame, *, minimum_words: int, hash_ranges: int = 1
) -> dict[str, pl.DataFrame]:
    """Step 3: the runs of one part's documents that may stand elsewhere too.

    ``documents`` has the columns id and text, ``repeated`` the minimisers of all ranges. Returns a
    table of RUNS for each range of hashes, ``units_0000`` and on, in the order of the documents.
    """
    from midtrain_dagster.core.text_buffer import chunks

    present = documents.select("id", "text").filter(pl.col("text").is_not_null())
    tables = [RUNS.to_frame()]
    for first, texts in chunks(present["text"], CHUNK_BYTES):
        ids = present["id"].slice(first, len(texts))
        tables.append(_units(ids, texts, repeated, minimum_words))
    table = pl.concat(tables).with_columns(part=pl.col("hash") % hash_ranges)
    return {
        f"units_{number:04d}": table.filter(pl.col("part") == number).drop("part")
        for number in range(hash_ranges)
    }


def _units(
    ids: pl.Series, texts: pl.Series, repeated: pl.LazyFrame, minimum_words: int
) -> pl.DataFrame:
    import numpy as np

    from midtrain_dagster.core.text_buffer import text_buffer
    from midtrain_dagster.curation.text import runs

    text = text_buffer(texts)
    words = runs.words(text)
    stretches = runs.minimisers(words, minimum_words)
    own = pl.LazyFrame({"hash": np.unique(stretches.hashes)}, schema={"hash": pl.UInt64})
    known = repeated.join(own, on="hash", how="semi").collect(engine="streaming")["hash"]
    may_repeat = np.isin(stretches.hashes, known.to_numpy())
    first, hashes, checks = runs.run_hashes(
        words, stretches.firsts[may_repeat], stretches.stops[may_repeat], minimum_words
    )
    last = first + minimum_words - 1
    document = np.searchsorted(words.documents, first, side="right") - 1
    base = text.offsets[document]
    opens_document = first == words.documents[document]
    ends_document = words.ends[last] == text.offsets[document + 1]
    return (
        pl.DataFrame(
            {
                "hash": hashes,
                "check": checks,
                "id": ids.gather(document),
                "start": words.starts[first] - base,
                "stop": words.stops[last] - base,
                "opens_line": words.opens_line[first],
                "before": words.stops[np.maximum(first - 1, 0)] - base,
                "ahead": words.ends[last] - base,
                "line_ends": words.line_ends[last],
            },
            schema_overrides={"before": pl.Int64, "ahead": pl.Int64},
        )
        .select(
            pl.all().exclude("before", "ahead"),
            before=pl.when(~pl.Series(opens_document)).then("before"),
            ahead=pl.when(~pl.Series(ends_document)).then("ahead"),
        )
        .select(RUNS.names())
        .cast(RUNS)
    )
