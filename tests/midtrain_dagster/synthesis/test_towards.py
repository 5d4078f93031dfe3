"""Seeds towards what is not known: the method's own draw, by quotas of topics."""

from typing import Any

import polars as pl

from midtrain_dagster.synthesis.methods import rephrase
from midtrain_dagster.synthesis.towards import DRAWN, choose_towards

TEXT = "Ships of the line carried more than sixty guns. " * 8


def drawn(
    documents: Any, weights: list[float], count: int = 8
) -> tuple[pl.DataFrame, pl.DataFrame]:
    there = documents(*[f"{n}. {TEXT}" for n in range(20)], "too short")
    topics = there.select("id", topic=pl.int_range(pl.len()) % 4 // 2).cast({"topic": pl.UInt16})
    method = rephrase.Config(
        domains=["web"],
        documents=count,
        generator={"engine": "transformers", "model": "m"},
        draw="towards_unknown",
    )
    weight = pl.DataFrame(
        {"topic": [0, 1], "weight": weights}, schema_overrides={"topic": pl.UInt16}
    )
    chosen, told = choose_towards(method, there, topics, weight)
    plain = method.model_copy(update={"documents": 20}).choose(there)["id"].to_list()
    # In a topic, the documents that the method draws first by itself; in its own order.
    for topic, quota in told.select("topic", "drawn").iter_rows():
        own = [each for each in plain if topics.filter(id=each)["topic"][0] == topic]
        assert set(own[:quota]) <= set(chosen["id"])
    assert chosen["id"].to_list() == [each for each in plain if each in set(chosen["id"])]
    return chosen, told


def test_a_topic_of_more_weight_has_more_seeds(documents: Any) -> None:
    chosen, told = drawn(documents, [0.2, 0.6])
    assert told.schema == DRAWN
    assert told.rows() == [(0, 10, 4.0, 2), (1, 10, 4.0, 6)]
    assert chosen.height == 8


def test_no_topic_has_none_and_none_more_than_it_has(documents: Any) -> None:
    assert drawn(documents, [0.01, 1.0])[1]["drawn"].to_list() == [1, 7]
    assert drawn(documents, [0.01, 1.0], 15)[1]["drawn"].to_list() == [5, 10]
    assert drawn(documents, [0.5, 0.5], 99)[0].height == 20
