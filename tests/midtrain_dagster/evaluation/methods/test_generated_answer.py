from pathlib import Path
from typing import Any

import pytest
from lm_eval.filters.extraction import RegexFilter
from pydantic import ValidationError

from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import Outcome, Written
from midtrain_dagster.evaluation.methods.generated_answer import (
    VERSION,
    GeneratedAnswer,
    f1,
    similarity,
)

METHOD = GeneratedAnswer(method="generated_answer")
WORDS = GeneratedAnswer(method="generated_answer", compare="words", extract="first_line")
STRICT = GeneratedAnswer(
    method="generated_answer", compare="words", extract="pattern", pattern=r"#### (\-?[0-9\.\,]+)"
)


def scored(method: GeneratedAnswer, *pairs: tuple[str, Item]) -> dict[str, list[float]]:
    """What each item adds to each metric, for what was written of it."""
    outcome = Outcome(
        documents=[method.document(item) for _, item in pairs],
        responses=[[(-2.0, False)] for _ in pairs],
        tokens=[[1] for _ in pairs],
        written=[[Written(text, False)] for text, _ in pairs],
    )
    return {each.metric: each.sums.tolist() for each in method.item_values(outcome)}


def item(answer: str, **row: Any) -> Item:
    return Item("Q", [], None, answer, row=row)


def test_answers_are_compared_as_mathematics() -> None:
    assert VERSION == 1
    pairs = [
        ("so 3*4=12, and the answer is 12.", item("They cost 12.\n#### 12")),
        ("which is $\\boxed{0.5}$", item(r"we get $\boxed{\frac{1}{2}}$")),
        ("#### 1,000", item("#### 1000")),
        ("The answer is 13.", item("#### 12")),
        ("I do not know", item("#### 12")),
    ]
    assert scored(METHOD, *pairs)["right"] == [1, 1, 1, 0, 0]


def test_answers_are_compared_as_words_to_all_references() -> None:
    method = WORDS.model_copy(update={"references": "all"})
    values = scored(
        method,
        (" The  Eiffel tower!\nIt is", item("Eiffel Tower", all=["a tower"])),
        ("tower", item("Eiffel Tower", all=["a tower"])),
        ("the Eiffel", item("Eiffel Tower", all=[])),
        ("", item("Eiffel Tower", all=[])),
        ("?", item("!", all=[])),
    )
    assert values["right"] == values["exact_match"] == [1, 1, 0, 0, 0]
    assert values["f1"] == pytest.approx([1, 1, 2 / 3, 0, 0])


def test_a_list_of_references_that_is_none_is_named() -> None:
    method = WORDS.model_copy(update={"references": "all"})
    for row in ({}, {"all": "one"}):
        with pytest.raises(ValueError, match="'all' is to hold a list of answers"):
            method.document(item("a", **row))


GSM8K = [
    "He has 12.\n#### 12",
    "12",
    "#### 12.",
    "#### 1,012\n#### 12",
    "#### -3",
    "####12",
    "",
]


def test_a_pattern_reads_as_the_harness_s_filter_does() -> None:
    """Its filter takes the first match, and a text of several answers is none that is sure of one;
    the last is taken here, as of final answers."""
    filtered = RegexFilter(regex_pattern=r"#### (\-?[0-9\.\,]+)", fallback="")
    expected = [each[0] for each in filtered.apply([[text] for text in GSM8K], [{}] * len(GSM8K))]
    read = [STRICT.read(text) for text in GSM8K]
    assert read[3] == "12"
    assert expected[3] == "1,012"
    assert read[:3] + read[4:] == expected[:3] + expected[4:]


def test_measures_of_texts_have_golden_values() -> None:
    assert f1("the cat sat", "a cat sat down") == pytest.approx(0.8)
    assert similarity("abcd", "bcde") == 0.75
    assert similarity("", "") == 1.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"extract": "pattern"}, "'pattern' goes with extract: pattern"),
        ({"pattern": "a"}, "'pattern' goes with extract: pattern"),
        ({"extract": "pattern", "pattern": "("}, "is not a regular expression"),
        ({"most_tokens": 0}, "greater than 0"),
    ],
)
def test_sections_that_cannot_work_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GeneratedAnswer.model_validate({"method": "generated_answer", **fields})


def test_a_model_without_a_chat_template_is_not_asked_through_one(model: Path, quiz: Any) -> None:
    chat = METHOD.model_copy(update={"chat": True, "most_tokens": 4})
    with pytest.raises(ValueError, match="no chat template, and `chat` asks for one"):
        evaluate(model, quiz, method=chat)


def test_what_never_ends_is_cut_and_counted(model: Path, quiz: Any) -> None:
    method = METHOD.model_copy(update={"most_tokens": 3, "until": ()})
    made = evaluate(model, quiz, method=method)
    assert made["runs"]["never_ended"].item() > 0
    assert made["scores"]["metric"].to_list()[0] == "right"
    bits = made["scores"].filter(metric="bits_per_byte")
    assert bits["value"].item() > 0


def test_a_prompt_that_does_not_fit_is_left_out_and_counted(model: Path, make_items: Any) -> None:
    items = make_items(("boys " * 70, [], None, "man"), ("The boys", [], None, "are"))
    method = METHOD.model_copy(update={"most_tokens": 8})
    made = evaluate(model, items, method=method)
    assert made["runs"].select("items", "left_out", "cut_questions").row(0) == (1, 1, 0)
