"""The mixture: what share of a stage's tokens each domain has, as a function of its progress.

Mid-training keeps part of the pre-training mix and raises specialised data (survey, section 3.5),
some of it progressively within the stage (8.2.2), hence piecewise-linear shares. Context extension
adds a share of long documents: 25 to 30 percent is the survey's rule (Table 5), ProLong takes 60.
How often a domain may be repeated is declared, for a small domain with a large share is repeated
silently otherwise; four epochs cost nearly nothing (Muennighoff et al. 2023, section 6).
"""

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.suggestion import did_you_mean

SUM_TOLERANCE = 1e-3
"""Shares are written with few digits; what is within this of one is normalised."""

Share = Annotated[float, Field(ge=0)]
Progress = Annotated[float, Field(ge=0, le=1)]


def _ordered(points: dict[float, float]) -> dict[float, float]:
    if not points:
        raise ValueError("a share that changes needs at least one point, `{progress: share}`")
    return dict(sorted(points.items()))


Points = Annotated[dict[Progress, Share], AfterValidator(_ordered)]


class LongDocuments(FrozenModel):
    """Draws a share of all tokens from long documents, whatever their part in the corpus.

    Domain shares stay as they are: domains that hold both kinds give the same part of theirs.
    """

    minimum_tokens: int = Field(ge=2, description="Tokens from which a document is long.")
    share: float = Field(gt=0, le=1, description="Share of the stage's tokens.")


class Limits(FrozenModel):
    """What bounds a mixture, wherever its shares come from."""

    long_documents: LongDocuments | None = None
    """A share of all tokens that long documents give; null: whatever they have."""
    max_epochs: float = Field(
        default=4.0,
        gt=0,
        description="Most passes over a domain's documents, since its order began.",
    )
    max_epochs_of: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="The same for single domains, instead of `max_epochs`."
    )


class Mixture(Limits):
    """Shares of the stage's tokens by domain, and how often a document may be repeated."""

    domains: dict[str, Share | Points] = Field(
        min_length=1,
        description=(
            "A constant share, or points `{progress: share}` joined by straight lines, with "
            "progress from 0 to 1; before the first point and after the last, the share is theirs."
        ),
    )

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        moments = self.moments()
        sums = self._raw(moments).sum(axis=1)
        for progress, total in zip(moments.tolist(), sums.tolist(), strict=True):
            if abs(total - 1) > SUM_TOLERANCE:
                raise ValueError(
                    f"the shares must sum to 1, but at progress {progress:g} they sum to {total:g}"
                )
        return self

    @model_validator(mode="after")
    def _ceilings_are_of_domains(self) -> Self:
        unknown = sorted(self.max_epochs_of.keys() - self.domains.keys())
        if unknown:
            meant = did_you_mean(unknown[0], self.domains)
            raise ValueError(
                f"max_epochs_of names {', '.join(unknown)}, not among the domains{meant}"
            )
        return self

    def weights(self, progress: float) -> dict[str, float]:
        """The shares at a progress in [0, 1], summing to one."""
        if not 0 <= progress <= 1:
            raise ValueError(f"progress must lie in [0, 1], not {progress}")
        return dict(zip(self.domains, self.shares(np.array([progress]))[0].tolist(), strict=True))

    def shares(self, progress: np.ndarray) -> np.ndarray:
        """Shares ``[n, domains]`` at ``n`` moments; columns in the order of ``domains``."""
        raw = self._raw(progress)
        return raw / raw.sum(axis=1, keepdims=True)

    def moments(self) -> np.ndarray:
        """Both ends of the stage and all points between: where the shares' lines can bend."""
        points = {0.0, 1.0}
        for share in self.domains.values():
            if isinstance(share, Mapping):
                points.update(share)
        return np.array(sorted(points))

    def ceiling(self, domain: str) -> float:
        """The most epochs declared for a domain."""
        return self.max_epochs_of.get(domain, self.max_epochs)

    @property
    def trained_on(self) -> set[str]:
        """The domains that have a share at some moment."""
        largest = self.shares(self.moments()).max(axis=0).tolist()
        return {name for name, share in zip(self.domains, largest, strict=True) if share}

    def _raw(self, progress: np.ndarray) -> np.ndarray:
        columns = [
            np.interp(progress, list(share), list(share.values()))
            if isinstance(share, Mapping)
            else np.full(len(progress), share)
            for share in self.domains.values()
        ]
        return np.stack(columns, axis=1)
