"""Programming exercises by way of concepts: snippet, concepts, instruction, response, own tests.

OSS-Instruct asks for everything at once, and gets problems that are close to the snippet.
SelfCodeAlign (Wei et al. 2024, arXiv 2410.24198, section 2), from which StarCoder2-15B-Instruct is
trained, asks in three steps: which concepts does a function show; which task has these concepts;
how is it solved, with tests. Each task is solved several times (ten there), all solutions are run
with their own tests, and one that passes is kept. A model can thus teach itself: what it writes is
no better than it, what passes is.

Their seeds are documented functions of The Stack. Models call functions by the same few names, so
theirs are diversified; here the verb at the front of the function's name is drawn among its
synonyms, in problem, solution and tests, before they are run.
"""

import ast
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core import draws
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import fidelity, functions, solving
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.exercises import CHECKS, SHORTEST_PROBLEM, Exercise, Posed
from midtrain_dagster.synthesis.fidelity import remark
from midtrain_dagster.synthesis.functions import function_of
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.programs import parsed
from midtrain_dagster.synthesis.solving import SolvingConfig, one_paragraph
from midtrain_dagster.synthesis.tables import Family
from midtrain_dagster.synthesis.worked_exercises import KNOWN, WORKED_EXAMPLES

VERSION = 2
USES = (draws, fidelity, functions, solving)

MOST_CONCEPTS = 5
LONGEST_CONCEPT = 60  # characters
ASKED_TOKENS = 64
"""Of a completion that names concepts, or says a problem."""

NAMING = "Pieces of Python, each with the programming concepts that it shows."
POSING = "Concepts of programming, each list with a problem in Python that needs them."

Reason = Literal["no_concepts", "unsaid", "unanswered"]

VERBS = (
    ("get", "find", "compute", "calculate", "determine"),
    ("check", "test", "verify"),
    ("make", "create", "build", "generate"),
    ("remove", "delete", "drop"),
    ("convert", "transform", "turn"),
    ("parse", "read"),
)
"""Verbs that say the same at the front of a function's name."""

_SEPARATOR = re.compile(r"[,;\n]")


class Config(SolvingConfig):
    """Exercises in Python about the concepts of documented functions; solutions are run."""

    FAMILY: ClassVar[Family] = "distillation"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = (*get_args(Reason), *CHECKS)

    method: Literal["code_concepts"]
    domain: str = Field(
        default="code_concepts", description="the domain that accepted exercises feed"
    )

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask for concepts, for a problem, for solutions; run what comes back."""
        named = yield Round(prompts(seeds, self.seed), self._asked("\n"))
        sources = {row["id"]: row for row in named.iter_rows(named=True)}
        shown = {name: concepts(str(row["completion"])) for name, row in sources.items()}
        with_some = {name: found for name, found in shown.items() if found}
        posed = yield Round(
            pl.DataFrame(
                [(f"{name}/problem", name, posing(found)) for name, found in with_some.items()],
                schema={"id": pl.String, "of": pl.String, "prompt": pl.String},
                orient="row",
            ),
            self._asked("\n\n", "\nConcepts:"),
        )
        said = {row["of"]: str(row["completion"]) for row in posed.iter_rows(named=True)}
        problems = {name: one_paragraph(text, "Problem") for name, text in said.items()}
        wanted = [
            (name, problem)
            for name, problem in problems.items()
            if len(problem.split()) >= SHORTEST_PROBLEM
        ]
        found = yield from self.solve(pl.DataFrame(wanted, solving.PROBLEMS, orient="row"))
        groups = []
        for name, row in sources.items():
            samples = found.get(name, [])
            if not shown[name]:
                collector.reject(name, "no_concepts", str(row["completion"]))
            elif name not in found:
                collector.reject(name, "unsaid", said.get(name, ""))
            elif not samples:
                collector.reject(name, "unanswered", problems[name])
            else:
                groups.append(
                    [
                        Posed(
                            [name, f"{name}/problem", each.request],
                            each.completion,
                            diversified(each.exercise, draws.place(name, self.seed)),
                            [Seed(row["document"], row["start"], row["stop"])],
                            FieldShown("Function", row["source"], generated=False),
                            {"document": row["document"], "concepts": shown[name]},
                        )
                        for each in samples
                    ]
                )
        return self.sort(groups, collector, known=KNOWN)

    def _asked(self, *stop: str) -> Request:
        return self.request.model_copy(update={"stop": stop, "max_new_tokens": ASKED_TOKENS})


PROMPTS = pl.Schema(
    {
        "id": pl.String,
        "document": pl.String,
        "start": pl.Int64,
        "stop": pl.Int64,
        "source": pl.String,
        "prompt": pl.String,
    }
)


def prompts(documents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """A prompt a document for the concepts of one of its functions, schema ``PROMPTS``."""
    rows: list[tuple[Any, ...]] = []
    for identity, text in documents.select("id", "text").iter_rows():
        found = function_of(text, identity, seed)
        if found is not None:
            place = found.start, found.stop
            name = f"{identity}:{place[0]}-{place[1]}"
            rows.append((name, identity, *place, found.source, naming(found.source)))
    return pl.DataFrame(rows, PROMPTS, orient="row")


def naming(source: str) -> str:
    """The worked examples, and a function whose concepts are asked for."""

    def shown(code: str) -> str:
        return f"Code:\n```\n{code}\n```\nConcepts:"

    worked = [f"{shown(each.snippet)} {each.concepts}" for each in WORKED_EXAMPLES]
    return "\n\n".join([NAMING, *worked, shown(source)])


def posing(found: Sequence[str]) -> str:
    """The worked examples, and concepts of which a problem is asked for."""
    worked = [f"Concepts: {each.concepts}\nProblem: {each.problem}" for each in WORKED_EXAMPLES]
    return "\n\n".join([POSING, *worked, f"Concepts: {', '.join(found)}\nProblem:"])


def concepts(completion: str) -> list[str]:
    """The concepts that a completion names in its first line, each once, five at most."""
    first = completion.strip().removeprefix("Concepts:").strip().partition("\n")[0]
    if remark(first):
        return []
    named = [" ".join(each.split()).strip(" .-*`") for each in _SEPARATOR.split(first)]
    short = [each for each in named if 2 < len(each) <= LONGEST_CONCEPT]
    return list(dict.fromkeys(short))[:MOST_CONCEPTS]


def diversified(exercise: Exercise, drawn: int) -> Exercise:
    """The exercise with another verb at the front of the name of the solution's first function;
    ``drawn`` is any whole number. As it is where the name has no verb that is known, or where the
    new name stands in it already."""
    tree = parsed(exercise.solution)
    name = next(
        (each.name for each in (tree.body if tree else []) if isinstance(each, ast.FunctionDef)), ""
    )
    verb, separator, rest = name.partition("_")
    alike = next((verbs for verbs in VERBS if verb in verbs), ())
    if not rest or not alike:
        return exercise
    other = f"{alike[drawn % len(alike)]}{separator}{rest}"
    if other == name or any(re.search(rf"\b{other}\b", text) for text in exercise[:4]):
        return exercise
    problem, answer, solution, tests = (
        re.sub(rf"\b{name}\b", other, text) for text in exercise[:4]
    )
    return Exercise(problem, answer, solution, tests, exercise.finished)
