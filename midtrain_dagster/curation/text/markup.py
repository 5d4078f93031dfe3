"""Languages of markup: what a line of one does, and how running prose is found in it.

Languages differ in how a line looks and agree in what lines do: open something that another line
closes, hide what is indented below, begin an item, go on with a paragraph. So a language
(`markdown`, `restructuredtext`) says of each line what it does, by regular expressions that look
at that line and the next; one pass over all lines keeps account of what is open (`blocks`); and
what is left of a paragraph is taken out of it by more expressions. Polars' expressions never
backtrack, so time is linear in the text, hostile or not.

A corner of a grammar that needs a parser is not seen. That is the price of a tenth of the time, and
little for numbers that are counted over a whole text.
"""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from midtrain_dagster.curation.text.line_roles import BEGINS, OUT

_DOCTEST = r"^\s*>>>\s"
_LABEL = r"^(?:\S+\s+){0,3}\S*:$"
"""A few words and a colon introduce what was left out, as a heading does."""

BODY, NEXT = pl.col("body"), pl.col("next")
"""A line without its indent and the white space behind it, and the one below it."""


class Language(NamedTuple):
    """How lines of a language look, as expressions over BODY and NEXT."""

    does: pl.Expr
    """One of BLANK to OPENS."""
    opens: pl.Expr
    """The mark that the line opens; null if none."""
    closes: Mapping[int, pl.Expr]
    """Whether the line closes a mark, by mark."""
    fence: str
    """The pattern of a fence, which only one at least as long closes."""
    item: str
    """The pattern of what stands before an item's text."""
    quote: str
    """The pattern of what stands before a quoted line."""
    code_indent: int
    """How much deeper than the text around it a line stands that is code by its indent alone,
    behind an empty line; 0 where no such thing is."""
    replacements: tuple[tuple[str, str], ...]
    """What of a paragraph is no prose, in order, and what stands for it."""


def prose(texts: pl.Series, language: Language) -> pl.Series:
    """The running prose of each text, a line for each of its paragraphs and items.

    ``texts`` are strings without nulls. A text without prose becomes empty.
    """
    lines = _lines(texts, language)
    paragraphs = (
        lines.filter(pl.col("becomes") != OUT)
        .with_columns(paragraph=(pl.col("becomes") == BEGINS).cum_sum())
        .group_by("paragraph", maintain_order=True)
        .agg(pl.col("document").first(), text=pl.col("body").str.join(" "))
        .with_columns(text=_replaced(pl.col("text"), language.replacements))
        .filter(pl.col("text").str.contains(r"\w"), ~pl.col("text").str.contains(_LABEL))
    )
    joined = paragraphs.group_by("document").agg(pl.col("text").str.join("\n"))
    row = pl.DataFrame({"document": pl.arange(0, texts.len(), dtype=pl.UInt32, eager=True)})
    found = row.join(joined, on="document", how="left", maintain_order="left")["text"]
    return found.fill_null("").alias(texts.name)


def _lines(texts: pl.Series, language: Language) -> pl.DataFrame:
    """Every line: its document, its text (``body``), and what becomes of it."""
    import numpy as np

    from midtrain_dagster.curation.text.blocks import becomes

    leading = pl.col("line").str.extract(r"^([ \t]*)", 1)
    columns = leading.str.len_chars() + 3 * leading.str.count_matches("\t")
    table = (
        pl.DataFrame({"line": texts.str.split("\n")})
        .with_row_index("document")
        .explode("line")
        .with_columns(
            pl.when(pl.col("line").str.contains(_DOCTEST))
            .then("line")
            .otherwise(pl.col("line").str.replace(language.quote, ""))
        )
        .with_columns(body=pl.col("line").str.strip_chars(), indent=columns.cast(pl.Int32))
        .with_columns(next=BODY.shift(-1).over("document").fill_null(""))
        .select(
            "document",
            "body",
            "indent",
            does=language.does.cast(pl.UInt8),
            opens=language.opens.fill_null(0).cast(pl.UInt8),
            closes=pl.sum_horizontal(
                pl.when(test).then(1 << mark).otherwise(0) for mark, test in language.closes.items()
            ).cast(pl.UInt16),
            size=BODY.str.extract(language.fence).str.len_chars().fill_null(0).cast(pl.Int32),
            marker=BODY.str.extract(f"({language.item})")
            .str.len_chars()
            .fill_null(0)
            .cast(pl.Int32),
        )
    )
    counts = table.group_by("document", maintain_order=True).len()["len"]
    offsets = np.concatenate([[0], np.cumsum(counts.to_numpy(), dtype=np.int64)])
    found = becomes(offsets, table, language.code_indent)
    return table.select("document", "body").with_columns(becomes=pl.Series(found))


def _replaced(text: pl.Expr, replacements: tuple[tuple[str, str], ...]) -> pl.Expr:
    for pattern, replacement in replacements:
        text = text.str.replace_all(pattern, replacement)
    return text.str.replace_all(r"\s+", " ").str.strip_chars()
