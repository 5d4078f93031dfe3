"""Both methods that extract, with scripted answers for their two rounds."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.extraction import ExtractionConfig, Pair, grounded
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.methods import extracted_questions, maths_extraction

PAGE = (
    "Lesson 4, exercise 2. A rope of 30 metres is cut into pieces of 6 metres each. How many "
    "pieces are there? We divide 30 / 6 = 5, so there are 5 pieces. Why do sailors splice ropes? "
    "A splice holds better than a knot, because it spreads the load over all strands. Go on to "
    "lesson 5 or back to the contents."
)
PROBLEM = " A rope of 30 metres is cut into pieces of 6 metres each. How many pieces are there?"
EXTRACTED = f"{PROBLEM}\nSolution: We divide 30 / 6 = 5, so there are 5 pieces."
QUESTION = " Why do sailors splice ropes?\nAnswer: A splice holds better than a knot."

GENERATOR = {"engine": "transformers", "model": "m"}
COMMON: dict[str, Any] = {"domains": ["web"], "documents": 9, "generator": GENERATOR}
MATHS = maths_extraction.Config(**COMMON)
QUESTIONS = extracted_questions.Config(**COMMON, positives=["forum"])


def extracted(
    method: ExtractionConfig, documents: Any, first: str, *refined: str | Completion
) -> tuple[Made, Collector]:
    """What is made of the page, with an answer to the first round, and those to the second."""
    collector = Collector(method, source="synthetic_it", written_by="it")

    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        said = [first] if number == 1 else list(refined)
        told = [each if isinstance(each, Completion) else Completion(each) for each in said]
        table = requests.with_columns(key=pl.col("id")).hstack(
            pl.DataFrame(told[: requests.height], COMPLETED, orient="row")
        )
        return Answered(table, [], requests.height)

    recalled = documents(PAGE).with_columns(searched=9, likely=4, sites=2)
    return drive(method.make(recalled, collector), ask), collector


def test_a_problem_that_stands_in_the_page_is_written_out_with_the_same_answer(documents) -> None:
    refined = "Cutting 30 metres into pieces of 6 gives 30 / 6 = 5 pieces in all, each of them of "
    refined += "the same length as the others are, so none is left. The answer is $5.0$."
    made, collector = extracted(MATHS, documents, EXTRACTED, refined)
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"] == f"Problem:{PROBLEM}\n\nSolution: {refined}"
    assert (row["kind"], row["domain"]) == ("mathematics", "extracted_problems")
    described = json.loads(row["metadata"])
    assert described["family"] == "extraction"
    assert described["extracted"] == "We divide 30 / 6 = 5, so there are 5 pieces."
    request = described["seeds"][0]
    span = f"d0:{request['start']}-{request['stop']}"
    assert described["requests"] == [f"{span}#0", span]
    assert described["scores"] == {"grounded": 1.0}
    assert described["thought"] == "short"
    assert collector.steps == {"extract": (1, 1), "refine": (1, 1)}


def test_a_question_keeps_the_words_of_its_answer(documents) -> None:
    kept = "Sailors splice ropes because a splice holds better than a knot does."
    made, _ = extracted(QUESTIONS, documents, QUESTION, kept)
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"] == f"Question: Why do sailors splice ropes?\n\nAnswer: {kept}"
    made, _ = extracted(QUESTIONS, documents, QUESTION, "They have done so at all times.")
    assert made.accepted.rejects["reason"].to_list() == ["answer_lost"]


def test_a_page_may_have_several_pairs(documents) -> None:
    both = f"{QUESTION}\nQuestion: How many pieces are there?\nAnswer: there are 5 pieces"
    made, collector = extracted(
        QUESTIONS, documents, both, "A splice holds better than a knot.", "There are 6 pieces."
    )
    assert made.accepted.documents.height == 1
    assert made.accepted.rejects["reason"].to_list() == ["answer_changed"]
    found = {"recall": (9, 4), "sites": (4, 2)}
    assert collector.steps == {**found, "extract": (1, 1), "refine": (2, 1)}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (" none", "nothing_there"),
        (" None.", "nothing_there"),
        ("", "no_pair"),
        (PROBLEM, "no_pair"),
        (f"{PROBLEM}\nSolution:", "no_pair"),
        (" Solve 2x + 3 = 11 for x.\nSolution: x = 4", "prompt_echo"),
        (f"{PROBLEM}\nSolution: 30 / 6 = 5 and 5 + 7 = 12 pieces", "not_grounded"),
        (" Who was Euler's teacher in Basel?\nSolution: There are 5 pieces.", "not_grounded"),
        (f"{PROBLEM}\nSolution: so there are pieces", "no_final_answer"),
    ],
)
def test_what_is_not_worth_refining_is_rejected(documents, said: str, reason: str) -> None:
    made, collector = extracted(MATHS, documents, said)
    assert made.accepted.rejects["reason"].to_list() == [reason]
    assert collector.steps == {"extract": (1, 0)}


@pytest.mark.parametrize(
    ("refined", "reason"),
    [
        ("...", "not_refined"),
        (Completion("", fault="failed", detail="broken"), "not_refined"),
        ("Sure! Here is the solution: 30 / 6 = 5. The answer is 5.", "remark"),
        (Completion("30 divided by 6 is 5, and so", finish="length"), "unfinished"),
        ("30 / 6 = 5. The answer is 6.", "answer_changed"),
        ("There are some pieces.", "answer_changed"),
    ],
)
def test_what_was_refined_badly_is_rejected(documents, refined: Any, reason: str) -> None:
    made, _ = extracted(MATHS, documents, EXTRACTED, refined)
    assert made.accepted.rejects["reason"].to_list() == [reason]


def test_worked_examples_are_grounded_and_keep_their_answers(documents) -> None:
    for method in (MATHS, QUESTIONS):
        for text, pair in method.EXTRACTED:
            if pair:
                assert grounded(" ".join(pair), text) == 1
                ask, answer = method.LABELS
                assert method.parse(f" {pair.asked}\n{answer}: {pair.answer}") == [pair]
                assert f"{ask}: {pair.asked}\n" in method.extraction("A page.")
        for pair, refined in method.REFINED:
            assert method._refined_against(refined, pair.answer, cut=False) is None
            assert refined in method.refinement(Pair("Why?", "So."))


@given(st.text(alphabet="Problem:Solution \n?", max_size=60) | st.text(max_size=60))
def test_any_answer_is_parsed(completion: str) -> None:
    for pair in MATHS.parse(completion):
        assert pair.asked.strip()
        assert pair.answer.strip()


@given(st.text(max_size=30), st.text(max_size=30))
def test_grounded_is_a_share_and_all_of_what_is_copied(text: str, source: str) -> None:
    assert 0 <= grounded(text, source) <= 1
    assert grounded(text, f"{source} {text}") in {0.0, 1.0}
