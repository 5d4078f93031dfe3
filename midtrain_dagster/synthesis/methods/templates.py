"""Problems from templates that compute their answers: reasoning data that is right, at no cost.

Each of some hundred templates (``reasoning_problems.py``: arithmetic, algebra, logic, graphs,
games, ..) draws problems by the seed, at the levels of difficulty that are asked for. Without a
generator a document is a problem and its answer, and no model is needed. OLMo 3 makes such data of
350 templates with Python verifiers (*Verifiable* in dolma3).

With a generator a model writes the reasoning, without seeing the answer, and a document is kept
only if the template itself scores the answer that it ends in as right (rejection sampling, as in
STaR, Zelikman et al. 2022, arXiv 2203.14465, without its rationalisation). A right answer does not
make every step before it right.

Problems are shared out evenly among templates and levels. A template that has only a few problems
repeats itself, which is rejected and counted, not made up for.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.inference.generator import MethodGenerator, Request
from midtrain_dagster.synthesis import collector as collecting
from midtrain_dagster.synthesis import reasoning_problems
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.method_config import SectionConfig
from midtrain_dagster.synthesis.reasoning_problems import (
    Problem,
    Template,
    TemplateError,
    templates,
)
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (reasoning_problems, collecting)

LONGEST = 8_000
"""Characters of a problem: those of arc_agi and rearc may be longer."""
FEWEST_WORDS = 5  # of reasoning, before it counts as such

INSTRUCTION = (
    "Each problem is thought through in short steps. The last line gives the answer alone."
)

WORKED_EXAMPLES = (
    (
        "A box holds 4 rows of 6 pens. 5 pens are taken out. How many are left? Give only the "
        "number.",
        "There are 4 * 6 = 24 pens in the box. Without 5 of them, 24 - 5 = 19 are left.",
        "19",
    ),
    (
        "Sort these words in ascending order: pear, fig, apple. Give them separated by commas.",
        "By their first letters, a comes before f, and f before p: apple, then fig, then pear.",
        "apple, fig, pear",
    ),
    (
        "Every dax is a wug. No wug is a fep. Can a dax be a fep? Answer Yes or No.",
        "A dax is always a wug, and what is a wug is never a fep. So a dax is never a fep.",
        "No",
    ),
)

STOP = ("\n\nProblem:",)

Reason = Literal[
    "too_long", "fails_own_check", "duplicate", "no_answer", "no_reasoning", "wrong_answer"
]

DRAWN = pl.Schema({"template": pl.String(), "level": pl.Int64(), "problems": pl.Int64()})
"""How many problems each template gives at a level; null: as its authors set it."""


class Reasoned(NamedTuple):
    """A completion taken apart; empty is what is not there."""

    reasoning: str
    answer: str


class Config(SectionConfig):
    """Problems whose answers are computed, and reasoning of a model that ends in them."""

    KIND: ClassVar[Kind] = "mathematics"
    FAMILY: ClassVar[Family] = "evolution"
    FORM: ClassVar[str] = "problem"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["templates"] = "templates"
    problems: int = Field(gt=0, description="problems drawn, over all templates and levels")
    templates: list[str] = Field(
        default=[],
        description="templates of reasoning-gym, or whole categories: algebra, algorithmic, arc, "
        "arithmetic, code, cognition, games, geometry, graphs, induction, logic, probability; "
        "empty: all that can be used",
    )
    levels: list[Annotated[int, Field(ge=0, le=9)]] = Field(
        default=[],
        description="levels of difficulty, from 0; one above a template's highest is its highest. "
        "Empty: as the template's authors set it",
    )
    settings: dict[str, dict[str, Any]] = Field(
        default={}, description="fields of a template's own configuration, by its name"
    )
    domain: str = Field(default="problems", description="the domain that problems feed")
    generator: MethodGenerator | None = None
    """The model that writes the reasoning; without one there is none."""
    max_new_tokens: int = Field(default=256, gt=0, description="tokens of a completion, at most")

    @property
    def domains(self) -> Sequence[str]:
        """None: the seeds are templates."""
        return ()

    @property
    def documents(self) -> int:
        """As many as there are problems, at most."""
        return self.problems

    @property
    def _levels(self) -> Sequence[int | None]:
        return self.levels or (None,)

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """Templates and settings that there are not, and what the generator lacks."""
        try:
            chosen = templates(self.templates, answered=self.generator is None)
        except TemplateError as error:
            yield Finding(("templates",), str(error))
            return
        for name in sorted({*self.settings} - {*chosen}):
            yield Finding(("settings", name), "no template of this name is asked for")
        for name in chosen:
            for level in self._levels:
                try:
                    self._template(name, level, 1)
                except TemplateError as error:
                    yield Finding(("settings", name), str(error))
        if self.generator is not None:
            yield from (each.below("generator") for each in self.generator.findings(find))
        yield from super().findings(find)

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """How many problems each template gives at each level (``DRAWN``): as equal as can be."""
        chosen = templates(self.templates, answered=self.generator is None)
        pairs = [(name, level) for level in self._levels for name in chosen]
        least, more = divmod(self.problems, len(pairs))
        counts = [least + (at < more) for at in range(len(pairs))]
        rows = [(*pair, count) for pair, count in zip(pairs, counts, strict=True) if count]
        return pl.DataFrame(rows, DRAWN, orient="row")

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Draw the problems; where there is a generator, have it solve each, and look at it."""
        made = dict(self._drawn(seeds, collector))
        if self.generator is None:
            for _, problem in made.values():
                accept(collector, problem, problem.answer or "")
            return collector.tables()
        request = Request(
            generator=self.generator,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
            stop=STOP,
        )
        rows = [(identity, prompt(problem.question)) for identity, (_, problem) in made.items()]
        asked = pl.DataFrame(rows, {"id": pl.String, "prompt": pl.String}, orient="row")
        answered = yield Round(asked, request)
        for identity, completion in answered.select("id", "completion").iter_rows():
            template, problem = made[identity]
            said = parse(completion)
            reason = _reason(said, template, problem)
            if reason is not None:
                collector.reject(identity, reason, completion)
                continue
            accept(collector, problem, said.answer, said.reasoning)
        return collector.tables()

    def _template(self, name: str, level: int | None, size: int) -> Template:
        settings = self.settings.get(name, {})
        return Template(name, level=level, settings=settings, seed=self.seed, size=size)

    def _drawn(
        self, seeds: pl.DataFrame, collector: Collector
    ) -> Iterator[tuple[str, tuple[Template, Problem]]]:
        """The problems that can be asked, by their ids; the others are rejected."""
        seen: set[str] = set()
        for name, level, size in seeds.select(DRAWN.names()).iter_rows():
            template = self._template(name, level, size)
            for problem in template.problems():
                reason: Reason | None = None
                if len(problem.question) > LONGEST:
                    reason = "too_long"
                elif problem.question in seen:
                    reason = "duplicate"
                elif problem.answer is not None and not template.passes(problem):
                    reason = "fails_own_check"
                if reason is not None:
                    collector.reject(problem.id, reason, problem.question)
                    continue
                seen.add(problem.question)
                yield problem.id, (template, problem)


