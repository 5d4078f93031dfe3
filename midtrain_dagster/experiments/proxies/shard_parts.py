"""Which parts of the token shards hold which domains: what a proxy reads is all that causes it.

A domain that is added or changed then leaves the proxies that do not read it as they are. Parts are
taken whole, since they are what the store knows: one that holds several domains is read for any.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part, scan_parts

TRAIN = ("train_tokens", "train_index")
"""The tables of the token shards that are trained on."""

HELD_OUT = ("held_out_tokens", "held_out_index")
"""Those that losses are measured on."""


@dataclass(frozen=True)
class Split:
    """The parts of one split, in order, each unit of work's together, with the tokens of each
    domain in them."""

    units: tuple[tuple[tuple[Part, ...], dict[str, int]], ...]

    @classmethod
    def of(cls, shards: Artifact, tables: tuple[str, str]) -> Self:
        """Read off the indexes of token shards, once."""
        parts: dict[PurePosixPath, list[Part]] = {}
        for part in shards.manifest.parts:
            if part.table in tables:
                parts.setdefault(PurePosixPath(part.path).parent, []).append(part)
        units = []
        for unit in parts.values():
            (index,) = (part for part in unit if part.table == tables[1])
            if index.rows:
                length = pl.col("length").cast(pl.Int64).sum()
                table = scan_parts(shards.storage, [index]).group_by("domain").agg(length)
                units.append((tuple(unit), dict(table.sort("domain").collect().iter_rows())))
        return cls(tuple(units))

    @property
    def tokens(self) -> dict[str, int]:
        """The tokens that there are of each domain."""
        found: dict[str, int] = {}
        for _, of_domain in self.units:
            for domain, tokens in of_domain.items():
                found[domain] = found.get(domain, 0) + tokens
        return {domain: tokens for domain, tokens in found.items() if tokens}

    def parts(self, domains: Collection[str]) -> list[Part]:
        """The parts that hold any of the domains."""
        wanted = set(domains)
        return [part for unit, held in self.units if wanted & held.keys() for part in unit]
