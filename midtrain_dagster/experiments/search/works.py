"""The units of work of a search: which parts of the token shards each proxy reads, and how.

A proxy is two units of work, a training and a measuring (``proxies``), found by their causes. What
causes a training are the parts that hold the domains of its mixture, and no others.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.experiments.proxies import limited, measure, train
from midtrain_dagster.experiments.proxies.settings import Proxy
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.experiments.shard_parts import HELD_OUT, parts_with
from midtrain_dagster.experiments.short_run import Measures, Vocabulary
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.scale import Scale, scaled_stage
from midtrain_dagster.training.stage import Stage

VERSION = 1
USES = (limited, measure, train)

TRAIN = ("train_tokens", "train_index")
"""The tables of the token shards that proxies read. They learn conversations throughout, so they
ask for no marks on what an assistant says."""

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
    scale: Scale
    """The recipe's."""
    repeated: int | None = None
    """The tokens of the run whose repetition proxies have (``Repeat``); None: there is none."""
    start: Sequence[Part] = ()
    """The files of the checkpoint that proxies go on from."""
    items: Sequence[Part] = ()
    """Of the benchmarks whose answers are measured."""


@dataclass(frozen=True)
class Works:
    """Makes the units of work of a search."""

    search: MixtureSearch
    given: Given
    by_work: ByWork
    """Does those that come before any proxy."""
    _limited: dict[float, dict[str, list[Part]]] = field(default_factory=dict)

    @cached_property
    def tokens(self) -> dict[str, int]:
        """The tokens that there are to train on of each domain that has some."""
        index = self.given.shards.scan(TRAIN[1])
        counted = index.group_by("domain").agg(pl.col("length").cast(pl.Int64).sum())
        return {domain: tokens for domain, tokens in counted.collect().iter_rows() if tokens}

    def training(self, proxy: Proxy, shares: Mapping[str, float]) -> Work:
        """Trains a proxy on a mixture of these shares, each above 0."""
        stage = self.stage(proxy, shares)
        limits = self.limits(proxy)
        own = [part for domain in sorted(shares) for part in limits.get(domain, ())]
        return train.work(
            own or self._of(shares),
            stage,
            seed=self.given.seed,
            vocabulary=self._vocabulary,
            model=proxy.new_model,
            start=self.given.start,
        )

    def measuring(self, proxy: Proxy, trained: Sequence[Part]) -> Work:
        """Measures a proxy of which these are the parts."""
        targets = self.search.targets
        measures = Measures(
            domains=tuple(sorted(self.given.losses)),
            sequence_length=self.stage(proxy, {"any": 1.0}).sequence_length,
            tokens_by_domain=targets.tokens_by_domain,
            benchmarks=tuple(sorted(targets.answers)),
            items=targets.items,
        )
        return measure.work(
            [part for part in trained if part.table in train.MODEL],
            measures,
            self._vocabulary,
            held_out=self._held_out,
            tokenizer=self.given.tokenizer.files,
            items=self.given.items,
        )

    def limits(self, proxy: Proxy) -> dict[str, list[Part]]:
        """Of each domain that is wanted, the documents that proxies read; nothing where they read
        all."""
        tokens, repeated = self.stage(proxy, {"any": 1.0}).tokens, self.given.repeated
        if repeated is None or tokens >= repeated:
            return {}
        part = tokens / repeated
        if part not in self._limited:
            how = {"part": part, "seed": self.given.seed, "dtype": self._vocabulary.dtype}
            kept = self.search.kept
            works = [limited.work(self._parts[each], each, **how) for each in kept]  # type: ignore[arg-type]
            self._limited[part] = dict(zip(kept, self.by_work(works), strict=True))
        return self._limited[part]

    def read(self, proxy: Proxy) -> dict[str, int]:
        """The tokens of each domain that is wanted from which proxies read."""
        limits = {
            domain: sum(part.tokens for part in parts)
            for domain, parts in self.limits(proxy).items()
        }
        return limits or {domain: self.tokens[domain] for domain in self.search.kept}

    def stage(self, proxy: Proxy, shares: Mapping[str, float]) -> Stage:
        """A proxy's training at the recipe's scale. Only its end is written: a proxy that is cut
        begins anew."""
        scaled = scaled_stage(proxy.stage(shares), self.given.scale)
        return scaled.model_copy(update={"checkpoint_every": scaled.steps})

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        vocabulary = self.given.tokenizer.vocabulary
        return Vocabulary(
            tokens=vocabulary.tokens, dtype=self.given.tokenizer.dtype, padding=vocabulary.padding
        )

    @cached_property
    def _parts(self) -> dict[str, list[Part]]:
        """The parts that hold each domain that is wanted."""
        return {each: parts_with(self.given.shards, {each}, TRAIN) for each in self.search.kept}

    @cached_property
    def _held_out(self) -> list[Part]:
        return parts_with(self.given.shards, set(self.given.losses), HELD_OUT)

    def _of(self, domains: Collection[str]) -> list[Part]:
        """The parts that hold any of the domains, in the order of the shards."""
        wanted = {part.path for domain in domains for part in self._parts[domain]}
        return [part for part in self.given.shards.manifest.parts if part.path in wanted]
