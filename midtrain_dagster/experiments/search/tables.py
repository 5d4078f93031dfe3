"""The tables of a swarm, in long form: what laws, reports and plots read (docs/mixture-search.md).

A proxy has a number; the proxies of one mixture in several sizes have several. All losses are such
that lower is better. What has failed has no losses and is left out by all who read.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.experiments.search.settings import DEFAULT

MIXTURES = pl.Schema({"proxy": pl.Int64, "domain": pl.String, "share": pl.Float64})
"""A row a proxy and domain of the search, shares of 0 too; they sum to one a proxy."""

PROXIES = pl.Schema(
    {
        "proxy": pl.Int64,
        "mixture": pl.Int64,
        "round": pl.Int64,
        "size": pl.String,
        "tokens": pl.Int64,
        "parameters": pl.Int64,
        "seed": pl.Int64,
        "failed": pl.String,
    }
)
"""A row a proxy. ``mixture`` is the same for one mixture in several sizes, ``tokens`` are those it
is trained on, ``parameters`` those of the model (null where it failed), and ``failed`` says why it
did (null: it did not)."""

LOSSES = pl.Schema(
    {
        "proxy": pl.Int64,
        "target": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "tokens": pl.Int64,
    }
)
"""A row a proxy that did not fail and target, ``loss/DOMAIN`` or ``answers/BENCHMARK``; ``tokens``
(of answers: items) are what it was measured on. ``value`` is null where there is nothing to measure
on."""

DOMAINS = pl.Schema(
    {"domain": pl.String, "prior": pl.Float64, "tokens": pl.Int64, "read": pl.Int64}
)
"""A row a domain of the search: its prior share, the tokens that there are to train on, and those
that proxies of the usual size read from (``Repeat``)."""


@dataclass(frozen=True)
class Swarm:
    """The handle on the artifact of a search."""

    artifact: Artifact

    def proxies(self, size: str = DEFAULT) -> pl.DataFrame:
        """The proxies of a size that did not fail, by number."""
        table = self.artifact.read("proxies")
        return table.filter(pl.col("size") == size, pl.col("failed").is_null()).sort("proxy")


def wide(
    mixtures: pl.DataFrame, losses: pl.DataFrame, domains: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64], pl.DataFrame]:
    """Proxies that have losses ``[n]``, their shares ``[n, d]``, and their losses, a column a
    target; in the order of their numbers. Targets that were measured for some of them alone are
    null for the others."""
    measured = losses.pivot("target", index="proxy", values="value").sort("proxy")
    numbers = measured["proxy"]
    shares = mixtures.pivot("domain", index="proxy", values="share")
    of_them = measured.select("proxy").join(shares, on="proxy", how="left", maintain_order="left")
    return (
        numbers.to_numpy(),
        of_them.select(domains).to_numpy().astype(np.float64),
        measured.drop("proxy"),
    )
