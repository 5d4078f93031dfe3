import numpy as np
import polars as pl
import pytest

from midtrain_dagster.laws.mixing.measurements import UnmeasuredError
from midtrain_dagster.laws.mixing.ratio_points import UnknownDomainError, points
from tests.synthetic_swarm import SIZES, code, swarm, web


def test_every_proxy_of_every_size_is_a_point() -> None:
    found = points(**swarm(noise=0), domain="code", targets=["loss/code"])
    assert found.at.shape == (50, 3)
    assert {tuple(each) for each in found.at[:, 1:].tolist()} == {
        (tokens, size) for _, tokens, size, _ in SIZES
    }
    np.testing.assert_allclose(found.losses, code(*found.at.T))
    assert np.bincount(found.groups).tolist() == [30, 10, 10]
    np.testing.assert_allclose(found.of_the_rest().at[:, 0], 1 - found.at[:, 0])
    assert len(found.of_size(1e6).at) == 50 and len(found.of_size(2e6).at) == 0


def test_several_targets_are_their_mean_and_one_without_a_loss_is_no_point() -> None:
    tables = swarm(noise=0)
    losses = tables["losses"]
    odd = (pl.col("proxy") == 7) & (pl.col("target") == "loss/web")
    tables["losses"] = losses.with_columns(value=pl.when(odd).then(None).otherwise("value"))
    found = points(**tables, domain="code", targets=["loss/code", "loss/web"])
    np.testing.assert_allclose(found.losses, (code(*found.at.T) + web(*found.at.T)) / 2)
    assert found.left_out == ("proxy 7: no finite loss was measured of loss/web",)


def test_what_failed_and_what_is_alone_in_its_size_is_left_out_by_name() -> None:
    sizes = [("default", 1000, 10, 8), ("longer", 2000, 10, 2)]
    found = points(**swarm(sizes, failed=[9]), domain="code", targets=["loss/code"])
    assert found.left_out == (
        "proxy 9: failed: burst",
        "the only proxy of 2,000 tokens and 10 parameters",
    )
    assert len(found.losses) == 8


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(UnknownDomainError, match=r"'cod' .*code, web, books.*mean 'code'"):
        points(**swarm(), domain="cod", targets=["loss/code"])
    with pytest.raises(UnmeasuredError, match="no proxy has a loss of 'loss/books'"):
        points(**swarm(), domain="books", targets=["loss/books"])
    tables = swarm()
    tables["losses"] = tables["losses"].with_columns(value=pl.lit(None, pl.Float64))
    with pytest.raises(UnmeasuredError, match="no proxy has a finite loss/code: proxy 0"):
        points(**tables, domain="code", targets=["loss/code"])
