"""Items that stand twice: in one benchmark, or in two under different names.

An item is the same where its question, its passage and its choices are, in any order of the
choices; a question that stands once in each of two benchmarks is the same item whatever is declared
beside it. Texts are compared in compatibility forms (NFKC), lower case and with single spaces, and
nothing else: signs decide in mathematics and code. So a paraphrase is another item.

It is told and stops nothing: a benchmark may be part of another on purpose.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import polars as pl

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.schema import PASSAGE_IN_ROW
from midtrain_dagster.evaluation.method import ROW


def shared_items(items: Mapping[str, pl.DataFrame]) -> Iterator[Finding]:
    """What stands twice in or between benchmarks (tables ``benchmark.ITEMS`` by name)."""
    keyed = {name: _keys(table) for name, table in items.items()}
    for name, table in keyed.items():
        yield from _within(name, table)
    for (first, one), (second, other) in combinations(keyed.items(), 2):
        yield from _between(first, one, second, other)


def _keys(items: pl.DataFrame) -> pl.DataFrame:
    """Each item by what makes it the same as another: columns item, question, whole."""
    passage = pl.col(ROW).str.json_path_match(PASSAGE_IN_ROW)
    asked = pl.concat_str(passage, "question", separator="\n", ignore_nulls=True)
    choices = pl.col("choices").list.eval(_plain(pl.element())).list.sort().list.join("\n")
    return items.select(
        "item",
        question=_plain(asked),
        whole=pl.concat_str(_plain(asked), choices, separator="\n\n"),
    )


def _plain(text: pl.Expr) -> pl.Expr:
    spaced = text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ")
    return spaced.str.strip_chars()


def _within(name: str, items: pl.DataFrame) -> Iterator[Finding]:
    again = items.filter(~pl.col("whole").is_first_distinct())
    if not again.height:
        return
    named = again["item"][0]
    first = items.filter(pl.col("whole") == again["whole"][0])["item"][0]
    yield doubt(
        ("benchmarks", name),
        f"{again.height:,} of {items.height:,} items repeat another, as {named!r} does {first!r}: "
        "they count twice in its score",
    )


def _between(first: str, one: pl.DataFrame, second: str, other: pl.DataFrame) -> Iterator[Finding]:
    both = pl.concat(
        (
            other.join(one, on="whole", suffix="_one"),
            _asked_once(other).join(_asked_once(one), on="question", suffix="_one"),
        ),
        how="diagonal",
    )
    of_one, of_other = both["item_one"].n_unique(), both["item"].n_unique()
    if not of_other:
        return
    yield doubt(
        ("benchmarks", second),
        f"{of_other:,} of {other.height:,} items are those of benchmark {first!r} ({of_one:,} of "
        f"{one.height:,}), as {both['item'][0]!r} is {both['item_one'][0]!r} there: what is found "
        "and scored of one is so of the other; take one out if it is the same under two names",
    )


def _asked_once(items: pl.DataFrame) -> pl.DataFrame:
    return items.filter(pl.col("question").is_unique())
