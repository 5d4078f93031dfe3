import json
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.methods.math_genie import (
    AUGMENTED,
    CODED,
    SAID,
    TRANSLATED,
    Config,
    solution,
)
from midtrain_dagster.synthesis.programs import parsed

SOLVED = (
    "A farmer has 3 fields, and 4 cows stand in each of them. Two of the cows are sold on Monday. "
    "The others are driven home when the evening comes. How many cows are driven home that day?\n"
    "There are 3 * 4 = 12 cows.\n12 - 2 = 10 are driven home.\n#### 10"
)
NEW = "There are 5 * 4 = 20 cows. 20 - 2 = 18 are left. The answer is 18."
PROBLEM = "There are 5 fields with 4 cows each, and 2 are sold. How many are left?"
PROGRAM = "cows = 5 * 4\nprint(cows - 2)"
WORDS = "5 * 4 = 20 cows stand there. 20 - 2 = 18. The answer is 18."


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"domains": ["web"], "documents": 9, "generator": generator, **fields})


def grown(documents: Any, *said: str, collector: Collector | None = None) -> tuple[Made, Collector]:
    """What is made of one solved problem, with an answer for each round."""
    method = config()
    collector = Collector(method, source="synthetic_it", written_by="it")

    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        assert request.temperature == (0.7 if number == 1 else 0)
        told = [Completion(said[number - 1])] * requests.height
        table = requests.with_columns(key=pl.col("id")).hstack(
            pl.DataFrame(told, COMPLETED, orient="row")
        )
        return Answered(table, [], requests.height)

    return drive(method.make(method.choose(documents(SOLVED)), collector), ask), collector


def test_only_documents_with_a_marked_answer_are_seeds(documents) -> None:
    there = documents(SOLVED, SOLVED.replace("####", "="), SOLVED * 20)
    assert config().choose(there)["id"].to_list() == ["d0"]
    assert solution(SOLVED) == (
        "There are 3 * 4 = 12 cows. 12 - 2 = 10 are driven home. The answer is 10."
    )
    assert solution("No question. The answer is 3.") == "No question. The answer is 3."
    assert solution("Why?") is None


def test_what_program_words_and_solution_agree_on_is_kept(documents) -> None:
    result, collector = grown(documents, f" {NEW}", f" {PROBLEM}", f"\n{PROGRAM}", f" {WORDS}")
    (row,) = result.accepted.documents.rows(named=True)
    assert row["text"] == f"Problem: {PROBLEM}\n\nSolution: {WORDS}"
    described = json.loads(row["metadata"])
    assert described["seeds"] == [{"document": "d0"}]
    assert described["requests"] == ["d0", "d0/problem", "d0/program", "d0/words"]
    assert (described["program"], described["printed"]) == (PROGRAM, "18")
    assert collector.steps == dict.fromkeys(("augment", "translate", "program", "agree"), (1, 1))
    assert result.accepted.rejects.is_empty()


def test_a_program_is_what_stands_in_its_fence(documents) -> None:
    said = f"Here is the program:\n```python\n{PROGRAM}\n```\nIt prints 18."
    result, _ = grown(documents, f" {NEW}", f" {PROBLEM}", said, f" {WORDS}")
    assert json.loads(result.accepted.documents["metadata"][0])["program"] == PROGRAM


@pytest.mark.parametrize(
    ("said", "reason", "steps"),
    [
        (("It is unknown",), "no_answer", 1),
        (("",), "no_answer", 1),
        (("12 - 2 = 10 are driven home. The answer is 10.",), "copy", 1),
        ((AUGMENTED[0][1],), "prompt_echo", 1),
        ((f"Sure! Here is the new solution: {NEW}",), "remark", 1),
        (("It has 9 * 2 = 19 cows. The answer is 19.",), "wrong_calculation", 1),
        ((NEW, f"Sure! Here is the problem: {PROBLEM}"), "remark", 2),
        ((NEW, PROBLEM, PROGRAM, f"Sure! {WORDS}"), "remark", 4),
        ((NEW, PROBLEM, PROGRAM, f"10 + 9 = 20. {WORDS}"), "wrong_calculation", 4),
        ((NEW, "It has cows."), "no_problem", 2),
        ((NEW, "Are there 18 cows?"), "gives_answer", 2),
        ((NEW, TRANSLATED[0][1]), "duplicate", 2),
        ((NEW, PROBLEM, "There are 18 cows"), "no_program", 3),
        ((NEW, PROBLEM, ""), "no_program", 3),
        ((NEW, PROBLEM, "print(1 / 0)"), "program_failed", 3),
        ((NEW, PROBLEM, "cows = 18"), "no_output", 3),
        ((NEW, PROBLEM, "```python\nprint(18)\n```\nas you see", "It is 18"), "not_solved", 4),
        ((NEW, PROBLEM, "print(19)", WORDS), "disagree", 4),
        ((NEW, PROBLEM, PROGRAM, "The answer is 20."), "disagree", 4),
        ((NEW, PROBLEM, "print('9^{9^{9^9}}')", "The answer is x."), "disagree", 4),
    ],
)
def test_rejection_has_its_reason(documents, said: Any, reason: str, steps: int) -> None:
    filled = (*said, *(NEW, "How many?", "print(7)", "The answer is 7.")[len(said) :])
    result, collector = grown(documents, *filled)
    assert result.accepted.documents.is_empty()
    assert result.accepted.rejects["reason"].to_list() == [reason]
    assert len(collector.steps) == steps


def test_worked_examples_follow_from_each_other_and_agree(documents) -> None:
    for (_, new), (same, problem), (asked, program), (again, words) in zip(
        AUGMENTED, TRANSLATED, CODED, SAID, strict=True
    ):
        assert (new, problem) == (same, asked) == (new, again)
        assert parsed(program)
        result, _ = grown(documents, new, f"{problem} Tell.", program, words)
        # An echo of the first example is told before it is looked at any further.
        assert result.accepted.rejects["reason"].to_list() == ["prompt_echo"]
