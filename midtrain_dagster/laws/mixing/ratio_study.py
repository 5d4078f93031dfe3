"""A law of a ratio, fitted to a swarm: what it answers, how wrong it is, and what it cannot tell.

What runs do not vary, no law knows. A power with its floor has three numbers (``E + A / N^a``), so
tokens that no run had take three counts of tokens, or two counts on both sides of them; sizes of
model alike; and where both change together nobody knows which of them did it. Beside these
refusals, which need no fit, others are made after it: of a law whose error on runs left out is as
wide as all that was measured, of a loss whose interval is, and of a critical share whose interval
has more than half of all shares in it.

Intervals hold nine in ten refits of a bootstrap over runs (within runs of the same tokens and
parameters, so that no refit is without one), those of losses each moved by an error on a run left
out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.laws.mixing import held_out, uncertainty
from midtrain_dagster.laws.mixing.held_out import Errors
from midtrain_dagster.laws.mixing.method import Array, TooFewProxiesError
from midtrain_dagster.laws.mixing.ratio import (
    RATIOS,
    FittedRatio,
    RatioLaw,
    UnidentifiedError,
    last_tolerated,
)
from midtrain_dagster.laws.mixing.ratio_points import Points

FOLDS = 10
RESAMPLES = 50
SEED = 42

EXPONENT = 3
"""The counts of tokens, or of parameters, that tell a power with its floor."""

WIDEST = 0.5
"""The widest interval of a critical share, as a part of the shares that runs had."""

TOGETHER = 0.98
"""The correlation of the logarithms of tokens and parameters from which on they are one thing."""

Varied = Literal["tokens", "parameters"]


@dataclass(frozen=True)
class Told:
    """An answer and its interval, in the unit of what was asked."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _OfRows:
    """A fitted law that takes runs as rows of share, tokens and parameters."""

    fitted: FittedRatio

    @property
    def converged(self) -> bool:
        """As ``method.Fitted`` says."""
        return self.fitted.converged

    def predict(self, mixtures: Array) -> Array:
        """As ``method.Fitted`` says."""
        ratios, tokens, sizes = mixtures.T
        return self.fitted.predict(ratios, tokens, sizes)


@dataclass(frozen=True)
class _LawOfRows:
    """A law of a ratio as a ``method.Law``, so that error and uncertainty are those of all laws."""

    ratio: RatioLaw
    needed: int

    @property
    def law(self) -> str:
        """As ``method.Law`` says."""
        return self.ratio.law

    def parameters(self, domains: int) -> int:
        """As ``method.Law`` says."""
        return self.needed

    def fit(
        self, mixtures: Array, losses: Array, *, own: int | None = None, seed: int = 0
    ) -> _OfRows:
        """As ``method.Law`` says."""
        ratios, tokens, sizes = mixtures.T
        return _OfRows(self.ratio.fit(ratios, tokens, sizes, losses, seed=seed))


@dataclass(frozen=True)
class RatioStudy:
    """A law of a ratio, the runs it was fitted to, and its error on runs left out."""

    points: Points
    law: _LawOfRows
    fitted: _OfRows
    errors: Errors
    residuals: Array
    not_converged: int
    """Of the fits to all and to all but a fold."""
    drawn: NDArray[np.int64]

    @property
    def least(self) -> float:
        """The least share that a run had."""
        return float(self.points.at[:, 0].min())

    @property
    def most(self) -> float:
        """The largest."""
        return float(self.points.at[:, 0].max())

    def losses(self, shares: Array, tokens: float, parameters: float) -> list[Told]:
        """The loss at each share. Raises :class:`UnidentifiedError`."""
        require_told(self.points, tokens, parameters)
        self._require_sane()
        at = np.column_stack(
            [shares, np.full(len(shares), tokens), np.full(len(shares), parameters)]
        )
        refits = self._refits(at)
        errors = np.random.default_rng(SEED).choice(self.residuals, len(refits))
        found = []
        for share, value, moved in zip(shares, self.fitted.predict(at), refits.T, strict=True):
            told = _told(float(value), moved + errors)
            self._require_narrow(float(share), told)
            found.append(told)
        return found

    def critical(self, within: float) -> Told:
        """The largest share, of those that runs had, at which the loss is no more than ``within``
        above that at the least (Gu et al. 2024, arXiv 2407.17467, section 3).

        The law's rise is the same for any tokens, which CMR's is. The interval is of refits alone:
        an error that all shares have in common moves no rise. Raises :class:`UnidentifiedError`
        where it is wider than ``WIDEST``.
        """
        self._require_sane()
        seen = RATIOS[(self.least < RATIOS) & (self.most > RATIOS)]
        shares = np.array([self.least, *seen, self.most])
        tokens, parameters = self.points.at[0, 1:]
        at = np.column_stack(
            [shares, np.full(len(shares), tokens), np.full(len(shares), parameters)]
        )
        told = _told(
            _critical(shares, self.fitted.predict(at), within),
            np.array([_critical(shares, curve, within) for curve in self._refits(at)]),
        )
        if told.high - told.low > WIDEST * (self.most - self.least):
            raise UnidentifiedError(
                f"the share of {self.points.domain} at which general loss has risen by {within:g} "
                f"is not told: refits find anything from {told.low:.1%} to {told.high:.1%}. "
                "Train more proxies (`rounds`), or ask for a rise beyond the error of "
                f"{self.errors.mean_absolute:.2g}"
            )
        return told

    def _refits(self, at: Array) -> Array:
        return uncertainty.bootstrap(
            self.law, self.points.at, self.points.losses, at, self.drawn, seed=SEED
        )

    def _require_sane(self) -> None:
        """A law may run away where a fold left out is the only one with little of the domain."""
        away, span = self.errors.mean_absolute, float(np.ptp(self.points.losses))
        if not away < span:
            raise UnidentifiedError(
                f"law {self.law.law} is off by {away:.3g} on proxies left out, in the mean, and "
                f"all that they measured differs by {span:.3g}: {len(self.points.losses)} proxies "
                "do not tell it. Train more (`rounds`)"
            )

    def _require_narrow(self, share: float, told: Told) -> None:
        lowest, highest = self.points.losses.min(), self.points.losses.max()
        if not told.high - told.low < highest - lowest:
            raise UnidentifiedError(
                f"the loss at a share of {share:.1%} of {self.points.domain} is not told: its "
                f"interval, {told.low:.3f} to {told.high:.3f}, is as wide as all that the proxies "
                f"measured ({lowest:.3f} to {highest:.3f}). Train more of them (`rounds`), or some "
                "nearer to what is asked (`sizes`)"
            )


