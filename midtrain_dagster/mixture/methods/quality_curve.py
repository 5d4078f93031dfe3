"""Quality curves: how often a domain's text is read, by where it stands among the domain's ratings.

The repetition rises with the percentile of quality, and its mean over the domain is what the share
asks of the tokens that there are. Between nothing and a cap it is a power::

    r(x) = min(cap, c * ((x - drop) / (1 - drop)) ** power)   for x > drop, else 0

``c`` is found in closed form from the mean. dolma 3 has such a curve for each topic: monotone in
the percentile, its integral the wanted share, seven times at most, with the lowest 40 percent
dropped, 40 to 90 taken 1 to 4 times and the top tenth 5 to 7 times (allenai/dolma3,
``mixes/6T-1025``). Its form between those figures is not published there; a power of one goes
through them: a mean of 1.85 gives 2.6 at the 65th percentile and 5.7 on the top tenth.

A domain's percentiles are those of its ``bands``, by tokens, so a curve is as fine as they are: a
band is read as often as the curve is high on its mean. Text without a rating is in the lowest band.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Problem, View, unfed
from midtrain_dagster.core.token_count import Tokens, tokens_in_words
from midtrain_dagster.mixture.method import available
from midtrain_dagster.mixture.weights import SUM_TOLERANCE, Share

VERSION = 1

CURVE = pl.Schema(
    {
        "domain": pl.String,
        "band": pl.String,
        "begin": pl.Float64,
        "end": pl.Float64,
        "tokens": pl.Int64,
        "repetition": pl.Float64,
        "cap": pl.Float64,
    }
)
"""A row a band that has tokens, by domain and from low ratings up: between which percentiles (of 1,
by tokens) it lies, and how often it is read."""


class RepetitionError(ValueError):
    """Shares that no curve below its cap can give."""


class Curve(FrozenModel):
    """A domain's share, and the shape of its curve."""

    share: Annotated[Share, Field(gt=0, description="Of the stage's tokens.")]
    drop: float = Field(default=0.4, ge=0, lt=1, description="The lowest part, which is not read.")
    cap: float = Field(default=7.0, gt=0, description="Most passes over the best text.")
    power: float = Field(default=1.0, ge=0, description="0: flat; above 1: steeper at the top.")


class Config(FrozenModel):
    """Shares of bands such that quality is repeated along a curve."""

    method: Literal["quality_curve"]
    tokens: Tokens
    """Of the stage that it is for, before `scale`."""
    domains: dict[str, Share | Curve] = Field(
        min_length=1,
        description="The share of each domain: with a curve where it is cut into `bands`, a plain "
        "number where it is not.",
    )

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = sum(self.shares.values())
        if abs(total - 1) > SUM_TOLERANCE:
            raise ValueError(f"the shares must sum to 1, but they sum to {total:g}")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """The share of each domain, with all its bands, as it is written."""
        return {
            name: each.share if isinstance(each, Curve) else each
            for name, each in self.domains.items()
        }

    def problems(self, view: View, trained: Mapping[str, int]) -> Iterator[Problem]:
        """As ``mixture.method`` says."""
        for name, each in self.domains.items():
            if isinstance(each, Curve) and name in view.domains and name not in view.bands:
                yield ("domains", name), "it has no bands for a curve: cut it by `bands`"
            elif not isinstance(each, Curve) and name in view.bands:
                yield ("domains", name), "it is cut into bands: write a curve, {share: ...}"
            elif name not in view.trained_on | view.bands.keys():
                yield ("domains", name), unfed(name, view.trained_on)
        for stage, tokens in trained.items():
            if tokens != self.tokens:
                reason = (
                    f"stage {stage} trains {tokens_in_words(tokens)} tokens on it, so each band "
                    "would be read more or less often than its curve says: write its tokens, or a "
                    "mixture of its own"
                )
                yield ("tokens",), reason

    @property
    def reads(self) -> dict[str, str]:
        """As ``mixture.method`` says."""
        return {}

    def work(self, index: Sequence[Part], given: Mapping[str, Artifact]) -> Work:
        """As ``mixture.method`` says."""
        total = sum(self.shares.values())
        curves = {name: each for name, each in self.domains.items() if isinstance(each, Curve)}
        parameters = {
            "tokens": self.tokens,
            "shares": {name: share / total for name, share in self.shares.items()},
            "shapes": {
                name: {"drop": each.drop, "cap": each.cap, "power": each.power}
                for name, each in curves.items()
            },
        }
        return Work(weights, scans={"index": index}, parameters=parameters)


