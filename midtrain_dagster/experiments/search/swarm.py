"""A swarm from end to end: mixtures drawn in rounds, proxies trained and measured, tables made.

It knows units of work and parts, and neither Dagster nor Ray: whoever calls says how units of work
are done. A proxy that fails is a row with its reason; what a kill loses are those in flight.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import Versions, versions_of
from midtrain_dagster.core.parts import Work, find_parts, read_table
from midtrain_dagster.experiments.draws import method as draws
from midtrain_dagster.experiments.draws.method import Floats
from midtrain_dagster.experiments.proxies import measure
from midtrain_dagster.experiments.search import mixtures, stability, tables, works
from midtrain_dagster.experiments.search.mixtures import Ground
from midtrain_dagster.experiments.search.settings import DEFAULT, MixtureSearch
from midtrain_dagster.experiments.search.works import ByWork, Given, Works
from midtrain_dagster.mixture.method import NoTokensError
from midtrain_dagster.training.versions import versions_of_stage

VERSION = 1
USES = (draws, mixtures, stability, works)


@dataclass
class Counts:
    """What was done and what was there: no part of what is made, for it depends on the past."""

    trained: int = 0
    trained_before: int = 0
    measured: int = 0
    measured_before: int = 0


@dataclass(frozen=True)
class Made:
    """The tables of a swarm, by name, and what making them took."""

    tables: Mapping[str, pl.DataFrame]
    counts: Counts


def versions(search: MixtureSearch) -> Versions:
    """Those of the swarm, its rule of drawing, its law, and all that its proxies train with."""
    found = dict(versions_of(sys.modules[__name__]))
    for section in (search.draw, search.law):
        found |= {} if section is None else versions_of(sys.modules[type(section).__module__])
    for proxy in search.proxies.values():
        found |= versions_of_stage(proxy.stage({"any": 1.0}))
    return found


def make(search: MixtureSearch, given: Given, by_work: ByWork) -> Made:
    """Train and measure the whole swarm.

    Raises ``NoTokensError`` for a domain that is wanted and has no token, ``DrawError`` for bounds
    that no mixture meets, ``TooFewProxiesError`` where a round leaves too few for its law, and what
    training raises that would fail alike for every proxy.
    """
    swarm = _Swarm(search, given, by_work, Works(search, given, by_work))
    ground = _ground(search, given, swarm.works.tokens)
    for number in range(len(search.rounds)):
        rows = (
            mixtures.next_round(
                search, ground, given.seed, number, swarm.mixtures(), swarm.losses()
            )
            if number
            else mixtures.first_round(search, ground, given.seed)
        )
        swarm.run(DEFAULT, number, dict(enumerate(rows, sum(search.rounds[:number]))))
    for size in search.sizes:
        for number, again in swarm.again(search.count(size)).items():
            swarm.run(size, number, again)
    proxies, losses = swarm.proxies(), swarm.losses()
    found = {
        "mixtures": swarm.mixtures(),
        "proxies": proxies,
        "losses": losses,
        "domains": _domains(search, ground, swarm.works),
        "stability": stability.stability(proxies, losses),
    }
    return Made(found, swarm.counts)


def _ground(search: MixtureSearch, given: Given, tokens: Mapping[str, int]) -> Ground:
    """What mixtures are drawn over. Raises ``NoTokensError``."""
    lacking = sorted(set(search.kept) - tokens.keys())
    if lacking:
        raise NoTokensError(
            f"no curated token of {', '.join(lacking)} to be mixed; there are tokens of "
            f"{', '.join(sorted(tokens)) or 'none'}: add documents, or take it out of the search"
        )
    # One that is not wanted and not there is in mixtures that are left out: any number will do.
    there = np.array([float(tokens.get(each, 1)) for each in search.domains])
    said = search.prior
    prior = there if said is None else np.array([said[each] for each in search.domains])
    once = np.full(len(there), np.inf) if given.repeated is None else there / given.repeated
    return Ground(prior, once)


def _domains(search: MixtureSearch, ground: Ground, works: Works) -> pl.DataFrame:
    """``tables.DOMAINS``, of the domains that are wanted."""
    prior = dict(zip(search.domains, ground.prior.tolist(), strict=True))
    whole, read = sum(prior[each] for each in search.kept), works.read(search.proxy)
    rows = [(each, prior[each] / whole, works.tokens[each], read[each]) for each in search.kept]
    return pl.DataFrame(rows, tables.DOMAINS, orient="row")


@dataclass
class _Swarm:
    """What has become of the proxies so far."""

    search: MixtureSearch
    given: Given
    by_work: ByWork
    works: Works
    counts: Counts = field(default_factory=Counts)
    _shares: dict[int, Floats] = field(default_factory=dict)
    """Of each proxy."""
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _losses: list[pl.DataFrame] = field(default_factory=list)

    def run(self, size: str, round_number: int, rows: Mapping[int, Floats]) -> None:
        """Train and measure mixtures, by number."""
        proxy, first = self.search.proxies[size], self._first(size)
        trained = self._trained(
            [self.works.training(proxy, self._named(row)) for row in rows.values()]
        )
        outcomes = [self._table(parts, "outcome").row(0, named=True) for parts in trained]
        whole = [at for at, outcome in enumerate(outcomes) if outcome["failed"] is None]
        measured = self._measured([self.works.measuring(proxy, trained[at]) for at in whole])
        for at, parts in zip(whole, measured, strict=True):
            table, number = self._table(parts, "measured"), first + list(rows)[at]
            outcomes[at]["failed"] = measure.no_number(table)
            if outcomes[at]["failed"] is None:
                self._losses.append(table.select(pl.lit(number, pl.Int64).alias("proxy"), pl.all()))
        for (mixture, row), outcome in zip(rows.items(), outcomes, strict=True):
            known = {"proxy": first + mixture, "mixture": mixture, "round": round_number}
            self._rows.append(known | {"size": size, "seed": self.given.seed} | outcome)
            self._shares[first + mixture] = row

    def again(self, most: int) -> dict[int, dict[int, Floats]]:
        """The first mixtures of the usual size, by round and number."""
        found: dict[int, dict[int, Floats]] = {}
        for row in [each for each in self._rows if each["size"] == DEFAULT][:most]:
            found.setdefault(row["round"], {})[row["mixture"]] = self._shares[row["proxy"]]
        return found

    def mixtures(self) -> pl.DataFrame:
        """``tables.MIXTURES``, of the domains that are wanted."""
        rows = [
            (proxy, domain, float(share))
            for proxy, shares in self._shares.items()
            for domain, share in zip(self.search.domains, shares, strict=True)
            if domain not in self.search.without
        ]
        return pl.DataFrame(rows, tables.MIXTURES, orient="row")

    def proxies(self) -> pl.DataFrame:
        """``tables.PROXIES``."""
        return pl.DataFrame(self._rows, tables.PROXIES)

    def losses(self) -> pl.DataFrame:
        """``tables.LOSSES``."""
        return pl.concat([tables.LOSSES.to_frame(), *self._losses])

    def _first(self, size: str) -> int:
        """The number of a size's first proxy: each size has room for every mixture."""
        return list(self.search.proxies).index(size) * sum(self.search.rounds)

    def _named(self, row: Floats) -> dict[str, float]:
        """The shares of the domains that have one."""
        shares = zip(self.search.domains, row.tolist(), strict=True)
        return {domain: share for domain, share in shares if share > 0}

    def _trained(self, asked: Sequence[Work]) -> list[list[Part]]:
        found = self._found(asked)
        self.counts.trained += len(asked) - found
        self.counts.trained_before += found
        return self.by_work(asked)

    def _measured(self, asked: Sequence[Work]) -> list[list[Part]]:
        found = self._found(asked)
        self.counts.measured += len(asked) - found
        self.counts.measured_before += found
        return self.by_work(asked)

    def _found(self, asked: Sequence[Work]) -> int:
        """How many units of work are in the store."""
        parts = find_parts(self.given.shards.storage, asked)
        return sum(each is not None for each in parts)

    def _table(self, parts: Sequence[Part], name: str) -> pl.DataFrame:
        (part,) = (each for each in parts if each.table == name)
        return read_table(self.given.shards.storage, part)
