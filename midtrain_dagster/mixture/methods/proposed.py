"""The mixture that a law finds best, fitted to the proxies of a search (survey, section 3.5).

A search (``mixture_search``) trains small models on many mixtures; a law (``laws.mixing``) is
fitted to each target's losses; and the mixture with the least weighted loss that keeps to the
constraints is proposed. Beside it stands what it is worth: the law's error on proxies that were
held out, and the predicted gain over the prior with its interval. A proposal that is not better
than the prior beyond the error is still made, and says so wherever it shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Problem, Search, View, undeclared
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.core.token_count import Tokens, tokens_in_words
from midtrain_dagster.laws.mixing import (
    constraints,
    held_out,
    measurements,
    proposal,
    reduced,
)
from midtrain_dagster.laws.mixing.config import MixtureLaw
from midtrain_dagster.mixture import proposal_tables as tables
from midtrain_dagster.mixture import worth
from midtrain_dagster.mixture.method import available, versions
from midtrain_dagster.mixture.weights import Share

VERSION = 1
USES = (constraints, measurements, proposal, reduced, tables, worth)

SIZE = "default"
"""The proxies that a law is fitted to: the search's own size, not those that test its stability."""

_READ = ("mixtures", "proxies", "losses", "domains")
"""Tables of a search's artifact."""


class Config(FrozenModel):
    """The mixture that a law, fitted to the proxies of a search, finds best."""

    method: Literal["proposed"]
    search: str
    """The name of one of the recipe's `mixture_search`."""
    law: MixtureLaw
    """How a loss follows from the shares."""
    targets: dict[str, Annotated[float, Field(gt=0)]] = Field(
        min_length=1,
        description="What is to be low, with its weight: `loss/DOMAIN`, `answers/BENCHMARK`.",
    )
    tokens: Tokens
    """Of the stage that it is for, before `scale`."""
    max_epochs: float = Field(
        default=4.0,
        gt=0,
        description="Most passes over a domain's documents: caps its share, and is what "
        "stages that name this mixture keep to.",
    )
    floors: dict[str, Share] = Field(default={}, description="The least share of a domain.")
    ceilings: dict[str, Share] = Field(default={}, description="The largest share of a domain.")
    frozen: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="Domains that keep these proportions among themselves, and are one share.",
    )
    kl_weight: float = Field(
        default=0.05,
        ge=0,
        description="Of the relative entropy to the prior, in the unit of the losses a nat; 0: "
        "however far the law leads.",
    )
    folds: int = Field(default=10, ge=2, description="Into which proxies are dealt for the error.")
    resamples: int = Field(default=100, ge=20, description="Of the proxies, for the intervals.")
    seed: Seed = 42
    """Of folds, resamples and starts."""

    @model_validator(mode="after")
    def _constraints_hold_together(self) -> Self:
        found = list(constraints.conflicts(self.floors, self.ceilings, self.frozen))
        if found:
            raise ValueError("; ".join(found))
        return self

    @property
    def reads(self) -> dict[str, str]:
        """As ``mixture.method`` says."""
        return {"swarm": f"swarm/{self.search}"}

    def problems(self, view: View, trained: Mapping[str, int]) -> Iterator[Problem]:
        """As ``mixture.method`` says."""
        if self.search not in view.searches:
            yield ("search",), undeclared("mixture_search", self.search, view.searches)
        else:
            yield from self._unsearched(view.searches[self.search])
        for stage, tokens in trained.items():
            if tokens > self.tokens:
                yield (
                    ("tokens",),
                    f"stage {stage} trains {tokens_in_words(tokens)} tokens on it, so domains "
                    "would be read more often than max_epochs: write its tokens",
                )

    def _unsearched(self, search: Search) -> Iterator[Problem]:
        """What the search does not have: targets, domains, and proxies for the law."""
        for target in self.targets:
            if target not in search.targets:
                likely = [each for each in search.targets if each.endswith(f"/{target}")]
                meant = did_you_mean(likely[0] if likely else target, search.targets)
                yield (
                    ("targets", target),
                    f"search {self.search} does not measure it (it measures "
                    f"{', '.join(search.targets)}){meant}",
                )
        unknown = [
            (field, domain)
            for field in ("floors", "ceilings", "frozen")
            for domain in getattr(self, field)
            if domain not in search.domains
        ]
        for field, domain in unknown:
            yield (
                (field, domain),
                f"no domain of search {self.search} ({', '.join(search.domains)})"
                f"{did_you_mean(domain, search.domains)}",
            )
        if not unknown and set(search.domains) <= self.frozen.keys():
            yield ("frozen",), "it names every domain, so there is nothing left to propose"
        elif not unknown:
            for reason in constraints.conflicts_of(
                search.domains, self.floors, self.ceilings, {}, self.frozen
            ):
                yield (), reason
        # Frozen domains may have moved together in every proxy, and are one share then.
        shares = len(search.domains) - max(0, len(self.frozen) - 1)
        needed = held_out.proxies_needed(self.law, shares, self.folds)
        if search.proxies < needed:
            yield (
                ("law",),
                f"law {self.law.law} is fitted to {self.law.parameters(shares)} proxies at least, "
                f"with {shares} shares, and so that each of {self.folds} folds can be left out it "
                f"needs {needed}; search {self.search} trains {search.proxies}: raise its rounds, "
                "or name a law that needs fewer",
            )

    def caps(self, tokens: Mapping[str, int]) -> dict[str, float]:
        """The share that the tokens of each domain allow within the most epochs."""
        return {each: there * self.max_epochs / self.tokens for each, there in tokens.items()}

    def conflicts(self, tokens: Mapping[str, int]) -> list[str]:
        """What cannot hold together, given the tokens there are to train on of each domain of the
        search: what a search need not be trained for."""
        caps = self.caps(tokens)
        return list(
            constraints.conflicts_of(list(tokens), self.floors, self.ceilings, caps, self.frozen)
        )

    def work(self, index: Sequence[Part], given: Mapping[str, Artifact]) -> Work:
        """As ``mixture.method`` says."""
        return Work(
            found,
            scans={"index": index},
            tables={name: given["swarm"].parts(name) for name in _READ},
            parameters={"section": self.model_dump(mode="json")},
            versions=versions(self),
        )


