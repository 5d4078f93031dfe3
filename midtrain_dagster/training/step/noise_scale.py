"""The gradient noise scale: the batch at which more data per step stops paying.

McCandlish et al. 2018, An Empirical Model of Large-Batch Training (arXiv 1812.06162), appendix A.1:
a gradient over B tokens has the expected square ``|G|^2 + S / B``, so the squares of a small and
of a big batch give unbiased estimates of ``|G|^2`` and of S, and ``S / |G|^2`` is the simple noise
scale, in tokens. Training at a batch far below it is nearly as efficient per token; far above it,
tokens are wasted.

The big batch is the step's; the small one is the first micro-batch of each worker, whose gradient
is there anyway: the measurement costs one norm. One estimate is noisy and may be negative, so the
ratio is that of the means of the last few (the paper averages both parts, not the ratio).
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

AVERAGED = 10
"""Measurements that a noise scale is taken over."""


class Squares(NamedTuple):
    """Squared norms of the gradient of the mean loss over a small batch and over a big one.

    ``small_inverse`` and ``big_inverse`` are one over the tokens of each; where several small
    batches were measured, means over them.
    """

    small: float
    small_inverse: float
    big: float
    big_inverse: float


def estimate(squares: Squares) -> tuple[float, float]:
    """The squared gradient ``|G|^2`` and the variance S of one token's gradient (A.1, unbiased).

    Raises ``ValueError`` where the small batch is not smaller.
    """
    difference = squares.small_inverse - squares.big_inverse
    if difference <= 0:
        raise ValueError(
            f"a small batch of {1 / squares.small_inverse:g} tokens is not smaller than the big "
            f"one of {1 / squares.big_inverse:g}"
        )
    variance = (squares.small - squares.big) / difference
    return squares.big - variance * squares.big_inverse, variance


def noise_scale(square: float, variance: float, log: Sequence[dict[str, Any]]) -> float | None:
    """The noise scale in tokens, from this measurement and the last ones in the log.

    None where the mean squared gradient is not above zero: all of it is noise.
    """
    before = [record for record in log if record["gradient_square"] is not None]
    before = before[len(before) - min(len(before), AVERAGED - 1) :]
    squares = [record["gradient_square"] for record in before] + [square]
    variances = [record["gradient_variance"] for record in before] + [variance]
    mean = fmean(squares)
    return fmean(variances) / mean if mean > 0 else None
