"""What every way of finding a mixture offers.

A method is one file in ``methods/``. Its ``Config`` is a member of the union below, which is the
one place that names them all.
"""

from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import Field

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.mixture.methods.proportional import Proportional

MixtureMethod = Annotated[
    Proportional,
    Field(description="How the shares are found; a member of this union each."),
]
"""A recipe's entry under ``mixtures``."""


class FindsMixture(Protocol):
    """A method's ``Config``."""

    @property
    def domains(self) -> Sequence[str]:
        """The domains that it may give a share; none: all that the token shards hold."""
        ...

    def work(self, index: Sequence[Part]) -> Work:
        """The unit of work that writes the table ``weights`` (``reference.WEIGHTS``).

        ``index`` are the parts of the training shards' index (``tokens.shards.INDEX``).
        """
        ...
