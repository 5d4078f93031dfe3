"""Programming exercises in answers: a problem, its solution, tests; held against rules, and run.

Methods that make exercises differ in how they ask. What an exercise is, and when it may be trained
on, is the same: the answer came to its end, both parts are there, the solution is Python and does
not stand in the problem already, solution and tests run to their last line in the sandbox.

A model that writes both can make tests that say nothing. So functions that pytest would call are
called, and the tests are run twice more: with every function of the solution replaced by one that
returns None, and with other expected values (``exercise_tests.py``). What passes then too is
rejected. That tests agree with a solution does not show that either does what the problem asks.
"""

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.synthesis import collector as collecting
from midtrain_dagster.synthesis import exercise_tests, fidelity, passages, programs
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.exercise_tests import (
    assertions,
    calls,
    checks,
    with_other_answers,
)
from midtrain_dagster.synthesis.fidelity import remark
from midtrain_dagster.synthesis.passages import choose_documents
from midtrain_dagster.synthesis.programs import (
    PYTHON,
    ExecutingConfig,
    code_blocks,
    parsed,
    run_programs,
)
from midtrain_dagster.synthesis.tables import Accepted, Thought

VERSION = 2
USES = (collecting, exercise_tests, fidelity, passages, programs)

SHORTEST_PROBLEM = 5  # words

Fault = Literal[
    "unfinished",
    "no_problem",
    "no_solution",
    "no_tests",
    "remark",
    "prompt_echo",
    "solution_in_problem",
    "not_python",
    "tests_hold_for_anything",
    "holds_for_other_tests",
    "duplicate",
]
Reason = Literal[Fault, programs.Reason]

CHECKS: tuple[Reason, ...] = (*get_args(Fault), *get_args(programs.Reason))

_HEADING = re.compile(
    r"^[ \t#*\[_]*(problem|instruction|solution|tests?)(?: description)?[ \t*\]_]*(?::[ \t*_]*|$)",
    re.IGNORECASE | re.MULTILINE,
)
_SECTIONS = {"instruction": "problem", "test": "tests"}


class Exercise(NamedTuple):
    """What an answer has of an exercise; an empty text for what is not there."""

    problem: str
    answer: str
    """The section of the solution as it stands, in Markdown."""
    solution: str
    """The program in it."""
    tests: str
    """The program that tests the solution, run behind it."""
    finished: bool
    """Whether the answer came to its end."""


class Posed(NamedTuple):
    """An exercise, and where it is from."""

    requests: Sequence[str]
    completion: str
    exercise: Exercise
    seeds: Sequence[Seed]
    shown: FieldShown
    """What it was made of."""
    metadata: Mapping[str, Any]


class ExerciseConfig(ExecutingConfig):
    """Which code is asked about, and what an exercise needs: the sections' common fields."""

    KIND: ClassVar[Kind] = "code"
    FORM: ClassVar[str] = "programming_exercise"
    THOUGHT: ClassVar[Thought] = "none"
    CHECKS: ClassVar[Sequence[str]] = CHECKS

    domains: list[str] = Field(min_length=1, description="domains whose documents are code")
    documents: int = Field(gt=0, description="documents asked, drawn by a hash of their ids")
    max_new_tokens: int = Field(default=512, gt=0, description="tokens of a completion, at most")
    require_tests: bool = Field(
        default=True,
        description="take exercises with tests alone; otherwise a solution without tests only has "
        "to run",
    )

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents to ask about: see ``passages.choose_documents``."""
        return choose_documents(
            documents, domains=self.domains, count=self.documents, seed=self.seed
        )

    def sort(
        self, samples: Iterable[Sequence[Posed]], collector: Collector, *, known: Collection[str]
    ) -> Accepted:
        """Accept of each request's samples the first that passes, or reject it with the reason of
        its first one. ``known`` are problems and programs of worked examples."""
        groups = list(samples)
        found = iter(
            faults(
                [each.exercise for group in groups for each in group],
                require_tests=self.require_tests,
                known=known,
            )
        )
        seen: set[str] = set()
        for group in groups:
            reasons: list[Reason | None] = [next(found) for _ in group]
            for at, posed in enumerate(group):
                marks = {bare(posed.exercise.problem), bare(posed.exercise.solution)}
                if reasons[at] is None and marks & seen:
                    reasons[at] = "duplicate"
                if reasons[at] is None:
                    seen |= marks
                    _accept(posed, collector)
                    break
            else:
                collector.reject(group[0].requests[0], str(reasons[0]), group[0].completion)
        return collector.tables()


def _accept(posed: Posed, collector: Collector) -> None:
    problem, answer, _, tests, _ = posed.exercise
    collector.accept(
        posed.requests,
        f"{problem}\n\n{answer}\n",
        seeds=posed.seeds,
        shown=[
            FieldShown("Problem", problem, generated=True),
            FieldShown("Solution", answer, generated=True),
            FieldShown("Tests", tests, generated=True),
            posed.shown,
        ],
        format="markdown",
        scores={"assertions": float(assertions(tests))},
        metadata={"tests": tests, **posed.metadata},
    )


def parse(completion: str, *, finished: bool) -> Exercise:
    """The exercise in an answer: sections under headings, of which the problem's may be missing."""
    blocks = code_blocks(completion)
    marks = [
        (_named(found[1]), found.start(), found.end())
        for found in _HEADING.finditer(completion)
        if not any(block.start <= found.start() < block.stop for block in blocks)
    ]
    # What stands before a problem that is called so is said to whoever asked.
    first = "" if any(name == "problem" for name, _, _ in marks) else "problem"
    bounds = [(first, 0, 0), *marks, ("", len(completion), len(completion))]
    sections: dict[str, str] = {}
    for (name, _, start), (_, stop, _) in pairwise(bounds):
        text = completion[start:stop].strip()
        if text:
            sections.setdefault(name, text)
    answer = sections.get("solution", "")
    return Exercise(
        sections.get("problem", ""),
        answer,
        program_of(answer),
        program_of(sections.get("tests", "")),
        finished and all(block.closed for block in blocks),
    )


