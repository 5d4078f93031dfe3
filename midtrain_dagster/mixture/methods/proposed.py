"""The mixture that a law finds best, fitted to the proxies of a search (survey, section 3.5).

A search (``mixture_search``) trains small models on many mixtures; a law (``laws.mixing``) is
fitted to each target's losses; and the mixture with the least weighted loss that keeps to the
constraints is proposed. Beside it stands what it is worth: the law's error on proxies that were
held out, and the predicted gain over the prior with its interval. A proposal that is not better
than the prior beyond the error is still made, and says so wherever it shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Problem, View
from midtrain_dagster.core.token_count import Tokens, tokens_in_words
from midtrain_dagster.laws.mixing import (
    constraints,
    held_out,
    measurements,
    proposal,
    reduced,
    uncertainty,
)
from midtrain_dagster.laws.mixing.config import MixtureLaw
from midtrain_dagster.laws.mixing.method import Array, Fitted, Law
from midtrain_dagster.mixture import proposal_tables as tables
from midtrain_dagster.mixture.method import available, versions
from midtrain_dagster.mixture.weights import Share

VERSION = 1
USES = (constraints, held_out, measurements, proposal, reduced, tables, uncertainty)

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
        default=4.0, gt=0, description="Most passes over a domain's documents: caps its share."
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
        for stage, tokens in trained.items():
            if tokens > self.tokens:
                yield (
                    ("tokens",),
                    f"stage {stage} trains {tokens_in_words(tokens)} tokens on it, so domains "
                    "would be read more often than max_epochs: write its tokens",
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
    caps = {each: tokens[each] * config.max_epochs / config.tokens for each in measured.domains}
    allowed = _allowed(config, measured, caps)
    law = reduced.reduced_law(config.law, measured.mixtures, allowed.basis)
    fits = {target: _fit(law, measured, target, config) for target in config.targets}
    weights = np.array(list(config.targets.values()))
    objective = proposal.Objective(
        [each.fitted for each in fits.values()], weights, measured.prior, config.kl_weight
    )
    proposed = proposal.propose(objective, allowed, seed=config.seed)
    bounds = {"floors": config.floors, "ceilings": config.ceilings, "frozen": config.frozen}
    shares = pl.DataFrame({"domain": measured.domains, "share": proposed.shares})
    return {
        "weights": shares.join(there, on="domain").sort("domain"),
        "proposal": tables.proposal_table(
            measured.domains, measured.prior, proposed.shares, caps=caps, **bounds
        ),
        "held_out_error": pl.DataFrame(
            [_error_row(law, measured, target, fit) for target, fit in fits.items()],
            tables.HELD_OUT_ERROR,
        ),
        "predicted": pl.concat(
            tables.predicted_rows(target, measured.proxies[fit.rows], fit.losses, fit.out.predicted)
            for target, fit in fits.items()
        ),
        "gain": _gain(law, measured, fits, config, proposed.shares),
        "left_out": measured.left_out,
        "solution": pl.DataFrame([{"way": proposed.way, "gap": proposed.gap}], tables.SOLUTION),
    }


@dataclass(frozen=True)
class _Fit:
    """A target's law, and its proxies' losses with what is predicted of each by the others."""

    fitted: Fitted
    rows: np.ndarray
    losses: Array
    out: held_out.HeldOut


def _allowed(
    config: Config, measured: measurements.Measurements, caps: Mapping[str, float]
) -> constraints.Constraints:
    names = {*config.floors, *config.ceilings, *config.frozen}
    unknown = sorted(names - set(measured.domains))
    if unknown:
        raise constraints.ConflictError(
            f"{', '.join(unknown)}: constrained, but no domain of search {config.search} (which "
            f"has {', '.join(measured.domains)})"
        )
    # Where the prior has nothing, relative entropy to it is infinite.
    absent = measured.prior <= 0 if config.kl_weight else np.zeros(len(measured.prior), bool)
    ceilings = dict(config.ceilings)
    ceilings |= {each: 0.0 for each, no in zip(measured.domains, absent, strict=True) if no}
    return constraints.allowed_mixtures(
        measured.domains,
        floors=config.floors,
        ceilings=ceilings,
        caps=caps,
        frozen=config.frozen,
    )


def _fit(law: Law, measured: measurements.Measurements, target: str, config: Config) -> _Fit:
    own = measurements.own_domain(target, measured.domains)
    rows = np.isfinite(measured.losses[target])
    mixtures, losses = measured.mixtures[rows], measured.losses[target][rows]
    out = held_out.held_out(law, mixtures, losses, folds=config.folds, own=own, seed=config.seed)
    return _Fit(law.fit(mixtures, losses, own=own, seed=config.seed), rows, losses, out)


def _error_row(
    law: Law, measured: measurements.Measurements, target: str, fit: _Fit
) -> dict[str, object]:
    errors = held_out.errors(fit.losses, fit.out.predicted)
    left_out = measured.left_out.filter(pl.col("target").is_null() | (pl.col("target") == target))
    return {
        "law": law.law,
        "target": target,
        "unit": measured.units[target],
        "folds": fit.out.folds,
        "mean_absolute": errors.mean_absolute,
        "worst": errors.worst,
        "relative": errors.relative,
        "spearman": errors.spearman,
        "kendall": errors.kendall,
        "proxies": len(fit.losses),
        "left_out": left_out.height,
        "not_converged": fit.out.not_converged + (not fit.fitted.converged),
    }


def _gain(
    law: Law,
    measured: measurements.Measurements,
    fits: Mapping[str, _Fit],
    config: Config,
    shares: Array,
) -> pl.DataFrame:
    """Predicted at the prior and at the proposal: each target, and their weighted mean."""
    at = np.stack([measured.prior, shares])
    drawn = uncertainty.draws(len(measured.proxies), config.resamples, config.seed)
    weights = np.array(list(config.targets.values()))
    rows, predictions, moved = [], [], []
    residuals = np.full((len(fits), len(measured.proxies)), np.nan)
    for number, (target, fit) in enumerate(fits.items()):
        by_resample = uncertainty.bootstrap(
            law,
            measured.mixtures,
            measured.losses[target],
            at,
            drawn,
            own=measurements.own_domain(target, measured.domains),
            seed=config.seed,
        )
        predictions.append(fit.fitted.predict(at))
        moved.append(by_resample[:, 1] - by_resample[:, 0])
        residuals[number, fit.rows] = fit.losses - fit.out.predicted
        rows.append(
            tables.gain_row(
                target,
                measured.units[target],
                float(weights[number]),
                predictions[-1],
                moved[-1],
                residuals[number, fit.rows],
                config.seed,
            )
        )
    parts = weights / weights.sum()
    together = parts @ residuals
    rows.append(
        tables.gain_row(
            tables.OBJECTIVE,
            _unit(measured, fits),
            float(weights.sum()),
            parts @ np.stack(predictions),
            parts @ np.stack(moved),
            together[np.isfinite(together)],
            config.seed,
        )
    )
    return pl.DataFrame(rows, tables.GAIN)


def _unit(measured: measurements.Measurements, fits: Mapping[str, _Fit]) -> str | None:
    """The unit of the weighted mean, where all targets have one."""
    units = {measured.units[target] for target in fits}
    return units.pop() if len(units) == 1 else None
