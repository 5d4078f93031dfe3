"""The least value of a convex function over a box that is cut by one sum, by an interior point.

Newton's method with logarithmic barriers (Boyd and Vandenberghe 2004, chapter 11): the barriers are
made weaker by a constant factor, and each time a few steps lead to their centre. What is returned
is strictly inside the box but for variables whose bounds meet.
"""

from collections.abc import Callable

import numpy as np

from midtrain_dagster.laws.mixing.method import Array

VERSION = 1

_FACTOR = 20.0
_BOUND = 1e-9
"""Of what the barriers cost in the end, an upper bound of what is lost by them."""
_NEWTON_STEPS = 60
_CENTRED = 1e-10
_NO_WIDTH = 1e-9
_SUFFICIENT = 0.01
_HALVINGS = 60


def minimise(
    value: Callable[[Array], float],
    gradient: Callable[[Array], Array],
    hessian: Callable[[Array], Array],
    lower: Array,
    upper: Array,
) -> Array:
    """The point (n,) between the bounds that sums to one and has the least ``value``.

    The bounds must allow such a point: ``lower.sum() <= 1 <= upper.sum()``.
    """
    wide = upper - lower > _NO_WIDTH
    left, room = 1 - lower.sum(), (upper - lower)[wide].sum()
    point = lower.copy()
    if left <= _NO_WIDTH or not wide.any():
        return point
    point[wide] += left / room * (upper - lower)[wide]
    if room - left <= _NO_WIDTH:
        return point
    below, above = lower[wide], upper[wide]

    def whole(inner: Array) -> Array:
        every = point.copy()
        every[wide] = inner
        return every

    def barred(inner: Array, strength: float) -> float:
        if (inner <= below).any() or (inner >= above).any():
            return np.inf
        bars = np.log(inner - below).sum() + np.log(above - inner).sum()
        return value(whole(inner)) - float(bars) / strength

    inner, strength = point[wide], 1.0
    while True:
        for _ in range(_NEWTON_STEPS):
            away, short = 1 / (inner - below), 1 / (above - inner)
            slope = gradient(whole(inner))[wide] - (away - short) / strength
            bend = hessian(whole(inner))[np.ix_(wide, wide)]
            bend = bend + np.diag((away**2 + short**2) / strength)
            step = _newton(bend, slope)
            gain = -float(slope @ step)
            if gain <= _CENTRED / strength:
                break
            before, length = barred(inner, strength), 1.0
            for _ in range(_HALVINGS):
                if barred(inner + length * step, strength) <= before - _SUFFICIENT * length * gain:
                    break
                length /= 2
            else:
                break  # the last digit: nothing better between here and there
            inner = inner + length * step
        if 2 * len(inner) / strength < _BOUND:
            return whole(inner)
        strength *= _FACTOR


def _newton(bend: Array, slope: Array) -> Array:
    """The step that keeps the sum, scaled so that widely different curvatures do no harm."""
    scale = 1 / np.sqrt(np.diag(bend))
    scaled = bend * scale[:, None] * scale
    ahead = scale * np.linalg.solve(scaled, np.stack([scale * slope, scale], axis=1)).T
    return -(ahead[0] - ahead[0].sum() / ahead[1].sum() * ahead[1])
