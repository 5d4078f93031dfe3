"""Loss curves that a law made, to fit laws to."""

from collections.abc import Mapping

import numpy as np

from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.fit import predict
from midtrain_dagster.laws.decay.method import Model
from midtrain_dagster.laws.decay.rates import Rates

PEAK, LOW, STEPS, WARMUP = 3e-4, 3e-5, 3000, 200


def rates(after: np.ndarray) -> Rates:
    """A warm-up to ``PEAK``, then these rates."""
    return Rates(np.concatenate((np.arange(1, WARMUP + 1) / WARMUP * PEAK, after)), WARMUP)


def constant(steps: int = STEPS) -> Rates:
    """The peak to the end."""
    return rates(np.full(steps, PEAK))


def cosine(steps: int = STEPS) -> Rates:
    """Half a cosine down to ``LOW``."""
    x = np.arange(steps) / steps
    return rates(LOW + (PEAK - LOW) * (1 + np.cos(np.pi * x)) / 2)


def decayed(share: float = 0.2, steps: int = STEPS) -> Rates:
    """The peak, and a straight line down to ``LOW`` over the last ``share``."""
    last = int(share * steps)
    return rates(np.concatenate((np.full(steps - last, PEAK), np.linspace(PEAK, LOW, last))))


def dropped(steps: int = STEPS) -> Rates:
    """The peak, then 0.3 of it."""
    return rates(np.where(np.arange(steps) < steps // 2, PEAK, 0.3 * PEAK))


def made(
    model: Model,
    values: Mapping[str, float],
    runs: Mapping[str, Rates],
    *,
    noise: float = 0.0,
    parameters: int | None = None,
) -> list[Curve]:
    """The curves of runs under a law with these parameters, 60 points each."""
    theta = np.log([values[name] for name in (*model.factors, *model.exponents)])
    generator = np.random.default_rng(5)
    found = []
    for name, each in runs.items():
        points = np.linspace(WARMUP + 20, each.steps, 60)
        losses = predict(model, theta, each, points, parameters)
        losses = losses * np.exp(noise * generator.normal(size=len(points)))
        found.append(Curve(name, each, points, losses, parameters=parameters))
    return found
