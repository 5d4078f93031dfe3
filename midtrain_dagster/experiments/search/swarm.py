"""A swarm from end to end: mixtures drawn in rounds, proxies trained and measured, tables made.

It knows units of work and parts, and neither Dagster nor Ray: whoever calls says how units of work
are done. Each proxy is two of them, a training and a measuring (``proxies``), found by their causes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work, find_parts, read_table
from midtrain_dagster.experiments.draws.method import Floats
from midtrain_dagster.experiments.proxies import limited, measure, train
from midtrain_dagster.experiments.proxies.settings import Proxy
from midtrain_dagster.experiments.proxies.shard_parts import HELD_OUT, TRAIN, Split
from midtrain_dagster.experiments.search import mixtures, stability, tables
from midtrain_dagster.experiments.search.settings import DEFAULT, MixtureSearch
from midtrain_dagster.mixture.method import NoTokensError
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.scale import Scale, scaled_stage
from midtrain_dagster.training.stage import Stage

VERSION = 1
USES = (mixtures, stability, limited, measure)

ByWork = Callable[[Sequence[Work]], list[list[Part]]]
"""Does units of work, and gives each one's parts, in order."""


@dataclass(frozen=True)
class Given:
    """What a search is made of beside its section."""

    shards: Artifact
    tokenizer: Tokenizer
    seed: int
    losses: Sequence[str]
    """The domains whose held-out losses are measured."""
    scale: Scale = Scale()
    repeated: int | None = None
    """The tokens of the run whose repetition proxies have (``Repeat``); None: there is none."""
    start: Sequence[Part] = ()
    """The files of the checkpoint that proxies go on from."""
    items: Sequence[Part] = ()
    """Of the benchmarks whose answers are measured."""


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


def make(search: MixtureSearch, given: Given, by_work: ByWork) -> Made:
    """Train and measure the whole swarm.

    Raises ``NoTokensError`` for a domain that is wanted and has no token, ``DrawError`` for bounds
    that no mixture meets, ``TooFewProxiesError`` where a round leaves too few for its law, and what
    training raises that would fail alike for every proxy.
    """
    swarm = _Swarm(search, given, by_work)
    ground = swarm.ground()
    rows = mixtures.first_round(search, ground, given.seed)
    number = 0
    for round_number in range(len(search.rounds)):
        if round_number:
            done, losses = swarm.mixtures(), swarm.losses()
            rows = mixtures.next_round(search, ground, given.seed, round_number, done, losses)
        swarm.run(DEFAULT, round_number, dict(enumerate(rows, number)))
        number += len(rows)
    for size in search.sizes:
        swarm.run_again(size)
    proxies, losses = swarm.proxies(), swarm.losses()
    return Made(
        {
            "mixtures": swarm.mixtures(),
            "proxies": proxies,
            "losses": losses,
            "domains": swarm.domains(),
            "stability": stability.stability(proxies, losses),
        },
        swarm.counts,
    )


