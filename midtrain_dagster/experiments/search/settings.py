"""The recipe's section ``mixture_search``: which mixtures are tried, on what, and what is measured.

A search makes the asset ``swarm/NAME``, which is as many small models as it draws mixtures, and the
losses of each: what laws are fitted to, and a mixture is proposed from (docs/mixture-search.md).
"""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.experiments.draws.config import USUAL, DrawRule
from midtrain_dagster.experiments.proxies.settings import Proxy, Size
from midtrain_dagster.laws.mixing.config import MixtureLaw

DEFAULT = "default"
"""What the size of ``proxy`` is called."""


class Repeat(FrozenModel):
    """The run whose rate of repetition the proxies have: a stage of the recipe, or its tokens.

    A run of T tokens reads a domain of N tokens with share w over w T / N times. A proxy of P
    tokens does so over the part P / T of the documents, whatever the share, so that is what it
    gets; the documents are drawn by their ids.
    """

    stage: str | None = None
    """A stage of the recipe, at its scale."""
    tokens: Tokens | None = None
    """Or the tokens of a run that is not in the recipe."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.stage is None) == (self.tokens is None):
            raise ValueError("give either the `stage` or the `tokens` of the run that is meant")
        return self


class Targets(FrozenModel):
    """What of each proxy is measured: lower is better for all."""

    losses: tuple[str, ...] | None = None
    """Domains whose held-out loss is measured, in nats a token; null: those of the search that
    sources feed."""
    answers: tuple[str, ...] = ()
    """Benchmarks whose right answers are measured, in bits a byte."""
    tokens_by_domain: Tokens = 10_000
    """Held-out tokens of each domain that are scored at most."""
    items: Annotated[int, Field(ge=1)] = 100
    """Items of each benchmark that are scored at most, from the first."""


class MixtureSearch(FrozenModel):
    """A swarm of proxies, each trained on a mixture of its own, and measured."""

    domains: Annotated[tuple[str, ...], Field(min_length=2)]
    """The domains that are mixed. One that comes later is appended: proxies without it stay."""
    without: Annotated[tuple[str, ...], CAUSE_IF_SET] = ()
    """Those of them that are no longer wanted: proxies that have any of them are left out, and none
    is trained anew."""
    prior: Annotated[dict[str, Annotated[float, Field(gt=0)]] | None, CAUSE_IF_SET] = None
    """The share of each domain around which mixtures are drawn, up to a factor; null: as the
    curated tokens are."""
    draw: DrawRule = USUAL
    """How mixtures are drawn."""
    absence: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """The chance with which a mixture does without a domain altogether, whatever the rule. What a
    proxy does not read can change without it being trained anew; 0: the rule decides alone."""
    rounds: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64,)
    """How many proxies there are; or those of each round, ``[32, 16, 8]``: from the second on they
    are drawn among the mixtures that the law, fitted to the rounds before, finds best."""
    law: Annotated[MixtureLaw | None, CAUSE_IF_SET] = None
    """The law by which later rounds are drawn."""
    objective: Annotated[dict[str, Annotated[float, Field(gt=0)]], CAUSE_IF_SET] = Field(default={})
    """The weights of the targets by which the law's best is judged, each target in units of its
    spread over the proxies; none: all alike."""
    proxy: Proxy
    """How each proxy is trained."""
    sizes: Annotated[dict[str, Size], CAUSE_IF_SET] = Field(default={})
    """Other sizes in which the same mixtures are trained, to see whether their order stays."""
    repeat: Annotated[Repeat | None, CAUSE_IF_SET] = None
    """The run whose repetition of documents the proxies have too; null: they read from all
    documents there are, and what they say holds for runs that repeat as little as they."""
    targets: Targets = Targets()
    """What is measured of each proxy."""
    seed: Annotated[Seed | None, CAUSE_IF_SET] = None
    """Of mixtures, weights and the order of documents; null: the recipe's."""
    description: Annotated[str, NOT_A_CAUSE] = ""
    """A line for people."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        twice = sorted({each for each in self.domains if self.domains.count(each) > 1})
        if twice:
            yield f"domains names {', '.join(twice)} twice"
        for name in self.without:
            if name not in self.domains:
                yield f"without names {name!r}, not among the domains" + did_you_mean(
                    name, self.domains
                )
        if len(self.kept) < 2:
            yield "without leaves fewer than two domains"
        yield from self._problems_of_prior()
        yield from self._problems_of_rounds()
        yield from self._problems_of_sizes()

    def _problems_of_prior(self) -> Iterator[str]:
        said = self.domains if self.prior is None else self.prior
        for name in said:
            if name not in self.domains:
                yield f"prior names {name!r}, not among the domains" + did_you_mean(
                    name, self.domains
                )
        if lacking := [each for each in self.domains if each not in said]:
            yield f"prior has no share for {', '.join(lacking)}: each domain needs one"

    def _problems_of_rounds(self) -> Iterator[str]:
        if len(self.rounds) > 1 and self.law is None:
            yield "rounds after the first are drawn by a law: say which, law: log_linear"
        if len(self.rounds) == 1 and (self.law is not None or self.objective):
            yield "law and objective are for several rounds: say rounds: [32, 16]"
        needed = 0 if self.law is None else self.law.parameters(len(self.kept))
        if self.law is not None and self.rounds[0] < needed:
            yield (
                f"the law {self.law.law!r} has {needed} parameters with {len(self.kept)} domains, "
                f"but the first round has {self.rounds[0]} proxies: raise it"
            )

    def _problems_of_sizes(self) -> Iterator[str]:
        if DEFAULT in self.sizes:
            yield f"the size of `proxy` is called {DEFAULT!r} already"
        for name, size in self.sizes.items():
            if size.proxies is not None and size.proxies > sum(self.rounds):
                yield f"sizes.{name}: {size.proxies} proxies of {sum(self.rounds)} mixtures"
            try:
                size.of(self.proxy)
            except ValidationError as error:
                yield f"sizes.{name}: {error.errors()[0]['msg']}"

    @property
    def kept(self) -> tuple[str, ...]:
        """The domains that are still wanted, in order."""
        return tuple(each for each in self.domains if each not in self.without)

    @property
    def proxies(self) -> dict[str, Proxy]:
        """The proxy in each size, the usual one first."""
        others = {name: size.of(self.proxy) for name, size in self.sizes.items()}
        return {DEFAULT: self.proxy, **others}

    def count(self, size: str) -> int:
        """How many proxies are trained in a size at most."""
        most = sum(self.rounds)
        return most if size == DEFAULT else self.sizes[size].proxies or most
