"""Documents that share a rare name: what two of them can be asked about together.

A name is two words or more with capitals inside a sentence (``William Arrol``), and rare if few of
the documents have it. Names are taken out of all texts and joined by Polars, so a hundred thousand
documents are no loop. Each document is linked once, by the rarest and then the longest name that
it shares with one that is free.
"""

from typing import NamedTuple

import polars as pl

VERSION = 1

RARE = 5
"""Documents that may have a name."""

_NAME = r"[\p{L}\p{N},;:] ((?:\p{Lu}\p{L}+)(?: \p{Lu}\p{L}+){1,3})"


class Link(NamedTuple):
    """Two documents and the name that both have."""

    first: str
    second: str
    name: str


def links(documents: pl.DataFrame, *, count: int) -> list[Link]:
    """The first ``count`` links between documents (``id``, ``text``), each document in one."""
    names = (
        documents.select("id", name=pl.col("text").str.extract_all(_NAME))
        .explode("name")
        .drop_nulls()
        .select("id", name=pl.col("name").str.replace(r"^. ", ""))
        .unique()
        .with_columns(having=pl.len().over("name"))
        .filter(pl.col("having").is_between(2, RARE))
    )
    pairs = (
        names.join(names.drop("having"), on="name", suffix="_other")
        .filter(pl.col("id") < pl.col("id_other"))
        .with_columns(length=pl.col("name").str.len_chars())
        .sort(
            ["having", "length", "name", "id", "id_other"],
            descending=[False, True, False, False, False],
        )
    )
    taken: set[str] = set()
    found: list[Link] = []
    for first, second, name in pairs.select("id", "id_other", "name").iter_rows():
        if len(found) == count:
            break
        if first not in taken and second not in taken:
            taken |= {first, second}
            found.append(Link(first, second, name))
    return found
