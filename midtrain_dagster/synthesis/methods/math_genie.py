"""Problems grown out of solved ones, kept where a program and words come to the same answer.

MathGenie (Lu et al. 2024, arXiv 2402.16352) goes from solutions to problems, since a solution that
was changed has its answer with it: a known solution is augmented (other numbers, one step more), a
problem is written that has this solution (back-translation), and the new problem is solved anew
with code. Four rounds here:

1. *augment* a solution that is known to be right;
2. *back-translate* it into a problem;
3. *solve by a program*, which is run in the sandbox and prints the answer;
4. *solve by words*, without being shown any of this.

A document is made where the program's and the words' final answers are equal
(``mathematics.equality``), and differ from nothing that the augmented solution says: its own final
answer has to be theirs too. The paper has a reasoning verifier read the code instead; agreement of
three is what can be checked without one. It does not show that the problem is a sensible one.

The known solutions are documents (a problem, and behind it a solution that ends in a marked answer,
such as GSM8K's ``#### 7``), never a benchmark's: decontamination comes after, and is no excuse.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.mathematics import equality
from midtrain_dagster.mathematics.equality import equal
from midtrain_dagster.mathematics.final_answer import marked_answer
from midtrain_dagster.synthesis import arithmetic, fidelity, passages, programs
from midtrain_dagster.synthesis.arithmetic import equations
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.fidelity import remark
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.passages import STOP, choose_documents, plain
from midtrain_dagster.synthesis.programs import (
    ExecutingConfig,
    parsed,
    python_blocks,
    run_programs,
)
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 2
USES = (arithmetic, equality, fidelity, passages, programs)

LONGEST = 2_000
"""Characters of a document that is taken for a solved problem."""

AUGMENT = "Each solution is changed into a new one: with other numbers, or with one step more."
AUGMENTED = (
    (
        "There are 4 boxes with 6 pens each, which makes 4 * 6 = 24 pens. The answer is 24.",
        "There are 7 boxes with 6 pens each, which makes 7 * 6 = 42 pens. 5 of them are sold, so "
        "42 - 5 = 37 are left. The answer is 37.",
    ),
    (
        "Tom reads 10 pages a day. In 3 days he reads 3 * 10 = 30 pages. The answer is 30.",
        "Tom reads 12 pages a day. In 5 days he reads 5 * 12 = 60 pages. The answer is 60.",
    ),
)
TRANSLATE = "For each solution, the problem that it solves is written. It does not give the answer."
TRANSLATED = (
    (
        "There are 7 boxes with 6 pens each, which makes 7 * 6 = 42 pens. 5 of them are sold, so "
        "42 - 5 = 37 are left. The answer is 37.",
        "A shop has 7 boxes with 6 pens each. It sells 5 pens. How many pens are left?",
    ),
    (
        "Tom reads 12 pages a day. In 5 days he reads 5 * 12 = 60 pages. The answer is 60.",
        "Tom reads 12 pages a day. How many pages does he read in 5 days?",
    ),
)
CODE = "Each problem is solved by a short Python program that prints the answer."
CODED = (
    (
        "A shop has 7 boxes with 6 pens each. It sells 5 pens. How many pens are left?",
        "pens = 7 * 6\nleft = pens - 5\nprint(left)",
    ),
    (
        "Tom reads 12 pages a day. How many pages does he read in 5 days?",
        "pages = 12 * 5\nprint(pages)",
    ),
)
WORDS = "Each problem is solved in short steps. The last sentence gives the answer."
SAID = (
    (
        "A shop has 7 boxes with 6 pens each. It sells 5 pens. How many pens are left?",
        "There are 7 * 6 = 42 pens. After selling 5, 42 - 5 = 37 are left. The answer is 37.",
    ),
    (
        "Tom reads 12 pages a day. How many pages does he read in 5 days?",
        "In 5 days he reads 5 * 12 = 60 pages. The answer is 60.",
    ),
)

Reason = Literal[
    "no_answer",
    "remark",
    "wrong_calculation",
    "copy",
    "prompt_echo",
    "no_problem",
    "gives_answer",
    "duplicate",
    "not_translated",
    "no_program",
    "program_failed",
    "no_output",
    "not_solved",
    "disagree",
]

_FENCE = re.compile(r"^\s*```\w*\n?|```.*$", re.DOTALL)


class Grown(NamedTuple):
    """What came of a solved problem, as far as it went."""

    request: str
    document: str
    solution: str
    """The augmented one."""
    answer: str
    """Its final answer."""
    problem: str = ""
    program: str = ""
    printed: str = ""


class Config(ExecutingConfig):
    """Problems grown out of solved ones, whose answers a program and words agree on."""

    KIND: ClassVar[Kind] = "mathematics"
    FAMILY: ClassVar[Family] = "evolution"
    FORM: ClassVar[str] = "problem_solution"
    THOUGHT: ClassVar[Thought] = "short"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["math_genie"] = "math_genie"
    domains: list[str] = Field(
        min_length=1, description="domains whose documents are problems with their solutions"
    )
    documents: int = Field(gt=0, description="solved problems that are asked about, at most")
    max_new_tokens: int = Field(default=160, gt=0, description="tokens of a completion, at most")
    temperature: float = Field(
        default=0.7, ge=0, le=2, description="of the first round; the others are greedy"
    )
    domain: str = Field(default="grown_problems", description="the domain that problems feed")

    @property
    def request(self) -> Request:
        """How the generator is asked: worked examples end at an empty line."""
        return super().request.model_copy(update={"stop": STOP})

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Documents with a marked final answer, in the order of their draw."""
        short = documents.filter(pl.col("text").str.len_chars() <= LONGEST)
        asked = short.filter(pl.col("domain").is_in(self.domains))
        solved = [solution(text) is not None for text in asked["text"]]
        marked = asked.filter(pl.Series(solved, dtype=pl.Boolean))
        return choose_documents(marked, domains=self.domains, count=self.documents, seed=self.seed)

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Augment, translate back, solve by a program and by words, and compare."""
        rows = [
            (identity, identity, prompt(AUGMENT, ("Solution", "New solution"), AUGMENTED, known))
            for identity, text in seeds.select("id", "text").iter_rows()
            if (known := solution(text)) is not None
        ]
        schema = {"id": pl.String, "document": pl.String, "prompt": pl.String}
        drawn = self.request.model_copy(update={"temperature": self.temperature})
        augmented = yield Round(pl.DataFrame(rows, schema, orient="row"), drawn)
        texts = {
            each: solution(text) or "" for each, text in seeds.select("id", "text").iter_rows()
        }
        grown = [
            each
            for request, document, completion in augmented.select(
                "id", "document", "completion"
            ).iter_rows()
            if (each := _augmented(request, document, completion, texts[document], collector))
        ]
        collector.step("augment", augmented.height, len(grown))
        if grown:
            answers = yield Round(_translations(grown), self.request)
            posed = _translated(grown, _by_id(answers), collector)
            collector.step("translate", len(grown), len(posed))
            grown = posed
        if grown:
            answers = yield Round(_programs(grown), self.request)
            ran = _executed(grown, _by_id(answers), collector)
            collector.step("program", len(grown), len(ran))
            grown = ran
        if grown:
            answers = yield Round(_solutions(grown), self.request)
            said = _by_id(answers)
            kept = sum(
                _agreed(each, said.get(f"{each.request}/words"), collector) for each in grown
            )
            collector.step("agree", len(grown), kept)
        return collector.tables()


def _by_id(answers: pl.DataFrame) -> dict[str, str]:
    return dict(answers.select("id", "completion").iter_rows())


def solution(text: str) -> str | None:
    """The solution of a document: what stands behind its last question mark, if it says what its
    final answer is; on one line, the answer in words."""
    told = text[text.rfind("?") + 1 :].strip().removeprefix("Solution:").strip()
    answer = marked_answer(told)
    if answer is None:
        return None
    before = " ".join(told.partition("####")[0].split())
    return before if "####" not in told else f"{before} The answer is {answer}."


def prompt(
    instruction: str, labels: tuple[str, str], worked: Sequence[tuple[str, str]], asked: str
) -> str:
    """An instruction, worked examples, and what is asked."""
    given, wanted = labels
    parts = [f"{given}: {one}\n{wanted}:{_behind(other)}" for one, other in worked]
    return "\n\n".join([instruction, *parts, f"{given}: {asked}\n{wanted}:"])


def _behind(text: str) -> str:
    return f"\n{text}" if "\n" in text or text.startswith("print") else f" {text}"


def _augmented(
    request: str, document: str, completion: str, known: str, collector: Collector
) -> Grown | None:
    """The new solution of an answer; none: it is rejected."""
    new = " ".join(completion.split())
    answer = marked_answer(new)
    reason: Reason | None = None
    if answer is None:
        reason = "no_answer"
    elif (fault := _fault(new)) is not None:
        reason = fault
    elif plain(new) in plain(known):
        reason = "copy"
    elif any(plain(new) == plain(each) for pair in AUGMENTED for each in pair):
        reason = "prompt_echo"
    if answer is None or reason is not None:
        collector.reject(request, reason or "no_answer", completion)
        return None
    return Grown(request, document, new, answer)


def _fault(said: str) -> Reason | None:
    """What is wrong with a text by itself: it speaks to whoever asked, or miscalculates."""
    if remark(said):
        return "remark"
    return None if all(each.right for each in equations(said)) else "wrong_calculation"


def _asked(grown: Sequence[Grown], suffix: str, prompts: Sequence[str]) -> pl.DataFrame:
    ids = [f"{each.request}/{suffix}" for each in grown]
    return pl.DataFrame({"id": ids, "prompt": prompts}, {"id": pl.String, "prompt": pl.String})


def _translations(grown: Sequence[Grown]) -> pl.DataFrame:
    labels = "Solution", "Problem"
    return _asked(
        grown, "problem", [prompt(TRANSLATE, labels, TRANSLATED, each.solution) for each in grown]
    )


def _programs(grown: Sequence[Grown]) -> pl.DataFrame:
    labels = "Problem", "Program"
    return _asked(grown, "program", [prompt(CODE, labels, CODED, each.problem) for each in grown])


def _solutions(grown: Sequence[Grown]) -> pl.DataFrame:
    labels = "Problem", "Solution"
    return _asked(grown, "words", [prompt(WORDS, labels, SAID, each.problem) for each in grown])


def _translated(grown: Sequence[Grown], found: dict[str, str], collector: Collector) -> list[Grown]:
    """Those whose answer is a problem that does not give its own answer."""
    kept: list[Grown] = []
    seen = {plain(example) for _, example in TRANSLATED}
    for each in grown:
        completion = found.get(f"{each.request}/problem")
        problem = " ".join((completion or "").split())
        reason: Reason | None = None
        if completion is None:
            reason = "not_translated"
        elif "?" not in problem:
            reason = "no_problem"
        elif remark(problem):
            reason = "remark"
        elif f" {plain(each.answer)} " in f" {plain(problem)} ":
            reason = "gives_answer"
        elif plain(problem) in seen:
            reason = "duplicate"
        if reason is not None:
            collector.reject(each.request, reason, completion or each.solution)
            continue
        seen.add(plain(problem))
        kept.append(each._replace(problem=problem))
    return kept


def _executed(grown: Sequence[Grown], found: dict[str, str], collector: Collector) -> list[Grown]:
    """Those whose answer is a program that runs to its end and prints something."""
    written: list[Grown] = []
    for each in grown:
        said = found.get(f"{each.request}/program", "")
        fenced = "\n".join(block.code for block in python_blocks(said))
        program = (fenced or _FENCE.sub("", said)).strip()
        if not program or parsed(program) is None:
            collector.reject(each.request, "no_program", program or each.problem)
            continue
        written.append(each._replace(program=program))
    kept: list[Grown] = []
    for each, ran in zip(written, run_programs([each.program for each in written]), strict=True):
        printed = ran.stdout.strip().rpartition("\n")[2].strip()
        if ran.reason is not None or not printed:
            reason: Reason = "program_failed" if ran.reason else "no_output"
            collector.reject(each.request, reason, each.program)
            continue
        kept.append(each._replace(printed=printed))
    return kept


def _agreed(each: Grown, completion: str | None, collector: Collector) -> bool:
    """Whether words come to what the program printed and the augmented solution says; then it is a
    document."""
    said = marked_answer(completion) if completion else None
    if completion is None or said is None:
        collector.reject(each.request, "not_solved", completion or each.problem)
        return False
    if (fault := _fault(completion)) is not None:
        collector.reject(each.request, fault, completion)
        return False
    if not (equal(said, each.printed) and equal(said, each.answer)):
        collector.reject(each.request, "disagree", f"{completion}\n\n{each.program}")
        return False
    words = " ".join(completion.split())
    collector.accept(
        [each.request, *(f"{each.request}/{step}" for step in ("problem", "program", "words"))],
        f"Problem: {each.problem}\n\nSolution: {words}",
        seeds=[Seed(each.document)],
        shown=[
            FieldShown("Problem", each.problem, generated=True),
            FieldShown("Solution", words, generated=True),
            FieldShown("Program", each.program, generated=True),
            FieldShown("Augmented solution", each.solution, generated=True),
        ],
        language="en",
        scores={"agreement": 1.0},
        metadata={"document": each.document, "program": each.program, "printed": each.printed},
    )
    return True
