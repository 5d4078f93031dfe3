"""Programming problems made harder, one way at a time, and solved: Evol-Instruct for code.

WizardCoder (Luo et al. 2023, arXiv 2306.08568, section 3) has a model make a problem harder in one
of five ways: a further constraint, a usual requirement replaced by a rarer one, more steps of
reasoning, erroneous code as a misleading reference, a bound on time or memory. The harder problem
may be made harder again. As in Evol-Instruct (Xu et al. 2023, arXiv 2304.12244) what brings nothing
new, or speaks of the request that it was made by, is eliminated; the problem before it stands.

Theirs begin with Code Alpaca's problems. Ours begin with documented functions of the corpus:
signature and summary are the first problem, which no model wrote. And answers are run with tests of
their own (``exercises.py``); theirs are not.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core import draws
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import fidelity, functions, solving
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.exercises import CHECKS, Posed
from midtrain_dagster.synthesis.fidelity import remark
from midtrain_dagster.synthesis.functions import function_of
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.solving import SolvingConfig
from midtrain_dagster.synthesis.tables import Family
from midtrain_dagster.synthesis.worked_exercises import KNOWN, WORKED_EXAMPLES

VERSION = 2
USES = (draws, fidelity, functions, solving)

NEW_WORDS = 4
"""Words that a harder problem has and the one before it does not, at least."""
MOST_ADDED = 80
"""Words that it is longer by, at most: what is longer has begun to solve it, or rambles."""
ASKED_TOKENS = 160

STOP = ("\nProblem:", "\nSolution:")

Reason = Literal["unsaid", "speaks_of_the_request", "nothing_new", "runaway", "unanswered"]

OF_THE_REQUEST = (
    *("harder problem", "harder version", "given problem", "original problem", "made harder"),
    *("rewritten", "previous problem"),
)
"""What a problem says that speaks of how it was asked for."""


class Way(NamedTuple):
    """A way to make a problem harder."""

    asked: str
    harder: str
    """The first worked example's problem, made harder in this way."""


WAYS = {
    "constraint": Way(
        "by one further condition, in some ten words",
        "Write a function `clip_all(numbers, low, high)` that returns a new list in which every "
        "number below `low` is replaced by `low`, and every number above `high` by `high`. Where "
        "`low` is above `high`, it raises a ValueError.",
    ),
    "rarer_requirement": Way(
        "by a rarer and more specific requirement in place of a usual one",
        "Write a function `clip_all(numbers, low, high)` that returns a new list in which every "
        "number outside of `low` to `high` is reflected at the bound that it passes: 11 becomes 9 "
        "where `high` is 10.",
    ),
    "reasoning": Way(
        "by asking for more steps of reasoning",
        "Write a function `clip_all(numbers, share)` that first finds the bounds between which the "
        "middle `share` of the sorted numbers lies, and then returns a new list in which every "
        "number is moved to the nearer bound if it lies outside.",
    ),
    "misleading_code": Way(
        "by a piece of wrong code that misleads",
        "Write a function `clip_all(numbers, low, high)` that returns a new list in which every "
        "number below `low` is replaced by `low`, and every number above `high` by `high`. A "
        "colleague has `[min(low, max(number, high)) for number in numbers]`, which is not right.",
    ),
    "complexity": Way(
        "by a bound on time or memory",
        "Write a function `clip_all(numbers, low, high)` that changes a sorted list in place, so "
        "that every number below `low` becomes `low`, and every number above `high` becomes "
        "`high`. It has to find the places of the bounds in logarithmic time.",
    ),
}


