"""Problems that a generator solves, with tests of its own: several samples, one of them to pass.

The first sample that passes is taken (``exercises.py``). Samples are rounds with seeds of their
own, so a run that is taken up again asks for those alone that lack.
"""

from collections.abc import Generator
from typing import Any, NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import exercises, fidelity, worked_exercises
from midtrain_dagster.synthesis.exercises import Exercise, ExerciseConfig, parse
from midtrain_dagster.synthesis.fidelity import remark, without_opening
from midtrain_dagster.synthesis.method import Round
from midtrain_dagster.synthesis.worked_exercises import WORKED_EXAMPLES, answered

VERSION = 2
USES = (exercises, fidelity, worked_exercises)

INSTRUCTION = (
    "Problems in Python, each with a solution that uses the standard library alone, and with tests "
    "of the solution."
)
STOP = ("\nProblem:",)

PROBLEMS = pl.Schema({"id": pl.String(), "problem": pl.String()})
"""Problems to be solved, by the request that they are of."""


class Solved(NamedTuple):
    """A sample: the request, what came back, and the exercise in it."""

    request: str
    completion: str
    exercise: Exercise


Solving = Generator[Round, pl.DataFrame, dict[str, list[Solved]]]


class SolvingConfig(ExerciseConfig):
    """How problems are solved: the sections' common fields."""

    samples: int = Field(default=4, gt=0, description="solutions asked of each problem")
    temperature: float = Field(default=0.7, ge=0, description="of solutions; 0: greedy, all alike")

    def solve(self, problems: pl.DataFrame) -> Solving:
        """Ask for solutions of all problems (``PROBLEMS``); by the problem's id, its samples."""
        found: dict[str, list[Solved]] = {identity: [] for identity in problems["id"]}
        texts = dict(problems.select("id", "problem").iter_rows())
        for number in range(self.samples if problems.height else 0):
            asked = problems.select(
                "id",
                prompt=pl.Series([prompt(text) for text in texts.values()], dtype=pl.String),
            ).with_columns(of="id", id=pl.format("{}/solution-{}", "id", pl.lit(number + 1)))
            answers = yield Round(asked, self._sampled(number))
            for row in answers.iter_rows(named=True):
                found[row["of"]].append(_solved(row, texts[row["of"]]))
        return found

    def _sampled(self, number: int) -> Request:
        changed: dict[str, Any] = {"seed": self.seed + number, "stop": STOP}
        return self.request.model_copy(update={**changed, "temperature": self.temperature})


def _solved(row: dict[str, Any], problem: str) -> Solved:
    completion = str(row["completion"])
    whole = f"{problem}\nSolution:\n{completion}"
    return Solved(str(row["id"]), completion, parse(whole, finished=row["finish"] == "stop"))


def prompt(problem: str) -> str:
    """The worked examples, and the problem."""
    worked = [f"Problem: {answered(each)}" for each in WORKED_EXAMPLES]
    return "\n\n".join([INSTRUCTION, *worked, f"Problem: {problem}\nSolution:"])


def one_paragraph(completion: str, heading: str) -> str:
    """What a completion says in its first paragraph, without a heading that it repeats, or what it
    says to whoever asked."""
    said = without_opening(completion, f"{heading}:", f"**{heading}:**", f"**{heading}**:")
    first, _, rest = said.strip().partition("\n\n")
    if remark(first) and rest:
        return one_paragraph(rest, heading)
    return "" if remark(first) else " ".join(first.split())
