"""Whether the order of mixtures stays from one size of proxies to another: measured, not assumed.

All searches by proxies rest on it (RegMix calls it rank invariance: Liu et al. 2024, arXiv
2407.01492, section 3.3, a Spearman correlation of 98 percent from 1M to 60M parameters). Of each
target, the proxies of two sizes that share a mixture are ranked by loss, and the ranks are compared
by Spearman's and Kendall's coefficients.
"""

from itertools import combinations

import polars as pl

VERSION = 1

STABILITY = pl.Schema(
    {
        "size": pl.String,
        "other": pl.String,
        "target": pl.String,
        "mixtures": pl.Int64,
        "spearman": pl.Float64,
        "kendall": pl.Float64,
    }
)
"""A row a pair of sizes and target; ``mixtures`` are those that both have. Coefficients are null
below three mixtures, and where one size gives all the same loss."""

FEWEST = 3


def stability(proxies: pl.DataFrame, losses: pl.DataFrame) -> pl.DataFrame:
    """:data:`STABILITY` of a swarm's tables; sizes in the order of their first proxies."""
    from scipy.stats import kendalltau, spearmanr

    named = losses.join(proxies.select("proxy", "mixture", "size"), on="proxy", how="inner")
    sizes = proxies.sort("proxy")["size"].unique(maintain_order=True).to_list()
    targets = losses["target"].unique(maintain_order=True).to_list()
    rows = []
    for size, other in combinations(sizes, 2):
        for target in targets:
            of_target = named.filter(pl.col("target") == target, pl.col("value").is_finite())
            one, two = (
                of_target.filter(pl.col("size") == each).select("mixture", "value")
                for each in (size, other)
            )
            both = one.join(two, on="mixture", suffix="_other").sort("mixture")
            values = both["value"].to_numpy(), both["value_other"].to_numpy()
            known = both.height >= FEWEST and all(each.std() > 0 for each in values)
            found = [float(each(*values)[0]) if known else None for each in (spearmanr, kendalltau)]
            rows.append((size, other, target, both.height, *found))
    return pl.DataFrame(rows, STABILITY, orient="row")
