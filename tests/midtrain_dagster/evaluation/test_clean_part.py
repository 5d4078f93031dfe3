"""Figures of a part are those that the part alone would have had."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.clean_part import (
    CLEAN_SCORES,
    clean_scores,
    losses_without,
    positions_without,
)
from midtrain_dagster.evaluation.clustered_mean import clustered_mean

NAMED = pl.lit("base").alias("checkpoint")


def test_the_losses_of_all_documents_are_those_that_were_measured(
    loaded: Any, make_shards: Any
) -> None:
    from midtrain_dagster.evaluation.held_out_loss import held_out_loss
    from midtrain_dagster.evaluation.loss_by_position import loss_by_position

    shards = make_shards([("web", 40), ("web", 90), ("code", 70)])
    measured = held_out_loss(loaded, shards, sequence_length=16, max_tokens_per_domain=1000)
    by_document = measured["by_document"].select(NAMED, pl.all())
    assert set(by_document["id"]) == set(shards.ids)
    whole = losses_without(by_document, ())
    for column in ("tokens", "loss", "stderr"):
        expected = measured["losses"][column].to_list()
        assert whole[column].to_list() == [
            each if each is None else pytest.approx(each) for each in expected
        ]
    leaked = shards.ids[0]
    fewer = losses_without(by_document, [leaked])
    assert fewer["tokens"].to_list() == [69, 89] and whole["tokens"].to_list() == [69, 128]
    positions = loss_by_position(loaded, shards, length=40, bucket=10, documents=8)
    read = positions["by_document"].select(NAMED, pl.all())
    again = positions_without(read, ()).drop("checkpoint")
    assert again.equals(positions["positions"])
    left = positions_without(read, [leaked])
    assert (left["tokens"].to_numpy() < again["tokens"].to_numpy()).all()
    assert positions_without(read, shards.ids.to_list()).is_empty()


def test_a_domain_of_leaks_alone_has_no_loss() -> None:
    read = pl.DataFrame(
        {
            "checkpoint": "base",
            "domain": "web",
            "id": ["a", "b"],
            "tokens": [3, 5],
            "nats": [6.0, 5],
        }
    )
    assert losses_without(read, ["a", "b"]).row(0) == ("base", "web", 0, None, None)
    assert losses_without(read, ["a"]).row(0) == ("base", "web", 5, 1.0, None)
    assert losses_without(read, []).row(0)[3] == pytest.approx(11 / 8)


def test_scores_on_clean_items_stand_beside_those_on_all() -> None:
    right = [1.0, 0.0, 1.0, 1.0]
    by_item = pl.DataFrame(
        {
            "checkpoint": "base",
            "benchmark": "quiz",
            "item": ["1", "2", "3", "4"],
            "metric": "acc",
            "sum": right,
            "count": 1,
        }
    )
    other = by_item.with_columns(benchmark=pl.lit("exam"))
    found = pl.DataFrame({"benchmark": ["quiz", "quiz"], "item": ["1", "9"]})
    made = clean_scores(pl.concat([by_item, other]), found)
    assert made.schema == CLEAN_SCORES
    (row,) = made.rows(named=True)
    value, stderr = clustered_mean(np.array(right[1:]), np.ones(3, np.int64), np.arange(3))
    assert (row["benchmark"], row["items"], row["value"]) == ("quiz", 4, 0.75)
    assert (row["clean_items"], row["clean_value"], row["clean_stderr"]) == (3, value, stderr)
    assert clean_scores(by_item, found.clear()).is_empty()
