"""What every law of mixtures offers: a loss as a function of the shares of a mixture.

A law is one file in ``methods/``: its ``Config`` (a section of the recipe, which has the members of
:class:`Law`), its ``VERSION``, and its functions. ``config.py`` lists the members. A law knows one
target at a time, and neither its error (``held_out``), nor its uncertainty (``uncertainty``), nor
what is done with it (``proposal``): these are the same for all.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class TooFewProxiesError(ValueError):
    """Fewer proxies than a law has parameters; the message says how many it needs."""


class Fitted(Protocol):
    """A law that was fitted to the losses of one target."""

    @property
    def converged(self) -> bool:
        """Whether the fit came to an end by itself; one that did not is told wherever it shows."""
        ...

    def predict(self, mixtures: Array) -> Array:
        """The loss of each mixture: from (proxies, domains) to (proxies,), in the target's unit."""
        ...


@runtime_checkable
class Smooth(Fitted, Protocol):
    """A fitted law with derivatives, whose best mixture is found by descent."""

    @property
    def convex(self) -> bool:
        """Whether what was fitted is convex in the shares, so that what descent finds is the best
        there is."""
        ...

    def gradient(self, mixture: Array) -> Array:
        """The derivative of the loss by each share, (domains,), at one mixture (domains,)."""
        ...

    def hessian(self, mixture: Array) -> Array:
        """The second derivatives, (domains, domains), at one mixture."""
        ...


class Law(Protocol):
    """A section of the recipe that predicts a loss from a mixture."""

    @property
    def law(self) -> str:
        """The law's name."""
        ...

    def parameters(self, domains: int) -> int:
        """How many numbers are fitted for a target: so many proxies are needed at least."""
        ...

    def fit(
        self, mixtures: Array, losses: Array, *, own: int | None = None, seed: int = 0
    ) -> Fitted:
        """The law of one target, fitted to proxies: a pure function of its arguments.

        ``mixtures`` are shares (proxies, domains) that sum to one a row, ``losses`` (proxies,) are
        finite, lower being better. ``own`` is the column of the domain whose loss it is, where it
        is a domain's; ``seed`` draws starts, and what a fit that is stopped early holds back.
        Raises :class:`TooFewProxiesError`.
        """
        ...


def require_enough(law: Law, mixtures: Array) -> None:
    """Raise :class:`TooFewProxiesError` where there are fewer proxies than parameters."""
    proxies, domains = mixtures.shape
    needed = law.parameters(domains)
    if proxies < needed:
        raise TooFewProxiesError(
            f"law {law.law}: {proxies} proxies for {needed} parameters ({domains} domains): train "
            f"at least {needed}, or take a law with fewer parameters"
        )
