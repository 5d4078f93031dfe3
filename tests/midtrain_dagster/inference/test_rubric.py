"""A rubric: what is asked, and which answers are scores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.inference.rubric import parse_score, rubric_prompt


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        (" 4", 4.0),
        ("4\n\nText: another one", 4.0),
        ("**5**", 5.0),
        ("3.5", 3.5),
        ("4/5", 4.0),
        ("4 out of 5", 4.0),
        ("4/10", None),
        ("3-4", None),
        ("1 to 5", None),
        ("2 or 3", None),
        ("0", None),
        ("6", None),
        ("2024", None),
        ("1.2.3", None),
        ("-2", None),
        ("The steps are sound, all 12 of them. Score: 4", 4.0),
        ("Score: 1 would be harsh.\nFinal score: **3**", 3.0),
        ("1. The facts are exact.\n2. The steps follow.\nScore: 4", 4.0),
        ("3 of the 4 steps are right. Score: 2/5", 2.0),
        ("4. The text is good", 4.0),
        ("**4**\nScore: 1", 4.0),
        ("Score: 4\n\nText: another one\nCriterion: c\nScore: 1", 4.0),
        ("It is good.", None),
        ("I'm sorry, I cannot", None),
        ("", None),
        ("five", None),
    ],
)
def test_a_score_is_a_number_on_the_scale(completion: str, score: float | None) -> None:
    assert parse_score(completion, 5) == score


@given(st.integers(2, 100), st.data())
def test_every_score_of_the_scale_is_read(scale: int, data: st.DataObject) -> None:
    score = data.draw(st.integers(1, scale))
    assert parse_score(f" {score}\n", scale) == score
    assert parse_score(f"Reasons come first. Score: {score}/{scale}", scale) == score


def test_worked_examples_lie_on_the_scale() -> None:
    prompt = rubric_prompt("t", "c", 3)
    assert [line for line in prompt.split("\n") if line.startswith("Score:")] == [
        *("Score: 3", "Score: 1", "Score: 2", "Score:")
    ]
