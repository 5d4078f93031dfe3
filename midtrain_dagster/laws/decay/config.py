"""The decay laws that a recipe can name, and what they are fitted to: its section ``laws``."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.laws.decay.methods import annealing, forward_momentum, multi_power

_Law = Annotated[
    annealing.Config | multi_power.Config | forward_momentum.Config, Field(discriminator="law")
]
_Name = Literal["annealing", "multi_power", "forward_momentum"]

NAMES: tuple[str, ...] = get_args(_Name)
"""What the laws are called in a recipe."""

Law = Annotated[_Law, by_name("law", _Law | _Name)]
"""One law. Each is a file in ``methods/`` and a ``method.DecayLaw``."""


class LogFile(FrozenModel):
    """A log of a run that was not made here: a CSV file with ``step``, ``lr`` and ``loss``."""

    path: str
    """The file, from the recipe's folder on. ``step`` counts the updates done; a row without a loss
    says a rate only."""
    warmup: int | None = Field(
        default=None,
        ge=0,
        description="Steps of the warm-up, which the file need not hold; null: it ends at the "
        "first row",
    )
    parameters: Tokens | None = None
    """Of the model; null: not known, or the same for all."""


class Before(FrozenModel):
    """What a given base was trained on before the first step here, as far as a law sees it."""

    steps: int = Field(ge=1, description="How many steps")
    learning_rate: float = Field(gt=0, description="At which rate, taken to be constant")


class DecayLawSection(FrozenModel):
    """A law of how the loss follows the learning rate, fitted to runs (docs/decay-laws.md)."""

    law: Law
    """Which: `annealing`, `multi_power` or `forward_momentum`; or written out with its settings."""
    runs: tuple[str, ...] = ()
    """Runs of the recipe by the names of their checkpoints, controls and seeds too. All read the
    same mixture in windows and steps of the same size: losses on other text cannot be compared."""
    logs: dict[str, LogFile] = Field(
        {}, description="Logs of runs from elsewhere, by a name of their own"
    )
    before: Before | None = None
    """What a given base was trained on, of runs that go back to it."""
    parameters: Tokens | None = None
    """Of the model of the recipe's runs; null: the same for all. `forward_momentum` needs it for
    questions about other sizes."""
    draws: int = Field(default=100, ge=20, description="Refits from which the intervals come")
