"""The parts of token shards that hold certain domains: what a run reads is all that causes it.

A domain that is added or changed then leaves the runs that do not read it as they are. Parts are
taken whole, since they are what the store knows: one that holds several domains is read for any.
"""

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part, scan_parts

SPLIT = ("train_tokens", "train_index", "train_targets")
"""The tables of the token shards that are trained on."""

HELD_OUT = ("held_out_tokens", "held_out_index")
"""Those that losses are measured on."""


def parts_with(shards: Artifact, domains: Collection[str], tables: Sequence[str]) -> list[Part]:
    """The parts of a split (its ``tables``, whose second is the index) with documents of the
    domains, in order; a document has tokens and its index in parts of one unit of work."""
    wanted = {
        PurePosixPath(part.path).parent
        for part in shards.parts(tables[1])
        if _domains(shards, part) & set(domains)
    }
    return [
        part
        for part in shards.manifest.parts
        if part.table in tables and PurePosixPath(part.path).parent in wanted
    ]


def _domains(shards: Artifact, index: Part) -> set[str]:
    """The domains of one part's documents."""
    if not index.rows:
        return set()
    column = scan_parts(shards.storage, [index]).select(pl.col("domain").unique()).collect()
    return set(column["domain"])
