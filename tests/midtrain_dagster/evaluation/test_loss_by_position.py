from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.loss_by_position import (
    BEYOND,
    POSITIONS,
    VERSION,
    loss_beyond,
    loss_by_position,
)
from midtrain_dagster.tokens.shards import TokenShards

MakeShards = Callable[..., TokenShards]
DOCUMENTS = [("books", 90), ("web", 20), ("books", 75), ("code", 200), ("books", 74)]


def test_loss_by_position_is_the_mean_of_each_bucket_over_the_long_documents(
    loaded: Any, make_shards: MakeShards, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> None:
    shards = make_shards(DOCUMENTS)
    table = loss_by_position(loaded, shards, length=75, bucket=32, documents=64)["positions"]
    assert table.schema == POSITIONS
    assert table["position"].to_list() == [0, 32, 64]
    assert table["tokens"].to_list() == [31 * 3, 32 * 3, 11 * 3]
    # Position p is predicted from the p tokens before it, so it is entry p - 1 of the losses.
    losses = np.stack([naive_losses(shards.tokens(number, 0, 75)) for number in (0, 2, 3)])
    for row, span in zip(table.rows(named=True), [(0, 31), (31, 63), (63, 74)], strict=True):
        means = losses[:, slice(*span)].mean(axis=1)
        assert row["loss"] == pytest.approx(means.mean(), rel=1e-5)
        assert row["stderr"] == pytest.approx(means.std(ddof=1) / 3**0.5, rel=1e-4)


def test_loss_by_position_reads_only_the_first_documents(
    loaded: Any, make_shards: MakeShards
) -> None:
    table = loss_by_position(loaded, make_shards(DOCUMENTS), length=70, bucket=64, documents=1)
    assert table["positions"]["tokens"].to_list() == [63, 6]
    assert table["positions"]["stderr"].is_null().all()


def test_loss_by_position_needs_a_document_that_is_long_enough(
    loaded: Any, make_shards: MakeShards
) -> None:
    shards = make_shards(DOCUMENTS)
    for length, buckets in ((200, 7), (201, 0)):
        table = loss_by_position(loaded, shards, length=length, bucket=32, documents=4)["positions"]
        assert table.schema == POSITIONS
        assert table.height == buckets


def test_loss_beyond_is_the_mean_over_the_tokens_from_a_position_on(
    loaded: Any, make_shards: MakeShards, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> None:
    shards = make_shards(DOCUMENTS)
    table = loss_by_position(loaded, shards, length=75, bucket=32, documents=64)["positions"]
    positions = table.select(pl.lit("base").alias("checkpoint"), pl.all())
    losses = np.stack([naive_losses(shards.tokens(number, 0, 75)) for number in (0, 2, 3)])
    (row,) = loss_beyond(positions, 32).rows(named=True)
    assert (row["checkpoint"], row["position"]) == ("base", 32)
    assert row["loss"] == pytest.approx(losses[:, 31:].mean(), rel=1e-5)
    exact = losses[:, 31:].mean(axis=1).std(ddof=1) / 3**0.5
    assert row["stderr"] >= exact * (1 - 1e-6), "an upper bound"
    # A bucket that begins before the length is left out, and the place says so.
    assert loss_beyond(positions, 33)["position"].to_list() == [64]
    assert loss_beyond(positions, 65).schema == BEYOND and loss_beyond(positions, 65).is_empty()
    one = positions.with_columns(stderr=pl.lit(None, pl.Float64))
    assert loss_beyond(one, 32)["stderr"].to_list() == [None]


def test_loss_by_position_has_golden_values(loaded: Any, make_shards: MakeShards) -> None:
    table = loss_by_position(loaded, make_shards(DOCUMENTS), length=74, bucket=37, documents=4)
    assert VERSION == 1
    np.testing.assert_allclose(table["positions"]["loss"].to_numpy(), GOLDEN, rtol=1e-4)


GOLDEN = [6.306475, 6.360044]
