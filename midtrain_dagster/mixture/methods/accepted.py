"""General domains, and the sources that microanneals have accepted.

OLMo 2 (arXiv 2501.00656, section 4.4) puts together its mid-training mixture so: what short decays
have shown to be worth its tokens is mixed in, the rest is left out. Accepted domains divide their
share among themselves evenly, or by the tokens that there are of each; an accepted source stands
for the domain that it feeds, since stages mix domains.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Problem, View, undeclared, unfed
from midtrain_dagster.mixture.method import WEIGHTS, available

VERSION = 1

VERDICTS = "verdicts"
"""The table of microanneals that says what is accepted: candidate, domain, verdict."""


class NothingAcceptedError(ValueError):
    """No candidate was accepted, and the recipe wants none of the general mixture alone."""


class Config(FrozenModel):
    """General domains with what microanneals have accepted."""

    method: Literal["accepted"]
    microanneals: str
    """The name of the microanneals."""
    general: Annotated[dict[str, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    """Shares of the other tokens by domain."""
    share: float = Field(gt=0, lt=1, description="Of all tokens, those of what is accepted")
    by: Literal["evenly", "tokens"] = "evenly"
    """How what is accepted divides its share: evenly by domain, or in proportion to its tokens."""
    none_accepted: Literal["general", "stop"] = "general"
    """What is trained on where no candidate is accepted: general domains alone; or the run stops,
    and says so."""

    def problems(self, view: View, trained: Mapping[str, int]) -> Iterator[Problem]:
        """As ``mixture.method`` says."""
        for domain in self.general:
            if domain not in view.trained_on:
                yield ("general", domain), unfed(domain, view.trained_on)
        if self.microanneals not in view.microanneals:
            told = undeclared("microanneals", self.microanneals, view.microanneals)
            yield ("microanneals",), told

    @property
    def reads(self) -> Mapping[str, str]:
        """As ``mixture.method`` says: the microanneals."""
        return {"microanneals": f"microanneals/{self.microanneals}"}

    def work(self, index: Sequence[Part], given: Mapping[str, Artifact]) -> Work:
        """As ``mixture.method`` says."""
        parameters = {
            "name": self.microanneals,
            "general": self.general,
            "share": self.share,
            "by": self.by,
            "none_accepted": self.none_accepted,
        }
        verdicts = given["microanneals"].parts(VERDICTS)
        return Work(
            weights, scans={"index": index}, tables={"verdicts": verdicts}, parameters=parameters
        )


def weights(
    index: pl.LazyFrame,
    verdicts: pl.DataFrame,
    *,
    name: str,
    general: Mapping[str, float],
    share: float,
    by: str,
    none_accepted: str,
) -> dict[str, pl.DataFrame]:
    """``weights``, as ``mixture.method.WEIGHTS`` says; sorted by domain.

    ``index`` has ``domain`` and ``length``, ``verdicts`` candidate, domain and verdict. Raises
    :class:`NothingAcceptedError` where nothing is accepted and ``none_accepted`` is ``stop``, and
    ``NoTokensError`` for a domain without a token.
    """
    accepted = sorted(set(verdicts.filter(verdict="accept")["domain"]))
    if not accepted and none_accepted == "stop":
        told = ", ".join(f"{row['candidate']} {row['verdict']}" for row in verdicts.to_dicts())
        raise NothingAcceptedError(
            f"no candidate of the microanneals {name!r} is accepted ({told}): say none_accepted: "
            "general to train on general domains alone, or ask again with more seeds or tokens"
        )
    table = available(index, [*general, *accepted])
    tokens = dict(table.select("domain", "tokens").iter_rows())
    taken = share if accepted else 0.0
    whole = sum(general.values())
    shares = {domain: (1 - taken) * each / whole for domain, each in general.items()}
    parts = {each: tokens[each] if by == "tokens" else 1 for each in accepted}
    for domain, part in parts.items():
        shares[domain] = shares.get(domain, 0.0) + taken * part / sum(parts.values())
    rows = [(domain, each, tokens[domain]) for domain, each in sorted(shares.items())]
    return {"weights": pl.DataFrame(rows, WEIGHTS, orient="row")}
