"""Shares in proportion to the curated tokens of each domain, flattened by a temperature.

A domain of ``n`` tokens has a share in proportion to ``n ** (1 / temperature)``: 1 leaves the
corpus as it is, more raises small domains. In the terms of multilingual models, whose exponent is
1 / temperature: 0.7 in multilingual BERT (Devlin et al.), 0.3 in mT5 (Xue et al. 2021, arXiv
2010.11934, section 3.1). It knows nothing of what a domain is worth: the baseline that any search
has to beat.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import polars as pl
from pydantic import Field

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Problem, View
from midtrain_dagster.mixture.method import available, unfed_domains

VERSION = 1


class Config(FrozenModel):
    """Shares proportional to the curated tokens of each domain."""

    method: Literal["proportional"]
    domains: tuple[str, ...] = Field(
        default=(), description="The domains that have a share; none: all that there are."
    )
    temperature: float = Field(
        default=1.0, gt=0, description="1: as the corpus is; above: small domains get more."
    )

    def problems(self, view: View, trained: Mapping[str, int]) -> Iterator[Problem]:
        """As ``mixture.method`` says."""
        yield from unfed_domains(self.domains, view)

    @property
    def reads(self) -> dict[str, str]:
        """As ``mixture.method`` says."""
        return {}

    def work(self, index: Sequence[Part], given: Mapping[str, Artifact]) -> Work:
        """As ``mixture.method`` says."""
        parameters = {"domains": list(self.domains), "temperature": self.temperature}
        return Work(weights, scans={"index": index}, parameters=parameters)


def weights(
    index: pl.LazyFrame, *, domains: Sequence[str], temperature: float
) -> dict[str, pl.DataFrame]:
    """``weights``, as ``mixture.method.WEIGHTS`` says; sorted by domain.

    ``index`` has ``domain`` and ``length``, a row a document. Raises ``NoTokensError`` for a domain
    that is asked for and has no token.
    """
    # Divided by the largest before the power, so that no count is too large for a float.
    flattened = (pl.col("tokens") / pl.col("tokens").max()) ** (1 / temperature)
    share = (flattened / flattened.sum()).alias("share")
    return {"weights": available(index, domains).select("domain", share, "tokens")}
