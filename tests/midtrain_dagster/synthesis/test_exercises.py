"""Exercises in answers, and the rules that they are held against, with real programs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.exercises import (
    CHECKS,
    Exercise,
    bare,
    faults,
    hollow,
    parse,
    program_of,
)

PROBLEM = "Write a function `double(x)` that doubles a number."
SOLUTION = "def double(x):\n    return 2 * x\n"
TESTS = "assert double(2) == 4\nassert double(0) == 0\n"


def answer(problem: str = PROBLEM, solution: str = SOLUTION, tests: str = TESTS) -> str:
    tested = f"\nTests:\n```python\n{tests}```\n" if tests else ""
    return f" {problem}\nSolution:\n```python\n{solution}```{tested}"


@pytest.mark.parametrize(
    "completion",
    [
        answer(),
        "Problem: " + answer().strip(),
        f"Sure! Here is a problem like that snippet:\n\nProblem: {answer().strip()}",
        f"## Problem Description\n{PROBLEM}\n\n## Solution\n```py\n{SOLUTION}```\n### Tests\n"
        f"~~~python\n{TESTS}~~~\nSolution: it is done.",
        f"**Instruction:** {PROBLEM}\n[Solution]\n```\n{SOLUTION}```\n**Test**\n```\n{TESTS}```",
    ],
)
def test_sections_are_found_under_headings(completion: str) -> None:
    found = parse(completion, finished=True)
    assert (found.problem, found.solution, found.tests) == (PROBLEM, SOLUTION, TESTS)
    assert found.finished


def test_a_comment_of_a_program_is_no_heading() -> None:
    code = "x = 1\n# Tests\n# Solution:\nassert x == 1\n"
    found = parse(answer(solution=code, tests=""), finished=True)
    assert (found.solution, found.tests) == (code, "")


def test_programs_are_the_blocks_that_are_called_python() -> None:
    text = "```\nout\n```\n```python\na = 1\n```\nand\n```py\nb = 2\n```"
    assert program_of(text) == "a = 1\n\nb = 2\n"
    assert program_of("```\na\n```\n```bash\nls\n```") == "a\n"
    assert program_of("none") == ""


FAULTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "sound": ({}, None),
    "cut": ({"finished": False}, "unfinished"),
    "no words": ({"problem": "Double it."}, "no_problem"),
    "no code": ({"solution": "\n"}, "no_solution"),
    "no tests": ({"tests": ""}, "no_tests"),
    "of the prompt": ({"problem": f"Known  {PROBLEM}"}, "prompt_echo"),
    "given away": ({"problem": f"{PROBLEM}\n```py\n{SOLUTION}\n```"}, "solution_in_problem"),
    "no Python": ({"solution": "def double(x) {}"}, "not_python"),
    "no Python in tests": ({"tests": "assert ("}, "not_python"),
    "wrong": ({"tests": "assert double(2) == 5"}, "failed"),
    "left early": ({"solution": f"{SOLUTION}\nexit()"}, "ended_early"),
    "says nothing": ({"tests": "assert True"}, "tests_hold_for_anything"),
    "its own": ({"tests": f"{SOLUTION}\nassert double(1) == 2"}, "tests_hold_for_anything"),
    "type alone": ({"tests": "assert callable(double)"}, "tests_hold_for_anything"),
    "reads the tests": (
        {
            "solution": "import re\ndef double(x):\n"
            "    return int(re.search(rf'double.{x}. == (\\d+)', open(__file__).read())[1])\n"
        },
        "holds_for_other_tests",
    ),
    "equal to all": (
        {
            "solution": "class All:\n    def __eq__(self, other):\n        return True\n"
            "def double(x):\n    return All()\n"
        },
        "holds_for_other_tests",
    ),
    "no check": ({"tests": "print(double(2).bit_length())"}, "tests_hold_for_anything"),
    "for pytest": ({"tests": "def test_two():\n    assert double(2) == 4\n"}, None),
    "for pytest, wrong": ({"tests": "def test_two():\n    assert double(2) == 5\n"}, "failed"),
    "talks of it": ({"problem": f"Sure! Here is it. {PROBLEM}"}, "remark"),
    "talks in it": ({"answer": f"Certainly! Here we go:\n{SOLUTION}"}, "remark"),
    "lambda": ({"solution": "double = lambda x: 2 * x"}, None),
    "a class": (
        {
            "solution": "class Box:\n    def get(self):\n        return 7\n",
            "tests": "assert Box().get() == 7",
        },
        None,
    ),
}


def test_each_fault_has_its_reason() -> None:
    found = parse(answer(), finished=True)
    exercises = [found._replace(**changed) for changed, _ in FAULTS.values()]
    told = faults(exercises, require_tests=True, known=[f"Known {PROBLEM}"])
    assert dict(zip(FAULTS, told, strict=True)) == {name: why for name, (_, why) in FAULTS.items()}
    assert {why for _, why in FAULTS.values() if why} <= set(CHECKS)


def test_without_tests_a_solution_has_to_run() -> None:
    found = parse(answer(tests=""), finished=True)
    broken = found._replace(solution="import nothing_of_the_kind")
    assert faults([found, broken], require_tests=False) == [None, "failed"]


def test_a_hollow_program_returns_none_everywhere() -> None:
    scope: dict[str, Any] = {}
    source = "K = 3\nclass A:\n    def f(self): return K\ndef g():\n    yield 1\nh = lambda: 1"
    exec(hollow(source), scope)
    assert (scope["K"], scope["A"]().f(), scope["g"](), scope["h"]()) == (3, None, None, None)
    assert hollow("def (") == ""


WORDS = st.sampled_from(
    ["Problem:", "Solution:", "## Tests", "\n", "```", "```python", "x = 1", " ", "Test", "*_#[ "]
)


@given(st.lists(WORDS, max_size=30), st.booleans())
def test_any_answer_is_parsed(words: list[str], finished: bool) -> None:
    found = parse("".join(words), finished=finished)
    assert isinstance(found, Exercise)
    assert bare(found.solution) in bare("".join(words))
    assert not found.finished or finished


def test_hostile_length_is_parsed_in_one_pass() -> None:
    for text in ("#" * 500_000, "*_[" * 200_000, "Solution:\n" * 20_000, "solution " * 50_000):
        assert parse(text, finished=True).solution == ""