def prompt(question: str) -> str:
    """The worked examples, and the problem."""
    worked = [
        f"Problem: {asked}\nReasoning: {reasoning}\nAnswer: {answer}"
        for asked, reasoning, answer in WORKED_EXAMPLES
    ]
    return "\n\n".join([INSTRUCTION, *worked, f"Problem: {question}\nReasoning:"])


def parse(completion: str) -> Reasoned:
    """What stands before and behind the last line that begins with "Answer:"."""
    reasoning, marker, answer = f"\n{completion}".rpartition("\nAnswer:")
    return Reasoned(reasoning.strip(), answer.strip() if marker else "")


def accept(collector: Collector, problem: Problem, answer: str, reasoning: str = "") -> None:
    """A document of the problem, the reasoning where there is some, and the answer."""
    parts = [problem.question, *([reasoning] if reasoning else []), f"Answer: {answer}"]
    thought = [FieldShown("Reasoning", reasoning, generated=True)] if reasoning else []
    collector.accept(
        problem.id,
        "\n\n".join(parts),
        seeds=[Seed(name=f"reasoning_gym/{problem.template}")],
        shown=[
            *thought,
            FieldShown("Answer", answer, generated=bool(reasoning)),
            FieldShown("Problem", problem.question, generated=False),
        ],
        language="en",
        thought="short" if reasoning else "none",
        scores={"verified": 1.0},
        metadata={
            "template": problem.template,
            "category": problem.category,
            **({} if problem.level is None else {"level": problem.level}),
        },
    )


def _reason(said: Reasoned, template: Template, problem: Problem) -> Reason | None:
    """Why a solution is rejected, or none; the first reason that holds is the one counted."""
    if not said.answer:
        return "no_answer"
    if len(said.reasoning.split()) < FEWEST_WORDS:
        return "no_reasoning"
    return None if template.holds(problem, said.answer) else "wrong_answer"