class Config(SolvingConfig):
    """Problems in Python made harder, from documented functions on; solutions are run."""

    FAMILY: ClassVar[Family] = "evolution"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = (*get_args(Reason), *CHECKS)

    method: Literal["code_evolution"]
    evolutions: int = Field(default=1, gt=0, le=10, description="times a problem is made harder")
    domain: str = Field(
        default="code_evolution", description="the domain that accepted exercises feed"
    )

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask for harder problems, then for solutions; run what comes back."""
        table = problems(seeds, self.seed)
        begun = {row["id"]: row for row in table.iter_rows(named=True)}
        current: dict[str, str] = {name: row["problem"] for name, row in begun.items()}
        asked: dict[str, list[str]] = {}
        ways: dict[str, list[str]] = {name: [] for name in begun}
        faults: dict[str, tuple[Reason, str]] = {}
        for number in range(self.evolutions):
            answers = yield Round(self._harder(current, number), self._asked)
            for row in answers.iter_rows(named=True):
                name, said = str(row["of"]), harder_problem(str(row["completion"]))
                asked.setdefault(name, []).append(str(row["id"]))
                fault = eliminated(said, current[name], finished=row["finish"] == "stop")
                if fault is None:
                    current[name] = said
                    ways[name].append(str(row["way"]))
                else:
                    faults.setdefault(name, (fault, str(row["completion"])))
            # What failed is a reject already, and is not asked again.
            current = {name: problem for name, problem in current.items() if name in asked}
        evolved = [(name, current[name]) for name in asked if ways[name]]
        found = yield from self.solve(pl.DataFrame(evolved, solving.PROBLEMS, orient="row"))
        groups = []
        for name, requests in asked.items():
            samples = found.get(name, [])
            if not ways[name]:
                collector.reject(requests[0], *faults[name])
            elif not samples:
                collector.reject(requests[0], "unanswered", current[name])
            else:
                row = begun[name]
                groups.append(
                    [
                        Posed(
                            [*requests, each.request],
                            each.completion,
                            each.exercise,
                            [Seed(row["document"], row["start"], row["stop"])],
                            FieldShown("Problem before", row["problem"], generated=False),
                            {"document": row["document"], "ways": ways[name]},
                        )
                        for each in samples
                    ]
                )
        return self.sort(groups, collector, known=KNOWN)

    @property
    def _asked(self) -> Request:
        return self.request.model_copy(update={"stop": STOP, "max_new_tokens": ASKED_TOKENS})

    def _harder(self, current: dict[str, str], number: int) -> pl.DataFrame:
        """The requests of the ``number``-th evolution, from 0: each problem its own way."""
        names = list(WAYS)
        rows = []
        for name, problem in current.items():
            way = names[(draws.place(name, self.seed) + number) % len(names)]
            rows.append((f"{name}/harder-{number + 1}", name, way, prompt(problem, way)))
        schema = {"id": pl.String, "of": pl.String, "way": pl.String, "prompt": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")


PROBLEMS = pl.Schema(
    {
        "id": pl.String,
        "document": pl.String,
        "start": pl.Int64,
        "stop": pl.Int64,
        "problem": pl.String,
    }
)


def problems(documents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The first problem of each document that has a documented function, schema ``PROBLEMS``."""
    rows: list[tuple[Any, ...]] = []
    for identity, text in documents.select("id", "text").iter_rows():
        found = function_of(text, identity, seed)
        if found is not None:
            name = f"{identity}:{found.start}-{found.stop}"
            problem = f"Write a function `{found.signature}`. {found.summary}"
            rows.append((name, identity, found.start, found.stop, problem))
    return pl.DataFrame(rows, PROBLEMS, orient="row")


def prompt(problem: str, way: str) -> str:
    """What is asked, a worked example, and the problem."""
    asked, harder = WAYS[way]
    return "\n\n".join(
        [
            f"Problems in Python, each made harder {asked}.",
            f"Problem: {WORKED_EXAMPLES[0].problem}\nHarder: {harder}",
            f"Problem: {problem}\nHarder:",
        ]
    )


def harder_problem(completion: str) -> str:
    """The problem that a completion says, without a heading that it repeats."""
    return completion.strip().removeprefix("Harder:").strip()


def eliminated(said: str, before: str, *, finished: bool) -> Reason | None:
    """Why a harder problem is none, or nothing; the first reason that holds."""
    words, known = said.lower().split(), set(before.lower().split())
    checks: dict[Reason, bool] = {
        "unsaid": not words or not finished,
        "speaks_of_the_request": remark(said)
        or any(each in said.lower() for each in OF_THE_REQUEST),
        "nothing_new": len(set(words) - known) < NEW_WORDS,
        "runaway": len(words) > len(before.split()) + MOST_ADDED,
    }
    return next((reason for reason, holds in checks.items() if holds), None)