def _named(heading: str) -> str:
    name = heading.lower()
    return _SECTIONS.get(name, name)


def program_of(text: str) -> str:
    """The code blocks that are called Python, one behind the other; without one, those that are
    called nothing."""
    blocks = code_blocks(text)
    named = [block.code for block in blocks if block.language in PYTHON]
    return "\n".join(named or [block.code for block in blocks if not block.language])


def bare(text: str) -> str:
    """A text without white space: what duplicates have in common."""
    return "".join(text.split())


def faults(
    exercises: Sequence[Exercise], *, require_tests: bool, known: Collection[str] = ()
) -> list[Reason | None]:
    """Why each exercise is rejected, or none: the first reason that holds. All are run at once."""
    echoes = {bare(each) for each in known}
    found: list[Reason | None] = [
        _fault(each, require_tests=require_tests, echoes=echoes) for each in exercises
    ]
    sound = [at for at, fault in enumerate(found) if fault is None]
    ran = run_programs([_with_tests(exercises[at].solution, exercises[at]) for at in sound])
    for at, each in zip(sound, ran, strict=True):
        found[at] = each.reason
    tested = [at for at in sound if found[at] is None and exercises[at].tests]
    ran = run_programs(
        [_with_tests(hollow(exercises[at].solution), exercises[at]) for at in tested]
    )
    for at, each in zip(tested, ran, strict=True):
        if each.reason is None:
            found[at] = "tests_hold_for_anything"
    others = {at: with_other_answers(exercises[at].tests) for at in tested if found[at] is None}
    asked = [at for at, tests in others.items() if tests]
    ran = run_programs(
        [
            _with_tests(exercises[at].solution, exercises[at]._replace(tests=others[at]))
            for at in asked
        ]
    )
    for at, each in zip(asked, ran, strict=True):
        if each.reason is None:
            found[at] = "holds_for_other_tests"
    return found


def _with_tests(solution: str, exercise: Exercise) -> str:
    return f"{solution}\n\n{exercise.tests}\n{calls(exercise.tests)}"


def _fault(exercise: Exercise, *, require_tests: bool, echoes: Collection[str]) -> Fault | None:
    problem, answer, solution, tests, finished = exercise
    within = {bare(block.code) for block in code_blocks(problem)}
    broken: dict[Fault, bool] = {
        "unfinished": not finished,
        "no_problem": len(problem.split()) < SHORTEST_PROBLEM,
        "no_solution": not solution.strip(),
        "no_tests": require_tests and not tests.strip(),
        "remark": remark(problem) or remark(answer),
        "prompt_echo": bare(problem) in echoes or bare(solution) in echoes,
        "solution_in_problem": bare(solution) in within,
        "not_python": parsed(solution) is None or parsed(tests) is None,
        "tests_hold_for_anything": bool(tests.strip()) and not checks(tests),
    }
    return next((reason for reason, holds in broken.items() if holds), None)


class _Hollow(ast.NodeTransformer):
    """Takes the body out of every function."""

    def _emptied(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.body = [ast.Return(ast.Constant(None))]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _emptied  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.body = ast.Constant(None)
        return node


def hollow(solution: str) -> str:
    """The program with every function returning None; an empty one where it has no Python."""
    tree = parsed(solution)
    if tree is None:
        return ""
    try:
        return ast.unparse(ast.fix_missing_locations(_Hollow().visit(tree)))
    except RecursionError:
        return ""
