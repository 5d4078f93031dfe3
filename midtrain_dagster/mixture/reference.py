"""A mixture that is found in the graph and bound late: ``mixture: {from: NAME}``.

A recipe cannot know what a search or a law will find, so a stage may name the mixture's asset
(``mixture/NAME``) in place of shares. The shares are read from its artifact when the stage's run is
made, and recorded with the run. What the recipe itself bounds (long documents, epochs) stands
beside ``from``, as it stands beside literal shares; a mixture that was found within so many
epochs brings them to the stage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import polars as pl
from pydantic import ConfigDict, Discriminator, Field, Tag

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.mixture.methods.quality_curve import CURVE
from midtrain_dagster.mixture.weights import Limits, Mixture


class MixtureReference(Limits):
    """Shares of the stage's tokens as the mixture of that name has found them."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True
    )

    from_: str = Field(alias="from", description="The name of one of the recipe's `mixtures`.")

    def resolved(
        self, shares: Mapping[str, float], max_epochs_of: Mapping[str, float] | None = None
    ) -> Mixture:
        """The mixture with these shares by domain, within the reference's own limits.

        ``max_epochs_of`` are those that were found with the shares; the reference's go before them.
        """
        limits = {name: getattr(self, name) for name in Limits.model_fields}
        limits["max_epochs_of"] = dict(max_epochs_of or {}) | self.max_epochs_of
        return Mixture(domains=dict(shares), **limits)


def _form(value: Any) -> str:
    if isinstance(value, Mapping):
        return "reference" if {"from", "from_"} & value.keys() else "shares"
    return "reference" if isinstance(value, MixtureReference) else "shares"


MixtureSection = Annotated[
    Annotated[Mixture, Tag("shares")] | Annotated[MixtureReference, Tag("reference")],
    Discriminator(_form),
]
"""A stage's mixture as a recipe writes it: shares, or ``from`` and the name of a mixture."""


@dataclass(frozen=True)
class FoundMixture:
    """The handle on the artifact of a mixture that was made in the graph."""

    artifact: Artifact

    @property
    def shares(self) -> dict[str, float]:
        """The share of each domain; they sum to one."""
        return dict(self.artifact.read("weights").select("domain", "share").iter_rows())

    @property
    def curve(self) -> pl.DataFrame:
        """How often bands of quality are read (``methods.quality_curve.CURVE``), if it has any."""
        return self.artifact.read("curve") if self.artifact.has("curve") else CURVE.to_frame()

    @property
    def max_epochs_of(self) -> dict[str, float]:
        """The most passes over single domains that were found with their shares: those of a curve's
        bands, and those within which a proposal was found."""
        found = self.curve.select("band", "cap")
        if self.artifact.has("proposal"):
            proposal = self.artifact.read("proposal").select(band="domain", cap="max_epochs")
            found = pl.concat([found, proposal.drop_nulls()])
        return dict(found.iter_rows())
