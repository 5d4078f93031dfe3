"""Judges: what is asked, what is read out of the answers, and what swapped order shows."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.inference.engines import transformers
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.inference.rubric import Rubric, parse_score, rubric_prompt
from midtrain_dagster.synthesis.judging import (
    SCORES,
    VERDICTS,
    agreement,
    by_pairs,
    by_rubric,
    pair_prompt,
    parse_choice,
    sign_test,
)

REQUEST = Request(generator=transformers.Config(model="m"), max_new_tokens=8)


def run(making: Any, answer: Any) -> Any:
    """Drive a judge's round with a function from a prompt to an answer; None: there is none."""
    due = next(making)
    assert due.requests["id"].is_unique().all()
    said = [answer(prompt) for prompt in due.requests["prompt"]]
    table = due.requests.with_columns(completion=pl.Series(said, dtype=pl.String))
    with pytest.raises(StopIteration) as end:
        making.send(table.drop_nulls("completion"))
    return end.value.value


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        (" A", "first"),
        ("B\n\nText A: more", "second"),
        ("b.", "second"),
        ("**A**", "first"),
        ("(B)", "second"),
        ("Text A is clearer", "first"),
        ("tie", "tie"),
        ("A better text would have said why", None),
        ("Both are much alike", None),
        ("The second has reasons.\nAnswer: B", "second"),
        ("Answer: A at first, but the better answer is B", "second"),
        ("Because", None),
        ("", None),
    ],
)
def test_a_choice_is_a_letter_alone(completion: str, verdict: str | None) -> None:
    assert parse_choice(completion) == verdict


@given(st.text(max_size=400))
def test_whatever_is_answered_is_a_score_on_the_scale_or_none(completion: str) -> None:
    score = parse_score(completion, 5)
    assert score is None or 1 <= score <= 5
    assert parse_choice(completion) in (None, "first", "second", "tie")


@pytest.mark.parametrize("text", ["9" * 200_000, "score: " * 40_000, "*" * 200_000, "A " * 99_999])
def test_long_nonsense_is_no_verdict(text: str) -> None:
    assert parse_score(text, 5) is None
    assert parse_choice(text) is None


def test_each_criterion_is_asked_for_by_itself() -> None:
    cases = pl.DataFrame({"id": ["a", "b"], "text": ["One\n\ntext.", "Another."]})
    asked: list[str] = []

    def answer(prompt: str) -> str | None:
        asked.append(prompt)
        return {"Another.": "2", "One text.": None}[
            prompt.rsplit("Text: ", maxsplit=1)[-1].split("\n", maxsplit=1)[0]
        ]

    scores = run(by_rubric(cases, Rubric(["it is true", "it is short"]), REQUEST), answer)
    assert scores.schema == SCORES
    assert scores.rows() == [("a", 0, None), ("b", 0, 2.0), ("a", 1, None), ("b", 1, 2.0)]
    assert asked[0] == rubric_prompt("One text.", "it is true", 5)
    assert asked[0].endswith("Text: One text.\nCriterion: it is true\nScore:")


def compared(answer: Any, count: int = 3) -> pl.DataFrame:
    pairs = pl.DataFrame(
        {
            "id": [f"p{n}" for n in range(count)],
            "first": [f"good {n}" for n in range(count)],
            "second": [f"bad {n}" for n in range(count)],
        }
    )
    verdicts: pl.DataFrame = run(by_pairs(pairs, "Which text is good?", REQUEST), answer)
    assert verdicts.schema == VERDICTS
    return verdicts


def test_a_judge_that_knows_agrees_with_itself() -> None:
    def knows(prompt: str) -> str:
        case = prompt.rsplit("Text A:", 1)[1]
        return " A" if case.index("good") < case.index("bad") else " B"

    verdicts = compared(knows)
    assert verdicts["verdict"].to_list() == ["first"] * 3
    found = agreement(verdicts)
    assert (found.agreed, found.ties, found.share, found.p_of_place) == (3, 0, 1.0, 1.0)


def test_a_judge_that_prefers_the_first_decides_nothing() -> None:
    verdicts = compared(lambda _: "A", 10)
    assert verdicts["verdict"].to_list() == ["tie"] * 10
    found = agreement(verdicts)
    assert (found.share, found.ties, found.to_first, found.to_second) == (0.0, 10, 10, 0)
    assert found.p_of_place == pytest.approx(2 / 2**10)


def test_a_pair_with_an_answer_that_cannot_be_read_has_no_verdict() -> None:
    def half(prompt: str) -> str | None:
        case = prompt.rsplit("Text A:", 1)[1]
        return "A" if case.index("good") < case.index("bad") else None

    verdicts = compared(half)
    assert verdicts["verdict"].to_list() == [None] * 3
    found = agreement(verdicts)
    assert (found.unreadable, found.share, found.p_of_place) == (3, None, 1.0)


def test_the_texts_of_a_pair_change_places() -> None:
    prompt = pair_prompt("one", "two", "Which?")
    assert prompt.endswith("Text A: one\nText B: two\nWhich?\nBetter:")
    letters = [line for line in prompt.split("\n") if line.startswith("Better: ")]
    assert sorted(letters) == ["Better: A", "Better: B"]


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_the_exact_one(one: int, other: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert sign_test(one, other) == pytest.approx(expected)
