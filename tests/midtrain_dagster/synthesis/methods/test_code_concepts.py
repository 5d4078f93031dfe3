"""Snippet, concepts, problem, solutions: with scripted answers, and real programs."""

import json
from typing import Any

import pytest

from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.exercises import parse
from midtrain_dagster.synthesis.methods.code_concepts import (
    VERBS,
    Config,
    concepts,
    diversified,
    prompts,
)
from midtrain_dagster.synthesis.solving import STOP, one_paragraph
from midtrain_dagster.synthesis.worked_exercises import WORKED_EXAMPLES
from tests.scripted_answers import made_by

CODE = (
    'def area(radius):\n    """The area of a circle with that radius."""\n'
    "    return 3.14 * radius ** 2\n\n\n" + "# A comment, so that it is long enough.\n" * 6
)
RIGHT = (
    "\n```python\ndef get_double(x):\n    return 2 * x\n```\n"
    "Tests:\n```python\nassert get_double(2) == 4\n```"
)
WRONG = RIGHT.replace("2 * x", "3 * x")


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    given = {"method": "code_concepts", "domains": ["code"], "documents": 10, "samples": 3}
    return Config(**{**given, "generator": generator, **fields})


def test_each_step_is_asked_about_what_came_of_the_one_before(documents: Any) -> None:
    texts = [f"# {n}\n{CODE}" for n in range(5)]
    sources = documents(*texts, "nothing = 'of interest'  # at all\n" * 9, domain="code")
    method = config(temperature=0.3)
    order = {identity: n for n, identity in enumerate(prompts(sources, 0)["document"])}
    requests: list[tuple[int, Request]] = []

    def script(row: dict[str, Any], number: int, request: Request) -> str | Completion:
        requests.append((number, request))
        which = order[row["id"].partition(":")[0]]
        if number == 1:
            assert row["prompt"].endswith("Concepts:")
            return "" if which == 1 else f" circles, areas {which}, circles.\nCode:"
        if number == 2:
            assert f"Concepts: circles, areas {which}\nProblem:" in row["prompt"]
            assert which != 1
            return "No." if which == 2 else f" Write `get_double(x)`, in round {which}.\n\nMore"
        assert row["prompt"].endswith(f"`get_double(x)`, in round {which}.\nSolution:")
        if which == 3:
            return Completion("", fault="failed", detail="broken")
        if which == 4:
            return WRONG
        return RIGHT if number == 4 else WRONG

    made = made_by(method, sources, script)
    assert {number for number, _ in requests} == {1, 2, 3, 4, 5}
    of_samples = [request for number, request in requests if number >= 3]
    assert {request.seed for request in of_samples} == {0, 1, 2}
    assert {(request.temperature, request.stop) for request in of_samples} == {(0.3, STOP)}
    (document,) = made.accepted.documents.rows(named=True)
    described = json.loads(document["metadata"])
    name = described["requests"][0]
    assert described["requests"] == [name, f"{name}/problem", f"{name}/solution-2"]
    assert described["concepts"] == ["circles", "areas 0"]
    called = document["text"].partition("`")[2].partition("(")[0]
    assert called in {f"{verb}_double" for verb in VERBS[0]}
    assert document["text"].count(called) == 2
    assert called in described["tests"]
    (seed,) = described["seeds"]
    assert texts[0].encode()[seed["start"] : seed["stop"]].decode().startswith("def area")
    reasons = dict(made.accepted.rejects.select("id", "reason").iter_rows())
    assert sorted(reasons.values()) == ["failed", "no_concepts", "unanswered", "unsaid"]
    assert len(reasons) == 4


def test_a_generator_that_says_nothing_ends_in_rejects(documents: Any) -> None:
    made = made_by(config(), documents(CODE, domain="code"), lambda *_: " ")
    assert made.accepted.rejects["reason"].to_list() == ["no_concepts"]


@pytest.mark.parametrize(
    ("completion", "found"),
    [
        (" recursion, trees, recursion", ["recursion", "trees"]),
        ("Concepts: - a list; `dict`\nCode: x", ["a list", "dict"]),
        ("a, b, ", []),
        ("Sure! Here are the concepts:\n- a list", []),
        ("x" * 100_000, []),
        (",".join(map(str, range(100, 200))), [str(each) for each in range(100, 105)]),
    ],
)
def test_concepts_are_the_first_line(completion: str, found: list[str]) -> None:
    assert concepts(completion) == found


def test_worked_concepts_are_concepts() -> None:
    for each in WORKED_EXAMPLES:
        assert ", ".join(concepts(each.concepts)) == each.concepts


def test_names_of_functions_are_diversified() -> None:
    exercise = parse(f"Write `get_double(x)`, which doubles.\nSolution:{RIGHT}", finished=True)
    names = set()
    for drawn in range(len(VERBS[0])):
        found = diversified(exercise, drawn)
        name = f"{VERBS[0][drawn]}_double"
        names.add(name)
        assert [text.count(name) for text in found[:4]] == [1, 1, 1, 1]
    assert len(names) == len(VERBS[0])
    taken = exercise._replace(problem="Unlike find_double, get_double doubles.")
    assert diversified(taken, 1) == taken
    for solution in ("def double(x): pass", "def go_home(x): pass", "x = 1", "def ("):
        other = exercise._replace(solution=solution)
        assert diversified(other, 1) == other


@pytest.mark.parametrize(
    ("completion", "problem"),
    [
        (" Write it.\nNow.\n\nSolution", "Write it. Now."),
        ("**Problem:** Write it.", "Write it."),
        ("Sure! Here is a problem about these concepts:\n\nProblem: Write it.", "Write it."),
        ("Sure! Here is a problem about these concepts:", ""),
    ],
)
def test_a_problem_is_a_paragraph_that_speaks_to_nobody(completion: str, problem: str) -> None:
    assert one_paragraph(completion, "Problem") == problem
