"""What a stage is to read and reads of groups of documents, whichever domains they are of.

A mixture gives shares to domains; what a group in a domain is to have of it is its part of the
tokens that the domain's pool holds.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from midtrain_dagster.dataloader.plan import Plan

GROUPS = pl.Schema(
    {"group": pl.String, "planned": pl.Float64, "delivered": pl.Float64, "tokens": pl.Int64}
)
"""A group of documents; its share of all tokens that the mixture asks for, and of those that the
windows hold; how many these are."""


def shares_of_groups(plan: Plan, group: np.ndarray, names: Sequence[str]) -> pl.DataFrame:
    """The groups' shares of a stage (``GROUPS``), in the order of their names.

    ``group`` has the number of each of the shards' documents' group in ``names``.
    """
    of_document = [group[pool.documents] for pool in plan.pools]
    planned, delivered = tokens_between(plan, of_document, len(names), 0, plan.steps)
    return pl.DataFrame(
        {
            "group": names,
            "planned": planned / planned.sum(),
            "delivered": delivered / delivered.sum(),
            "tokens": delivered,
        },
        schema=GROUPS,
    )


def tokens_between(
    plan: Plan, of_document: Sequence[np.ndarray], groups: int, first: int, last: int
) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that steps ``[first, last)`` are to hold (float64) and hold (int64) of each group.

    ``of_document`` has, for each pool, the number of each of its documents' group.
    """
    planned, delivered = np.zeros(groups), np.zeros(groups, np.int64)
    ends = zip(plan.taken(first), plan.taken(last), strict=True)
    claims: Sequence[float] = plan.claims(first, last).tolist()
    for pool, group, claim, (start, stop) in zip(
        plan.pools, of_document, claims, ends, strict=True
    ):
        whole = pool.tokens_by(group, groups, pool.windows)
        planned += claim * pool.mean_tokens * whole / whole.sum()
        delivered += pool.tokens_by(group, groups, stop) - pool.tokens_by(group, groups, start)
    return planned, delivered
