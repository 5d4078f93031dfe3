import numpy as np

from midtrain_dagster.laws.mixing.method import Smooth
from midtrain_dagster.laws.mixing.methods import log_linear, regmix
from midtrain_dagster.laws.mixing.reduced import ReducedLaw, reduced_law
from tests.laws_at_hand import assert_derivatives, mixtures

BASIS = np.array([[0.75, 0.0], [0.0, 1.0], [0.25, 0.0]])
KEPT = mixtures(60, 2) @ BASIS.T


def test_law_of_kept_proportions_has_the_free_shares_alone() -> None:
    law = reduced_law(log_linear.Config(law="log_linear"), KEPT, BASIS)
    assert law.parameters(3) == 3
    losses = 1 + np.exp(KEPT @ [0.2, -1.0, 0.2])
    fitted = law.fit(KEPT, losses, own=2)
    np.testing.assert_allclose(fitted.predict(KEPT), losses, atol=1e-4)
    assert isinstance(fitted, Smooth) and fitted.convex
    assert_derivatives(fitted, KEPT[0])


def test_law_without_derivatives_has_none_behind_a_sum() -> None:
    law = reduced_law(regmix.Config(law="regmix"), KEPT, BASIS)
    assert not isinstance(law.fit(KEPT, KEPT[:, 1]), Smooth)


def test_law_of_free_proxies_stays_as_it_is() -> None:
    law = log_linear.Config(law="log_linear")
    assert reduced_law(law, mixtures(20, 3), BASIS) is law
    assert reduced_law(law, mixtures(20, 3), np.eye(3)) is law
    assert isinstance(reduced_law(law, KEPT, BASIS), ReducedLaw)