@dataclass
class _Swarm:
    search: MixtureSearch
    given: Given
    by_work: ByWork
    counts: Counts = field(default_factory=Counts)
    _shares: dict[int, Floats] = field(default_factory=dict)
    """Of each proxy."""
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _losses: list[pl.DataFrame] = field(default_factory=list)
    _limited: dict[float, dict[str, list[Part]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._train = Split.of(self.given.shards, TRAIN)
        self._held_out = Split.of(self.given.shards, HELD_OUT)
        vocabulary = self.given.tokenizer.vocabulary
        self._vocabulary = train.Vocabulary(
            tokens=vocabulary.tokens, dtype=self.given.tokenizer.dtype, padding=vocabulary.padding
        )

    def ground(self) -> mixtures.Ground:
        """What mixtures are drawn over."""
        tokens = self._train.tokens
        lacking = sorted(set(self.search.kept) - tokens.keys())
        if lacking:
            raise NoTokensError(
                f"no curated token of {', '.join(lacking)} to be mixed; there are tokens of "
                f"{', '.join(sorted(tokens)) or 'none'}: add documents, or say without: {lacking}"
            )
        there = np.array([float(tokens.get(each, 1)) for each in self.search.domains])
        said = self.search.prior
        prior = there if said is None else np.array([said[each] for each in self.search.domains])
        repeated = self.given.repeated
        once = np.full(len(there), np.inf) if repeated is None else there / repeated
        return mixtures.Ground(prior, once)

    def run(self, size: str, round_number: int, rows: Mapping[int, Floats]) -> None:
        """Train and measure mixtures by number, those with a domain that is not wanted left out."""
        search = self.search
        unwanted = [search.domains.index(each) for each in search.without]
        chosen = {each: row for each, row in rows.items() if not row[unwanted].any()}
        first = list(search.proxies).index(size) * sum(search.rounds)
        proxy = search.proxies[size]
        works = [self._training(proxy, self._named(row)) for row in chosen.values()]
        made, found = self._done(works)
        self.counts.trained += len(works) - found
        self.counts.trained_before += found
        outcomes = [self._table(parts, "outcome").row(0, named=True) for parts in made]
        whole = [position for position, each in enumerate(outcomes) if each["failed"] is None]
        asked = [self._measuring(proxy, made[position]) for position in whole]
        measured, found = self._done(asked)
        self.counts.measured += len(asked) - found
        self.counts.measured_before += found
        results = dict(zip(whole, measured, strict=True))
        for position, (mixture, row) in enumerate(chosen.items()):
            outcome, number = outcomes[position], first + mixture
            if position in results:
                table = self._table(results[position], "measured")
                outcome["failed"] = measure.no_number(table)
                if outcome["failed"] is None:
                    self._losses.append(table.select(pl.lit(number).alias("proxy"), pl.all()))
            self._shares[number] = row
            self._rows.append(
                {
                    "proxy": number,
                    "mixture": mixture,
                    "round": round_number,
                    "size": size,
                    "seed": self.given.seed,
                    **outcome,
                }
            )

    def run_again(self, size: str) -> None:
        """The first mixtures of all rounds in another size."""
        usual = [row for row in self._rows if row["size"] == DEFAULT]
        for row in usual[: self.search.count(size)]:
            mixture = row["mixture"]
            self._again.setdefault(size, {}).setdefault(row["round"], {})[mixture] = self._shares[
                mixture
            ]
        for round_number, rows in self._again.get(size, {}).items():
            self.run(size, round_number, rows)

    _again: dict[str, dict[int, dict[int, Floats]]] = field(default_factory=dict)

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
        each = (table.cast(dict(tables.LOSSES)) for table in self._losses)
        return pl.concat([tables.LOSSES.to_frame(), *each])

    def domains(self) -> pl.DataFrame:
        """``tables.DOMAINS``, of the domains that are wanted."""
        prior = dict(zip(self.search.domains, self.ground().prior.tolist(), strict=True))
        whole = sum(prior[domain] for domain in self.search.kept)
        stage, tokens = self._stage(self.search.proxy, {"any": 1.0}), self._train.tokens
        read = {domain: parts for domain, parts in self._limits(stage).items()}
        rows = [
            (
                domain,
                prior[domain] / whole,
                tokens[domain],
                sum(part.tokens for part in read[domain]) if domain in read else tokens[domain],
            )
            for domain in self.search.kept
        ]
        return pl.DataFrame(rows, tables.DOMAINS, orient="row")

    def _training(self, proxy: Proxy, shares: Mapping[str, float]) -> Work:
        stage = self._stage(proxy, shares)
        domains = sorted(shares)
        limits = self._limits(stage)
        parts = (
            [part for domain in domains for part in limits[domain]]
            if limits
            else self._train.parts(domains)
        )
        return train.work(
            parts,
            stage,
            seed=self.given.seed,
            vocabulary=self._vocabulary,
            model=proxy.new_model,
            start=self.given.start,
        )

    def _measuring(self, proxy: Proxy, trained: Sequence[Part]) -> Work:
        targets, domains = self.search.targets, sorted(self.given.losses)
        return measure.work(
            [part for part in trained if part.table in train.MODEL],
            held_out=self._held_out.parts(domains),
            dtype=self._vocabulary.dtype,
            window=self._stage(proxy, {"any": 1.0}).sequence_length,
            domains=dict.fromkeys(domains, targets.tokens_by_domain),
            tokenizer=self.given.tokenizer.files,
            items=self.given.items,
            limit=targets.items,
        )

    def _limits(self, stage: Stage) -> dict[str, list[Part]]:
        """Of each domain that is wanted, the documents that proxies of a stage read; nothing where
        they read all."""
        if self.given.repeated is None or stage.tokens >= self.given.repeated:
            return {}
        part = stage.tokens / self.given.repeated
        if part not in self._limited:
            works = [
                limited.work(
                    self._train.parts([domain]),
                    domain,
                    part=part,
                    seed=self.given.seed,
                    dtype=self._vocabulary.dtype,
                )
                for domain in self.search.kept
            ]
            made = self.by_work(works)
            self._limited[part] = dict(zip(self.search.kept, made, strict=True))
        return self._limited[part]

    def _stage(self, proxy: Proxy, shares: Mapping[str, float]) -> Stage:
        scaled = scaled_stage(proxy.stage(shares), self.given.scale)
        return scaled.model_copy(update={"checkpoint_every": scaled.steps})

    def _named(self, row: Floats) -> dict[str, float]:
        """The shares of the domains that have one."""
        shares = zip(self.search.domains, row.tolist(), strict=True)
        return {domain: share for domain, share in shares if share > 0}

    def _done(self, works: Sequence[Work]) -> tuple[list[list[Part]], int]:
        """The parts of each unit of work, and how many of them were there."""
        found = find_parts(self.given.shards.storage, works)
        return self.by_work(works), sum(each is not None for each in found)

    def _table(self, parts: Sequence[Part], name: str) -> pl.DataFrame:
        (part,) = (each for each in parts if each.table == name)
        return read_table(self.given.shards.storage, part)
