"""Answers that another model rates, by an endpoint that says what it thinks of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import Outcome, Written, versions
from midtrain_dagster.evaluation.methods.judge import VERSION, Judge
from midtrain_dagster.inference.engines import openai
from tests.endpoint import Endpoint

FIELDS: dict[str, Any] = {
    "method": "judge",
    "generator": {"engine": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "m"},
    "rubric": ["it answers the question", "it is short"],
    "at_least": 3,
}
METHOD = Judge.model_validate(FIELDS)


def rated(method: Judge, said: list[str], *items: Item) -> dict[str, list[float]]:
    """What each item adds to each metric, and to how many, when the judge says this."""
    asked: list[str] = []

    def judge(prompts: Any) -> list[str]:
        asked.extend(prompts)
        return said

    outcome = Outcome(
        documents=[method.document(item) for item in items],
        responses=[[(-2.0, False)] * bool(item.answer) for item in items],
        tokens=[[1] for _ in items],
        written=[[Written(f"It is {number}.", False)] for number, _ in enumerate(items)],
        judge=judge,
    )
    list(method.scores(outcome))
    values = {each.metric: each.sums.tolist() for each in method.item_values(outcome)}
    assert len(asked) == len(said), "nobody is asked twice"
    return values | {"asked": asked}


def test_an_item_is_accepted_where_every_criterion_is_met() -> None:
    assert VERSION == 1
    items = [Item(f"Q{number}", [], None, None) for number in range(4)]
    values = rated(METHOD, ["5", "3", "5", "2", "4", "no idea", "", "8"], *items)
    assert values["accepted"] == [1, 0, 0, 0]
    assert values["rating"] == [1.5, 1.25, 0.75, 0], "as shares of the way from 1 to 5"
    assert values["unreadable"] == [0, 0, 0.5, 1]
    assert "bits_per_byte" not in values
    assert values["asked"][3].endswith(
        "Text: Question: Q1 Answer: It is 1.\nCriterion: it is short\nScore:"
    )


def test_ratings_that_cannot_be_read_are_no_ratings() -> None:
    outcome = Outcome(
        documents=[METHOD.document(Item("Q", [], None, None))],
        responses=[[]],
        tokens=[[]],
        written=[[Written("", False)]],
        judge=lambda prompts: ["" for _ in prompts],
    )
    found = {each.metric: each.value for each in METHOD.scores(outcome)}
    assert found == {"accepted": 0, "rating": None, "unreadable": 1}


def test_a_judge_may_be_shown_the_right_answer() -> None:
    shown = Judge.model_validate(FIELDS | {"reference": True})
    values = rated(shown, ["5", "5"], Item("Q ", [], None, "Paris"))
    assert "Text: Question: Q Right answer: Paris Answer: It is 0.\n" in values["asked"][0]
    assert values["bits_per_byte"][0] == pytest.approx(2.885, abs=1e-3)
    with pytest.raises(ValueError, match="judge needs a reference answer"):
        shown.document(Item("Q", [], None, None))


def test_a_model_writes_and_an_endpoint_rates(
    roomy: Path, endpoint: Endpoint, make_items: Callable[..., Any]
) -> None:
    generator = {**FIELDS["generator"], "base_url": endpoint.address}
    method = Judge.model_validate(FIELDS | {"generator": generator, "most_tokens": 4})
    items = make_items(*((f"What is {number}?", None, None, None) for number in range(6)))
    made = evaluate(roomy, items, method=method)
    scores = {row["metric"]: row for row in made["scores"].iter_rows(named=True)}
    assert len(endpoint.prompts) == 12
    assert scores["accepted"]["headline"] and scores["accepted"]["items"] == 6
    assert made["answers"].filter(kind="wrong").height <= 3
    assert made["runs"]["never_ended"].item() == 6


def test_a_judge_may_lie_on_this_machine(roomy: Path, make_items: Callable[..., Any]) -> None:
    """A random model, which gives no rating."""
    generator = {"engine": "transformers", "model": "nowhere"}
    method = Judge.model_validate(FIELDS | {"generator": generator, "most_tokens": 4})
    items = make_items(("What is it?", None, None, None))
    made = evaluate(roomy, items, method=method, judge=roomy)
    scores = {row["metric"]: row["value"] for row in made["scores"].iter_rows(named=True)}
    assert scores == {"accepted": 0, "rating": None, "unreadable": 1}


def test_what_judges_is_a_cause_and_a_judge_out_of_reach_is_refused() -> None:
    assert versions(METHOD)["inference.engines.openai"] == openai.VERSION
    with pytest.raises(ValidationError, match="at_least 6 lies outside of the scale, 1 to 5"):
        Judge.model_validate(FIELDS | {"at_least": 6})
    with pytest.raises(ValidationError, match="rubric"):
        Judge.model_validate(FIELDS | {"rubric": []})
