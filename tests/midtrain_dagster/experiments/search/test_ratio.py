"""What real proxies say of another share of a domain."""

from collections.abc import Callable

import numpy as np
import pytest

from midtrain_dagster.experiments.search.swarm import Made
from midtrain_dagster.laws.mixing.methods.d_cpt import Config
from midtrain_dagster.laws.mixing.ratio import UnidentifiedError
from midtrain_dagster.laws.mixing.ratio_points import points
from midtrain_dagster.laws.mixing.ratio_study import study

from .conftest import search

READ = ("mixtures", "proxies", "losses", "domains")


def test_proxies_tell_the_loss_at_another_share_and_nothing_of_other_tokens(
    made: Callable[..., Made],
) -> None:
    swarm = made(search(rounds=[16])).tables
    tables = {each: swarm[each] for each in READ}
    found = study(
        Config(law="d_cpt"), points(**tables, domain="code", targets=["loss/code"]), resamples=8
    )
    tokens, size = found.points.at[0, 1:]
    little, much = found.losses(np.array([0.1, 0.6]), tokens, size)
    assert much.high < little.low
    assert found.errors.spearman is not None and found.errors.spearman > 0.7
    with pytest.raises(UnidentifiedError, match="all proxies had 1,024"):
        found.losses(np.array([0.1]), 2 * tokens, size)
