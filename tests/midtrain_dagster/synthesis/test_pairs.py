import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.pairs import (
    Pair,
    grounded,
    grounded_pairs,
    read_continued,
    read_pairs,
)

PASSAGE = "Marie Curie was born in Warsaw in 1867 and studied mathematics in Paris."


@pytest.mark.parametrize(
    "written",
    [
        "Question: Where was she born?\nAnswer: In Warsaw.",
        "- Question: Where was she born? Answer: In Warsaw.",
        "**Question 1:** Where was she born?\n**Answer 1:** In Warsaw.",
        "1. Q: Where was she\nborn?\nA: In Warsaw.\n\nThat was all.",
        "Question: Where was she born?\nAnswer: In Warsaw.\nQ: where was she born? A: No.",
    ],
)
def test_pairs_are_read_in_whatever_dress(written: str) -> None:
    assert read_pairs(written) == [Pair("Where was she born?", "In Warsaw.")]


def test_what_is_no_pair_is_none() -> None:
    assert read_pairs("Question: She was born.\nAnswer: In Warsaw.") == []
    assert read_pairs("Question: Where was she born?\nAnswer:") == []
    assert read_pairs("Question: Where was she born?") == []
    assert read_pairs("Where was she born? Answer: In Warsaw.") == []


@pytest.mark.parametrize(
    ("answer", "holds"),
    [
        ("In Warsaw", True),
        ("Yes.", True),
        ("She studied mathematics in the city of Paris.", True),
        ("In 1868", False),
        ("She was born in London.", False),
        ("Through wonderful experiments about chemistry.", False),
    ],
)
def test_an_answer_is_grounded_in_words_names_and_numbers(answer: str, holds: bool) -> None:
    assert grounded(answer, PASSAGE) is holds


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz"))))
def test_each_question_is_read_once(asked: list[tuple[str, str]]) -> None:
    text = "\n".join(f"Question: Is it {q}?\nAnswer: It is {a}." for q, a in asked)
    first: dict[str, str] = {}
    for question, answer in asked:
        first.setdefault(f"Is it {question}?", f"It is {answer}.")
    assert read_pairs(text) == [Pair(*pair) for pair in first.items()]
    assert "\n".join(pair.text for pair in read_pairs(text)).count("Question") == len(first)


@pytest.mark.parametrize("hostile", ["Question: " * 10**5, " " * 10**6, "a:" * 10**5 + "?"])
def test_hostile_text_is_read_once(hostile: str) -> None:
    assert grounded_pairs(hostile, PASSAGE) == []


@pytest.mark.parametrize(
    ("completion", "questions"),
    [
        (" Who?\nAnswer: he\nQuestion: When?\nAnswer: now", ["Who?", "When?"]),
        ("**Question:** Who?\n**Answer:** he\n", ["Who?"]),
        ("1. **Q:** Who?\n   **A:** he", ["Who?"]),
        ("Sure! Here they are:\n\nQuestion: Who?\nAnswer: he", ["Who?"]),
        (" Who? Answer: he\nQuestion: When? Answer: now", ["Who?", "When?"]),
    ],
)
def test_a_completion_goes_on_behind_a_label_or_has_its_own(
    completion: str, questions: list[str]
) -> None:
    assert [each.question for each in read_continued(completion)] == questions
