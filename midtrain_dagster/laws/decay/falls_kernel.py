"""The double sum of the multi-power law, compiled: over the falls before each point."""

import numpy as np

from midtrain_dagster.core.jit import jit


@jit
def falls_sum(sums, size, rate, begin, c, beta, gamma):  # type: ignore[no-untyped-def]
    """``Σ sizeₖ (1 - (1 + c·rateₖ^-gamma·(sum - beginₖ))^-beta)`` over the falls that begin before
    each sum, and its derivatives by the logarithms of c, beta and gamma.

    ``sums`` are the sums of rates at points, of any order; the falls are in the order of a run.
    Returns (points,) and (points, 3). At rate 0 a term is its limit, the whole fall.
    """
    value = np.zeros(len(sums))
    slope = np.zeros((len(sums), 3))
    scale = np.empty(len(size))
    logarithm = np.empty(len(size))
    for k in range(len(size)):
        logarithm[k] = np.log(max(rate[k], 1e-300))
        scale[k] = c * np.exp(-gamma * logarithm[k])
    for point in range(len(sums)):
        for k in range(len(size)):
            since = sums[point] - begin[k]
            if since <= 0.0:
                break
            x = scale[k] * since
            if not x < 1e150:
                value[point] += size[k]
                continue
            grown = np.log1p(x)
            left = np.exp(-beta * grown)
            value[point] += size[k] * (1.0 - left)
            by_x = size[k] * beta * left * x / (1.0 + x)
            slope[point, 0] += by_x
            slope[point, 1] += size[k] * left * beta * grown
            slope[point, 2] -= by_x * gamma * logarithm[k]
    return value, slope
