"""Shares in proportion to the curated tokens of each domain, flattened by a temperature.

A domain of ``n`` tokens has a share in proportion to ``n ** (1 / temperature)``: 1 leaves the
corpus as it is, more raises small domains (Devlin et al., multilingual BERT, takes 1 / 0.7; mT5, Xue
et al. 2021, arXiv 2010.11934, section 3.1, 1 / 0.3). It knows nothing of what a domain is worth: the
baseline that any search has to beat.
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl
from pydantic import Field

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work

VERSION = 1


class NoTokensError(ValueError):
    """Domains without a token to train on."""


class Proportional(FrozenModel):
    """Shares proportional to the curated tokens of each domain."""

    method: Literal["proportional"] = "proportional"
    domains: tuple[str, ...] = Field(
        default=(), description="The domains that have a share; none: all that there are."
    )
    temperature: float = Field(
        default=1.0, gt=0, description="1: as the corpus is; above: small domains get more."
    )

    def work(self, index: Sequence[Part]) -> Work:
        """As ``mixture.method`` says."""
        parameters = {"domains": list(self.domains), "temperature": self.temperature}
        return Work(weights, scans={"index": index}, parameters=parameters)


def weights(
    index: pl.LazyFrame, *, domains: Sequence[str], temperature: float
) -> dict[str, pl.DataFrame]:
    """``weights``: domain, share (they sum to one), tokens; sorted by domain.

    ``index`` has ``domain`` and ``length``, a row a document. Raises :class:`NoTokensError` for a
    domain that is asked for and has no token.
    """
    counted = index.group_by("domain").agg(tokens=pl.col("length").cast(pl.Int64).sum())
    tokens = counted.filter(pl.col("tokens") > 0).sort("domain").collect()
    lacking = sorted(set(domains) - set(tokens["domain"]))
    if lacking or tokens.is_empty():
        raise NoTokensError(
            f"no curated token of {', '.join(lacking) or 'any domain'} to be mixed; there are "
            f"tokens of {', '.join(tokens['domain']) or 'none'}"
        )
    if domains:
        tokens = tokens.filter(pl.col("domain").is_in(domains))
    # Divided by the largest before the power, so that no count is too large for a float.
    flattened = (pl.col("tokens") / pl.col("tokens").max()) ** (1 / temperature)
    shares = tokens.select("domain", (flattened / flattened.sum()).alias("share"), "tokens")
    return {"weights": shares}