def study(law: RatioLaw, points: Points, *, resamples: int = RESAMPLES) -> RatioStudy:
    """Fit a law to points.

    Raises ``TooFewProxiesError`` where runs, or shares that differ, are fewer than what is fitted.
    """
    varied = {
        "tokens": len(np.unique(points.at[:, 1])) > 1,
        "sizes": len(np.unique(points.at[:, 2])) > 1,
    }
    of_rows = _LawOfRows(law, law.parameters(**varied))
    _require_enough(of_rows, points)
    groups, at, losses = points.groups, points.at, points.losses
    out = held_out.held_out(of_rows, at, losses, folds=FOLDS, seed=SEED, groups=groups)
    fitted = of_rows.fit(at, losses, seed=SEED)
    return RatioStudy(
        points=points,
        law=of_rows,
        fitted=fitted,
        errors=held_out.errors(losses, out.predicted),
        residuals=losses - out.predicted,
        not_converged=out.not_converged + (not fitted.converged),
        drawn=uncertainty.draws_within(groups, resamples, SEED),
    )


def require_told(points: Points, tokens: float, parameters: float) -> None:
    """Raise :class:`UnidentifiedError` where runs do not vary what is asked; nothing is fitted."""
    asked = np.array([tokens, parameters])
    pairs = np.unique(points.at[:, 1:], axis=0)
    if (pairs == asked).all(axis=1).any():
        return
    logs = np.log(pairs)
    if np.ptp(logs, axis=0).all() and abs(np.corrcoef(logs.T)[0, 1]) > TOGETHER:
        raise UnidentifiedError(
            f"tokens and parameters changed together in {_named(pairs)}, so nothing tells which of "
            "them did what: train a size that changes one of them alone"
        )
    _require_varied("tokens", pairs[:, 0], tokens)
    _require_varied("parameters", pairs[:, 1], parameters)


def _require_varied(name: Varied, seen: Array, asked: float) -> None:
    values = np.unique(seen)
    inside = len(values) > 1 and values[0] <= asked <= values[-1]
    if asked in values or inside or len(values) >= EXPONENT:
        return
    field = "tokens: N" if name == "tokens" else "model: {...}"
    more = EXPONENT - len(values)
    lacking = f"{more} size{'s' if more > 1 else ''} more of the search with other {name}"
    raise UnidentifiedError(
        f"what {asked:,.0f} {name} do is not told: all proxies had "
        f"{' or '.join(f'{value:,.0f}' for value in values)}, and a power with its floor needs "
        f"{EXPONENT} counts. Add {lacking} (`sizes: {{longer: {{{field}}}}}`)"
    )


def _require_enough(law: _LawOfRows, points: Points) -> None:
    runs, shares = len(points.at), len(np.unique(points.at[:, 0]))
    needed = held_out.proxies_needed(law, 1, FOLDS)
    of_shares = law.ratio.parameters(tokens=False, sizes=False)
    if runs < needed:
        raise TooFewProxiesError(
            f"law {law.law} has {law.needed} numbers to fit, and is to be fitted without a fold "
            f"too: it needs {needed} proxies with a loss, and there are {runs}. Raise `rounds`"
        )
    if shares < of_shares:
        raise TooFewProxiesError(
            f"law {law.law} has {of_shares} numbers of the share alone, and the proxies have "
            f"{shares} shares of {points.domain}: draw more mixtures (`rounds`)"
        )


def _critical(shares: Array, losses: Array, within: float) -> float:
    found = last_tolerated(shares, losses, float(losses[0]) + within)
    return float(shares[0]) if found is None else found


def _told(value: float, others: Array) -> Told:
    """With the value in its interval."""
    low, high = uncertainty.interval(others)
    return Told(value, min(low, value), max(high, value))


def _named(pairs: Array) -> str:
    return ", ".join(f"{tokens:,.0f} tokens of {size:,.0f} parameters" for tokens, size in pairs)
