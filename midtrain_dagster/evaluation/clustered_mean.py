"""A mean and its standard error where the pieces measured are not independent.

The error is that of a ratio of sums, clustered (Miller, *Adding Error Bars to Evals*, arXiv
2411.00640): tokens of one document, or of one answer, are far from independent of each other.
"""

import numpy as np

VERSION = 1


def clustered_mean(
    sums: np.ndarray, counts: np.ndarray, cluster: np.ndarray
) -> tuple[float | None, float | None]:
    """The mean of ``sum(sums) / sum(counts)`` and its standard error over clusters.

    ``sums`` and ``counts`` belong to pieces, ``cluster`` says to which cluster (any integers) each
    piece belongs. The error is null below two clusters; both are null where nothing was counted.
    """
    total = int(counts.sum()) if len(counts) else 0
    if not total:
        return None, None
    mean = float(sums.sum()) / total
    groups, inverse = np.unique(cluster, return_inverse=True)
    if len(groups) < 2:
        return mean, None
    residuals = np.bincount(inverse, sums - mean * counts)
    small_sample = len(groups) / (len(groups) - 1)
    return mean, float(np.sqrt(small_sample * np.square(residuals).sum()) / total)