def repetitions(
    edges: NDArray[np.float64], mean: float, *, drop: float, cap: float, power: float
) -> NDArray[np.float64]:
    """How often each band is read: the curve's mean between its percentiles.

    ``edges`` [n + 1] rise from 0 to 1. The curve's mean over all is ``mean``, which is at most
    ``(1 - drop) * cap``; so is the mean of the answer, weighed by the bands' widths.
    """
    kept = 1 - drop
    top, full = mean / kept * (power + 1), 1.0
    if top > cap:
        # Where the curve reaches its cap: kept * cap * (1 - full * power / (power + 1)) = mean.
        top, full = cap, min(max((1 - mean / (kept * cap)) * (power + 1) / power, 0.0), 1.0)
    place = np.clip((edges - drop) / kept, 0.0, 1.0)
    rising = np.minimum(place / full, 1.0) if full else np.ones_like(place)
    below = full * rising ** (power + 1) / (power + 1) + np.maximum(place - full, 0.0)
    return np.minimum(kept * top * np.diff(below) / np.diff(edges), cap)


def weights(
    index: pl.LazyFrame,
    *,
    tokens: int,
    shares: Mapping[str, float],
    shapes: Mapping[str, Mapping[str, float]],
) -> dict[str, pl.DataFrame]:
    """``weights`` as ``mixture.method.WEIGHTS`` says, and ``curve`` with the schema ``CURVE``.

    ``shares`` are of ``tokens``, by domain; ``shapes`` are those of the domains with curves.
    ``index`` has ``domain`` (a band's name, where there are bands) and ``length``, a row a
    document. Raises ``NoTokensError`` for a domain without a token, and :class:`RepetitionError`
    for shares that no curve below its cap can give.
    """
    there = available(index, ())
    domain = pl.col("domain").str.replace(r"/\d+$", "")
    number = pl.col("domain").str.extract(r"/(\d+)$").cast(pl.Int64)
    bands = there.with_columns(
        whole=pl.when(domain.is_in(list(shapes))).then(domain).otherwise("domain"), number=number
    ).sort("whole", "number")
    # Names the domains without a token.
    available(bands.lazy().select(domain="whole", length="tokens"), list(shares))
    curves, lacking = [], []
    for name, shape in sorted(shapes.items()):
        own = bands.filter(pl.col("whole") == name)
        total, wanted = int(own["tokens"].sum()), shares[name] * tokens
        if wanted > total * (1 - shape["drop"]) * shape["cap"]:
            lacking.append(_lacking(name, shares[name], tokens, total, shape))
            continue
        edges = np.append(0.0, own["tokens"].cum_sum().to_numpy() / total)
        rows = own.select(
            domain="whole",
            band="domain",
            begin=pl.Series(edges[:-1]),
            end=pl.Series(edges[1:]),
            tokens="tokens",
            repetition=pl.Series(repetitions(edges, wanted / total, **shape)),
            cap=pl.lit(shape["cap"], pl.Float64),
        )
        curves.append(rows)
    if lacking:
        raise RepetitionError("; ".join(lacking))
    curve = pl.concat([CURVE.to_frame(), *curves])
    of_bands = curve.select(
        domain="band", share=pl.col("repetition") * pl.col("tokens") / tokens, tokens="tokens"
    )
    plain = {name: share for name, share in shares.items() if name not in shapes}
    of_others = there.filter(pl.col("domain").is_in(list(plain))).select(
        "domain",
        pl.col("domain").replace_strict(plain, return_dtype=pl.Float64).alias("share"),
        "tokens",
    )
    return {"weights": pl.concat([of_bands, of_others]).sort("domain"), "curve": curve}


def _lacking(name: str, share: float, tokens: int, total: int, shape: Mapping[str, float]) -> str:
    """What a domain is asked for, and the most that its curve gives."""
    most = (1 - shape["drop"]) * shape["cap"]
    return (
        f"{name}: a share of {share:.4g} of {tokens_in_words(tokens)} tokens is "
        f"{share * tokens / total:.2f} times the {total:,} tokens that there are, and a curve that "
        f"drops the lowest {shape['drop']:.0%} and repeats {shape['cap']:g} times at most gives "
        f"{most:.2f} times: share {most * total / tokens:.4g} at most, or drop less, raise cap, "
        "add documents"
    )
