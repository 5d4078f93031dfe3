"""Targeted sampling: how often each document is taken, by domain, to a budget of tokens.

For a domain that the recipe names, documents are put in an order and taken until the budget is met;
the one that meets it is taken whole. If the domain is smaller than its budget, it is repeated, up
to ``maximum_copies``. The order is

- ``top_k``: the best rated first;
- ``temperature``: sampling without replacement with probability in proportion to exp(rating /
  temperature), as the largest of rating / temperature + Gumbel noise (QuRating; Wettig et al. 2024,
  arXiv 2402.09739, section 4; Kool et al. 2019). The temperature is in units of the rating: towards
  0 it is top_k, towards infinity random;
- random, where no rater is named.

The noise is a function of the id, so an order does not depend on how documents are divided, and
stays when others are added. Tokens are estimated from bytes, because documents are chosen before
they are tokenised.
"""

from typing import Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core import draws
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.curation import standing

VERSION = 1
USES = (standing, draws)

DOMAINS = pl.Schema(
    {
        "domain": pl.String,
        "budget": pl.Float64,
        "available": pl.Float64,
        "taken": pl.Float64,
        "documents": pl.UInt32,
        "documents_taken": pl.UInt32,
    }
)


class DomainSample(FrozenModel):
    """How much of a domain is taken, and which of its documents."""

    tokens: Tokens = Field(description="the budget, as a number of tokens: 2M")
    by: str | None = Field(None, description="the rater that says which; none: at random")
    method: Literal["top_k", "temperature"] = "top_k"
    """The best rated, or a draw by ``exp(rating / temperature)``."""
    temperature: float = Field(1.0, gt=0, description="in units of the rating")
    maximum_copies: int = Field(1, ge=1, description="how often a document may be repeated")

    @model_validator(mode="after")
    def _temperature_of_a_rating(self) -> Self:
        if self.by is None and self.method == "temperature":
            raise ValueError("a temperature needs a rater (`by`)")
        return self


class Sampling(FrozenModel):
    """Domains that are sampled up or down to a budget; others are taken whole, once."""

    domains: dict[str, DomainSample] = Field(min_length=1)
    """The budget of each domain, by its name."""
    bytes_per_token: float = Field(4.0, gt=0, description="an estimate, of the text in UTF-8")
    seed: Seed = 1
    """Of the draw."""


def sample(
    eligibility: pl.LazyFrame,
    clusters: pl.DataFrame,
    repeated_text: pl.DataFrame | None = None,
    *,
    budget: Sampling,
    maximum_repeated: float,
) -> dict[str, pl.DataFrame]:
    """``copies`` of the documents of sampled domains, and ``domains``, which summarises them.

    It draws (`draw`) from the documents that still stand (`standing`).
    """
    chosen = eligibility.filter(pl.col("domain").is_in(list(budget.domains))).collect()
    judged = standing.standing(chosen, clusters, repeated_text, maximum_repeated=maximum_repeated)
    return draw(judged.filter(pl.col("reason").is_null()), budget=budget)


def draw(documents: pl.DataFrame, *, budget: Sampling) -> dict[str, pl.DataFrame]:
    """How often each document is taken.

    Input columns: id, domain, utf8_bytes, and one for each rater named; eligible documents without
    duplicates only. Returns ``{"copies": df}`` with columns id, copies (UInt32; 0: not taken), in
    the order of the input; and ``{"domains": df}`` with a row for each sampled domain: domain; the
    budget and the tokens available and taken (Float64, estimated from bytes); documents, and how
    many of them are taken (UInt32). Unrated documents come after all rated ones.

    Raises KeyError if a rater has no column, ValueError if an id comes twice.
    """
    if documents["id"].is_duplicated().any():
        twice = documents.filter(pl.col("id").is_duplicated())["id"].min()
        raise ValueError(f"document {twice!r} comes twice")
    copies = np.ones(documents.height, np.uint32)
    size = documents["utf8_bytes"].cast(pl.Int64).to_numpy()
    summary = []
    for domain, wanted in budget.domains.items():
        if wanted.by is not None and wanted.by not in documents.columns:
            raise KeyError(f"domain {domain!r} is sampled by {wanted.by!r}, which rated nothing")
        rows = (documents["domain"] == domain).arg_true().to_numpy()
        order = rows[_order(documents[rows], wanted, budget.seed)]
        room = wanted.tokens * budget.bytes_per_token
        copies[order] = _copies(size[order], room, wanted.maximum_copies)
        taken = int((size[order] * copies[order]).sum())
        summary.append(
            {
                "domain": domain,
                "budget": float(wanted.tokens),
                "available": size[order].sum() / budget.bytes_per_token,
                "taken": taken / budget.bytes_per_token,
                "documents": len(order),
                "documents_taken": np.count_nonzero(copies[order]),
            }
        )
    return {
        "copies": documents.select("id", copies=pl.Series(copies)),
        "domains": pl.DataFrame(summary, DOMAINS),
    }


def _order(documents: pl.DataFrame, wanted: DomainSample, seed: int) -> np.ndarray:
    """The documents' rows, those to be taken first at the beginning."""
    drawn = draws.uniform(documents["id"], seed)
    if wanted.by is None:
        return np.argsort(drawn)
    rating = documents[wanted.by].cast(pl.Float64).to_numpy()  # null becomes NaN
    if wanted.method == "temperature":
        rating = rating / wanted.temperature - np.log(-np.log(drawn))
    return np.lexsort((drawn, -rating, np.isnan(rating)))


def _copies(size: np.ndarray, budget: float, most: int) -> np.ndarray:
    """How often each of the ordered documents is taken, for a budget in bytes."""
    whole = int(min(budget // max(size.sum(), 1), most))
    rest = budget - whole * size.sum() if whole < most else 0.0
    return (whole + (np.cumsum(size) - size < rest)).astype(np.uint32)
