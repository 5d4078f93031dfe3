"""Documents in domains of their own: a source apart from the others of its domain.

Mixtures and plans speak of domains. An experiment that asks about one source of a domain puts that
source's documents into a domain that is called as the source is; the tokens stay where they are,
for only the index says whose they are.
"""

from pathlib import Path

import polars as pl

from midtrain_dagster.dataloader.occurrences import COPY
from midtrain_dagster.tokens.splits import shard_files

GROUPS = pl.Schema({"id": pl.String, "group": pl.String})
"""The group of each document that has one; a document without keeps its domain."""


def regrouped(
    shards: Path, groups: pl.DataFrame | None, output: Path
) -> list[tuple[Path, Path, Path | None]]:
    """The files of the shards in a folder: tokens, index, and what an assistant says of them.

    Where there are ``groups`` (:data:`GROUPS`), indexes are written anew to ``output``, in which
    their documents have the group's name as domain, every copy of them too.
    """
    files = shard_files(shards)
    if groups is None or groups.is_empty():
        return [(each.tokens, each.index, each.targets) for each in files]
    output.mkdir(parents=True)
    found = []
    for each in files:
        table = pl.read_parquet(each.index, glob=False)
        index = output / each.index.name
        grouped(table, groups).write_parquet(index)
        found.append((each.tokens, index, each.targets))
    return found


def grouped(index: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """An index of shards (``tokens.shards.INDEX``) whose documents are in their groups."""
    stem = index.select(pl.col("id").str.replace(COPY, ""))
    group = stem.join(groups, on="id", how="left", maintain_order="left")["group"]
    return index.with_columns(domain=pl.coalesce(group, "domain"))
