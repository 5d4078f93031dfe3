"""The noise scale against gradients whose mean and variance are known."""

import numpy as np
import pytest

from midtrain_dagster.training.step.noise_scale import AVERAGED, Squares, estimate, noise_scale


def test_estimate_solves_the_two_expected_squares() -> None:
    # |G|^2 = 4 and S = 600: batches of 10 and 100 tokens have squares 64 and 10.
    square, variance = estimate(Squares(small=64, small_inverse=0.1, big=10, big_inverse=0.01))
    assert (square, variance) == (pytest.approx(4), pytest.approx(600))


def test_estimate_is_unbiased() -> None:
    generator = np.random.default_rng(0)
    mean = np.array([1.0, -2.0, 0.5])
    noise = generator.normal(0, 3, (4000, 64, 3))
    gradients = mean + noise
    small = (gradients[:, :8].mean(1) ** 2).sum(1)
    big = (gradients.mean(1) ** 2).sum(1)
    found = np.array(
        [estimate(Squares(s, 1 / 8, b, 1 / 64)) for s, b in zip(small, big, strict=True)]
    )
    assert found.mean(0) == pytest.approx([5.25, 27.0], rel=0.03)


def test_noise_scale_is_a_ratio_of_the_means_of_the_last_measurements() -> None:
    log = [
        {"gradient_square": 1.0, "gradient_variance": 1000.0},
        {"gradient_square": None, "gradient_variance": None},
        *[{"gradient_square": 2.0, "gradient_variance": 10.0}] * (AVERAGED - 1),
    ]
    assert noise_scale(4.0, 30.0, []) == 7.5
    assert noise_scale(2.0, 10.0, log) == 5.0
    assert noise_scale(22.0, 10.0, log) == pytest.approx(10 / 4)


def test_noise_scale_of_pure_noise_is_none() -> None:
    assert noise_scale(-1.0, 5.0, []) is None


def test_estimate_wants_a_smaller_batch() -> None:
    with pytest.raises(ValueError, match="of 8 tokens is not smaller than the big one of 8"):
        estimate(Squares(1.0, 1 / 8, 1.0, 1 / 8))
