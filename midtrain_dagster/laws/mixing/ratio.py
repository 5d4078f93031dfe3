"""What every law of a ratio offers: a loss as a function of one share, the tokens and the size.

Where new data are mixed with general data, the mixture is one number, the ratio, and two more are
worth varying: how many tokens are trained on, and the model's size. Such a law is a file in
``methods/`` beside those of whole mixtures; ``config.py`` lists both kinds.
"""

from typing import Protocol

import numpy as np

from midtrain_dagster.laws.mixing.method import Array, TooFewProxiesError

VERSION = 1


class UnidentifiedError(ValueError):
    """A question that the runs do not answer, as none of them varied it; the message says what
    to run."""


class FittedRatio(Protocol):
    """A law of a ratio that was fitted to the losses of one target."""

    @property
    def converged(self) -> bool:
        """Whether the fit came to an end by itself."""
        ...

    def predict(self, ratios: Array, tokens: Array, sizes: Array) -> Array:
        """The loss of each run. Raises :class:`UnidentifiedError`."""
        ...


class RatioLaw(Protocol):
    """A section that predicts a loss from a ratio, the tokens and the parameters of a model."""

    @property
    def law(self) -> str:
        """The law's name."""
        ...

    def parameters(self, *, tokens: bool, sizes: bool) -> int:
        """How many numbers are fitted to runs that vary the tokens, and the sizes, or do not."""
        ...

    def fit(
        self, ratios: Array, tokens: Array, sizes: Array, losses: Array, *, seed: int = 0
    ) -> FittedRatio:
        """The law of one target, fitted to runs; all arguments are (runs,), losses finite.

        Raises :class:`TooFewProxiesError`.
        """
        ...


def require_runs(law: RatioLaw, runs: int, needed: int) -> None:
    """Raise :class:`TooFewProxiesError` where there are fewer runs than parameters."""
    if runs < needed:
        raise TooFewProxiesError(
            f"law {law.law}: {runs} runs for {needed} parameters: train at least {needed}"
        )


def require_varied(name: str, fitted: float | None, asked: Array) -> None:
    """Raise :class:`UnidentifiedError` where a law that knows one value is asked for another.

    ``fitted`` is the one value of all its runs; None: they had several.
    """
    if fitted is not None and not np.allclose(asked, fitted):
        raise UnidentifiedError(
            f"all runs had {fitted:,.0f} {name}, so nothing tells what another number does: train "
            f"some with two more numbers of {name} at least"
        )


def only_value(values: Array) -> float | None:
    """The value that all have; None where they differ."""
    return float(values[0]) if np.allclose(values, values[0]) else None


RATIOS = np.linspace(0.0, 1.0, 1001)
"""Where :func:`critical_ratio` looks."""


def critical_ratio(fitted: FittedRatio, tokens: float, size: float, at_most: float) -> float | None:
    """The largest ratio whose loss stays ``at_most``, to a thousandth; None where none does.

    The critical mixture ratio (Gu et al. 2024, arXiv 2407.17467, section 3) where the loss is the
    general one and ``ratio`` the new data's: more of them costs more than is tolerated.
    """
    shape = np.ones_like(RATIOS)
    losses = fitted.predict(RATIOS, tokens * shape, size * shape)
    return last_tolerated(RATIOS, losses, at_most)


def last_tolerated(ratios: Array, losses: Array, at_most: float) -> float | None:
    """The largest of some ratios whose loss stays ``at_most``; None where none does."""
    tolerated = ratios[losses <= at_most]
    return float(tolerated.max()) if tolerated.size else None