def found(
    index: pl.LazyFrame,
    mixtures: pl.DataFrame,
    proxies: pl.DataFrame,
    losses: pl.DataFrame,
    domains: pl.DataFrame,
    *,
    section: Mapping[str, object],
) -> dict[str, pl.DataFrame]:
    """``weights`` (``mixture.method.WEIGHTS``), and the tables of ``proposal_tables``.

    Raises ``NoTokensError`` for a domain without a token, ``ConflictError`` for constraints that do
    not hold together, ``UnmeasuredError`` and ``TooFewProxiesError`` for a search that is too poor.
    """
    config = Config.model_validate(section)
    measured = measurements.measurements(
        mixtures, proxies, losses, domains, targets=config.targets, size=SIZE
    )
    there = available(index, measured.domains)
    tokens = dict(there.iter_rows())
    caps = config.caps({each: tokens[each] for each in measured.domains})
    ceilings = _ceilings(config, measured)
    allowed = _allowed(config, measured, ceilings, caps)
    law = reduced.reduced_law(config.law, measured.mixtures, allowed.basis)
    fits = worth.fits(law, measured, config.targets, folds=config.folds, seed=config.seed)
    weights = np.array(list(config.targets.values()))
    objective = proposal.Objective(
        [each.fitted for each in fits.values()], weights, measured.prior, config.kl_weight
    )
    proposed = proposal.propose(objective, allowed, seed=config.seed)
    shares = pl.DataFrame({"domain": measured.domains, "share": proposed.shares})
    return {
        "weights": shares.join(there, on="domain").sort("domain"),
        "proposal": tables.proposal_table(
            measured.domains,
            measured.prior,
            proposed.shares,
            floors=config.floors,
            ceilings=ceilings,
            caps=caps,
            max_epochs=config.max_epochs,
            frozen=config.frozen,
        ),
        "held_out_error": worth.error_table(law, measured, fits),
        "predicted": worth.predicted_table(measured, fits),
        "gain": worth.gain_table(
            law,
            measured,
            fits,
            config.targets,
            proposed.shares,
            resamples=config.resamples,
            seed=config.seed,
        ),
        "left_out": measured.left_out,
        "solution": pl.DataFrame([{"way": proposed.way, "gap": proposed.gap}], tables.SOLUTION),
    }


def _ceilings(config: Config, measured: measurements.Measurements) -> dict[str, float]:
    """Those of the recipe, and 0 where the prior has nothing and relative entropy counts: it would
    be infinite."""
    absent = measured.prior <= 0 if config.kl_weight else np.zeros(len(measured.prior), bool)
    zeros = {each: 0.0 for each, no in zip(measured.domains, absent, strict=True) if no}
    return {**config.ceilings, **zeros}


def _allowed(
    config: Config,
    measured: measurements.Measurements,
    ceilings: Mapping[str, float],
    caps: Mapping[str, float],
) -> constraints.Constraints:
    names = {*config.floors, *config.ceilings, *config.frozen}
    unknown = sorted(names - set(measured.domains))
    if unknown:
        raise constraints.ConflictError(
            f"{', '.join(unknown)}: constrained, but no domain of search {config.search} (which "
            f"has {', '.join(measured.domains)})"
        )
    return constraints.allowed_mixtures(
        measured.domains,
        floors=config.floors,
        ceilings=ceilings,
        caps=caps,
        frozen=config.frozen,
    )
