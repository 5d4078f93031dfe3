import numpy as np
import pytest

from midtrain_dagster.laws.mixing.methods.cmr import Config
from midtrain_dagster.laws.mixing.ratio import UnidentifiedError, critical_ratio

LAW = Config(law="cmr")
RATIOS, TOKENS = (
    each.ravel() for each in np.meshgrid([0.0, 0.1, 0.3, 0.5, 0.8, 1.0], [1e9, 2e9, 4e9])
)
SIZES = np.full(len(RATIOS), 5e8)
LOSSES = 2 + 0.3 * RATIOS**1.5 + 0.4 * (TOKENS / 1e9) ** -0.5


def test_fit_finds_the_law_that_made_the_losses() -> None:
    fitted = LAW.fit(RATIOS, TOKENS, SIZES, LOSSES)
    assert fitted.converged
    found = (fitted.offset, fitted.rise, fitted.power, fitted.decay)
    assert found == pytest.approx((2, 0.3, 1.5, 0.5), rel=1e-3)


def test_critical_ratio_grows_with_tokens() -> None:
    """By the formula, 0.3 R^1.5 = 2.5 - 2 - 0.4 sqrt(1e9 / T)."""
    fitted = LAW.fit(RATIOS, TOKENS, SIZES, LOSSES)
    expected = [((0.5 - 0.4 * factor**-0.5) / 0.3) ** (1 / 1.5) for factor in (1, 2)]
    found = [critical_ratio(fitted, factor * 1e9, 5e8, at_most=2.5) for factor in (1, 2)]
    assert found == pytest.approx(expected, abs=2e-3)


def test_what_no_run_varied_is_refused() -> None:
    one = TOKENS == 1e9
    fitted = LAW.fit(RATIOS[one], TOKENS[one], SIZES[one], LOSSES[one])
    np.testing.assert_allclose(
        fitted.predict(RATIOS[one], TOKENS[one], SIZES[one]), LOSSES[one], atol=1e-6
    )
    with pytest.raises(UnidentifiedError, match="tokens"):
        fitted.predict(RATIOS, TOKENS, SIZES)
    with pytest.raises(UnidentifiedError, match="fit each size apart"):
        LAW.fit(RATIOS, TOKENS, SIZES * np.linspace(1, 2, len(SIZES)), LOSSES)
