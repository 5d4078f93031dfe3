"""Items of one passage are one observation, in scores and in differences."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.benchmark import Benchmark, absent_keys, read_items
from midtrain_dagster.evaluation.clustered_mean import clustered_mean
from midtrain_dagster.evaluation.comparison import GROUPS
from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.item_groups import group_key, item_groups

ROWS = [
    {"text": "The boys", "about": "one", "q": "Who?", "a": "boys", "of": {"kind": 1}},
    {"text": "The boys", "about": "two", "q": "Are?", "a": "again", "of": {"kind": 2}},
    {"text": "One man", "about": "one", "q": "Where?", "a": "spot", "of": {"kind": 1}},
    {"text": "One man", "about": None, "q": "When?", "a": "the same", "of": {}},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "quiz.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return tmp_path


def quiz(**fields: str) -> Benchmark:
    section = {"paths": ["quiz.jsonl"], "question": "q", "answer": "a", **fields}
    return Benchmark.model_validate({**section, "evaluate": "answer_likelihood"})


@pytest.mark.parametrize(
    ("fields", "together"),
    [
        ({"passage": "text"}, [0, 0, 1, 1]),
        ({"group": "about"}, [0, 1, 0, 2]),
        ({"group": "of.kind", "passage": "text"}, [0, 1, 0, 2]),
    ],
)
def test_items_belong_together_by_what_they_share(
    fields: dict[str, str], together: list[int], folder: Path, model: Path
) -> None:
    benchmark = quiz(**fields)
    key = group_key(benchmark)
    assert key is not None
    items = read_items("quiz", benchmark, folder)
    found = item_groups(items, key)
    assert found.schema == GROUPS
    names = found["group"].unique(maintain_order=True).to_list()
    assert [names.index(group) for group in found["group"]] == together
    assert benchmark.evaluate is not None
    made = evaluate(model, items, method=benchmark.evaluate, group=key)
    for score in made["scores"].iter_rows(named=True):
        values = made["by_item"].filter(metric=score["metric"])
        expected = clustered_mean(
            values["sum"].to_numpy(), values["count"].to_numpy(), np.array(together)
        )
        assert (score["value"], score["stderr"]) == pytest.approx(expected)
    alone = evaluate(model, items, method=benchmark.evaluate)
    assert alone["by_item"].equals(made["by_item"])
    assert pl.Series.ne(alone["scores"]["stderr"], made["scores"]["stderr"]).any()


def test_without_a_passage_or_a_group_each_item_is_its_own(folder: Path) -> None:
    assert group_key(quiz()) is None


def test_a_group_that_no_item_has_is_told(folder: Path) -> None:
    told = absent_keys("quiz", quiz(group="passages"), folder)
    assert told["group"].startswith("benchmark 'quiz': no item has the key 'passages'; the keys")
