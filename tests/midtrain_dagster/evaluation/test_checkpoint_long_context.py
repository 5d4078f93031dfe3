from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.evaluation.checkpoint_long_context import longest, measure, versions
from midtrain_dagster.evaluation.long_context import BY_ITEM, FOUND
from midtrain_dagster.long_context.settings import LongContext

SETTINGS = LongContext.model_validate(
    {
        "tasks": {
            "one": {"task": "needle", "digits": 1, "haystack": "noise"},
            "walk": "graph_walk",
        },
        "lengths": [128],
        "depths": [0, 1],
        "items": 2,
        "distractors": 1,
    }
)


def test_what_one_checkpoint_finds(model: Path, held_out_folder: Path) -> None:
    made = measure(
        model=model,
        shards=held_out_folder,
        dtype="<u2",
        checkpoint="annealed",
        settings=SETTINGS,
        domains=["web", "none"],
    )
    checkpoint = {"checkpoint": pl.String}
    assert made["found"].schema == {**checkpoint, **FOUND}
    assert made["found_by_item"].schema == {**checkpoint, **BY_ITEM}
    assert made["found"].select("task", "depth", "items").rows() == [
        *[("one", 0.0, 2), ("one", 1.0, 2)],
        ("walk", None, 4),
    ]
    assert set(made["found"]["checkpoint"]) == {"annealed"}
    assert made["found_by_item"]["tokens"].max() < 128  # type: ignore[operator]


def test_the_longest_documents_of_the_domains_come_first(make_shards: Any) -> None:
    shards = make_shards([("web", 90), ("code", 400), ("web", 170), ("web", 65)])
    assert [size for _, size in longest(shards, ["web"], 2)] == [170, 90]
    assert [size for _, size in longest(shards, ["web", "code", "none"], 9)] == [400, 170, 90, 65]


def test_every_task_is_a_cause() -> None:
    names = versions(SETTINGS)
    assert names["long_context.tasks.needle"] == names["long_context.tasks.graph_walk"] == 1
    assert "long_context.answers" in names
