"""What every decay law offers: the loss at a point of a run, from the rates up to there.

All of them are sums of terms, each a positive factor times a function of the rates:
``L = w₀φ₀ + w₁φ₁ + ...``, where a φ has its sign, and some have parameters of their own
(exponents). So a law says its terms and their derivatives, and fitting, intervals, profiles and
answers are the same for all. Every parameter is positive; they are fitted as logarithms.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.rates import Floats, Rates

Scale = Literal["log", "plain"]
"""Whether what is fitted is the logarithm of the loss or the loss itself."""


class Prior(NamedTuple):
    """What other people's fits say of a parameter: a log-normal distribution."""

    centre: float
    spread: float
    """The standard deviation of its logarithm."""


class Model(Protocol):
    """A law, made for the curves that it is fitted to."""

    @property
    def factors(self) -> tuple[str, ...]:
        """The names of the factors, that of the loss that remains first."""
        ...

    @property
    def exponents(self) -> tuple[str, ...]:
        """The names of the parameters inside the terms."""
        ...

    @property
    def decisive(self) -> str:
        """The factor that says what a decay is worth, without which nothing can be said of another
        schedule."""
        ...

    @property
    def inside(self) -> tuple[str, ...]:
        """The exponents that stand in the term of that factor."""
        ...

    @property
    def farthest(self) -> tuple[float, ...]:
        """How far the logarithm of each exponent may be from 0."""
        ...

    @property
    def priors(self) -> Mapping[str, Prior]:
        """What is known of exponents before any run of one's own is looked at."""
        ...

    @property
    def sized(self) -> bool:
        """Whether it knows how the loss follows from the size of the model."""
        ...

    @property
    def deep(self) -> bool:
        """Whether it matters to it how far a rate falls, and not only that it does; only such a law
        has a best schedule of free form."""
        ...

    @property
    def scale(self) -> Scale:
        """What is fitted."""
        ...

    def features(self, rates: Rates, points: Floats, parameters: int | None) -> Any:
        """What the terms need of a run: the same for all values of the parameters."""
        ...

    def terms(self, exponents: Floats, features: Any) -> tuple[Floats, Floats]:
        """The terms (points, factors), and their derivatives by the logarithm of each exponent
        (points, factors, exponents)."""
        ...

    def guesses(self, curves: Sequence[Curve]) -> Floats:
        """Values of the exponents to begin with, a row each; the factors follow from them."""
        ...


class DecayLaw(Protocol):
    """A section of the recipe that names a law."""

    @property
    def law(self) -> str:
        """The law's name."""
        ...

    def model(self, curves: Sequence[Curve]) -> Model:
        """The law for these curves. Raises ``LogError`` where they lack what it needs."""
        ...
