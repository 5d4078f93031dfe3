"""The front matter is what the hub's library writes and reads."""

import polars as pl
import yaml

from midtrain_dagster.delivery.data_used import LANGUAGES
from midtrain_dagster.delivery.metadata import front_matter
from midtrain_dagster.evaluation.harness import SCORES

SCORE = {
    "benchmark": "exam",
    "metric": "acc",
    "value": 0.5,
    "stderr": 0.05,
    "items": 1000,
    "chance": 0.25,
    "at_chance": False,
    "unit": "accuracy",
    "headline": True,
}


def test_what_is_known_stands_in_it() -> None:
    languages = pl.DataFrame(
        [
            ("en", 9000, 0.9),
            ("no", 890, 0.089),
            ("de", 100, 0.01),
            ("und", 9, 0.0009),
            (None, 1, 0.0001),
        ],
        schema=LANGUAGES,
        orient="row",
    )
    broken = {**SCORE, "metric": "broken", "value": float("nan")}
    f1 = {**SCORE, "metric": "f1", "stderr": None}
    scores = pl.DataFrame([SCORE, f1, broken], schema=SCORES)
    read = yaml.safe_load(
        front_matter(
            "tiny: annealed",
            base="owner/base",
            datasets=["a/b", "a/b", "c/d"],
            languages=languages,
            scores=scores,
            titles={"exam": "The Exam"},
            sets={"exam": "owner/exam"},
        )
    )
    assert read["base_model"] == "owner/base"
    assert read["datasets"] == ["a/b", "c/d"]
    assert read["language"] == ["en", "no", "de"], "Norwegian is no boolean"
    (model,) = read["model-index"]
    (result,) = model["results"]
    assert result["dataset"] == {"name": "The Exam", "type": "owner/exam"}
    assert [(each["type"], each["value"]) for each in result["metrics"]] == [
        *(("acc", 0.5), ("acc_stderr", 0.05), ("f1", 0.5)),
    ]
    assert result["metrics"][1]["name"] == "standard error of acc (accuracy, 1,000 items)"


def test_what_is_not_known_is_left_out() -> None:
    read = yaml.safe_load(
        front_matter("m", base=None, datasets=[], languages=None, scores=None, titles={}, sets={})
    )
    assert read == {
        "library_name": "transformers",
        "license": "unknown",
        "pipeline_tag": "text-generation",
        "tags": ["mid-training", "midtrain-dagster"],
    }
