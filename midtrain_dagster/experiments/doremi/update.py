"""DoReMi's rule: how domain weights follow the excess losses of a step.

Xie et al. 2023 (*DoReMi: Optimizing Data Mixtures Speeds Up Language Model Pretraining*, arXiv
2305.10429, Algorithm 1). A token's excess is what the proxy loses above the reference, nothing
where it loses less; a domain's is the mean over its tokens in the step::

    excess_i = mean over tokens of max(loss - reference loss, 0)
    w_i      <- w_i * exp(step_size * excess_i), normalised
    w        <- (1 - smoothing) * w + smoothing / k

The mixture is the mean of the weights over all steps, from the first.
"""

import numpy as np
from numpy.typing import NDArray

VERSION = 1

Floats = NDArray[np.float64]


def updated(weights: Floats, excess: Floats, *, step_size: float, smoothing: float) -> Floats:
    """The weights ``[k]`` after a step with these excess losses, in nats a token ``[k]``.

    They sum to one before and after.
    """
    logarithms = np.log(weights) + step_size * excess
    raised = np.exp(logarithms - logarithms.max())
    return (1 - smoothing) * raised / raised.sum() + smoothing / len(weights)
