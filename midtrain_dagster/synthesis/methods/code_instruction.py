"""Programming exercises inspired by snippets of code: OSS-Instruct.

A model that is asked for exercises writes the same few again and again. Wei et al. (Magicoder,
arXiv 2312.02120, section 2.1) show it some lines of real code instead, as an inspiration: one to
fifteen consecutive lines, from a random start of a document. What comes back is kept if the answer
came to its end and has both parts, if no part was seen before (white space aside), and if no code
block of the solution stands in the problem: these are theirs. That solutions are **run**, with
tests that the model writes as well, is ours (``exercises.py``). Theirs may be in any language; ours
are in Python, which the sandbox runs.

The prompt has three worked examples, since a small model needs them, and is the same for an
endpoint. Of 16 snippets SmolLM2-135M-Instruct made 2 exercises that pass: 9 failed their own tests.
"""

from collections.abc import Sequence
from textwrap import dedent
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from midtrain_dagster.core import draws
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import exercises, worked_exercises
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.exercises import ExerciseConfig, Posed, bare, parse
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.tables import Family
from midtrain_dagster.synthesis.worked_exercises import KNOWN, WORKED_EXAMPLES, answered

VERSION = 1
USES = (draws, exercises, worked_exercises)

MOST_LINES = 15
FEWEST_LETTERS = 10
"""Of a snippet: what has fewer is brackets and blank lines."""
DRAWS = 8
"""Places of a document that are tried for a snippet with letters."""

STOP = ("\nSnippet:",)

INSTRUCTION = (
    "Small exercises in Python, each inspired by a snippet of code. Each has a problem that can be "
    "understood without the snippet, a solution with the standard library alone, and tests."
)


class Config(ExerciseConfig):
    """Exercises in Python that a model writes after some lines of code; solutions are run."""

    FAMILY: ClassVar[Family] = "distillation"
    PROMPT_VERSION: ClassVar[int] = 1

    method: Literal["code_instruction"]
    domain: str = Field(
        default="code_instructions", description="the domain that accepted exercises feed"
    )

    @property
    def request(self) -> Request:
        """How the generator is asked: an exercise ends where the next would begin."""
        return super().request.model_copy(update={"stop": STOP})

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask once about each document, and run what comes back."""
        answers = yield Round(prompts(seeds, self.seed), self.request)
        return self.sort(map(_posed, answers.iter_rows(named=True)), collector, known=KNOWN)


def _posed(row: dict[str, Any]) -> Sequence[Posed]:
    return [
        Posed(
            [row["id"]],
            row["completion"],
            parse(row["completion"], finished=row["finish"] == "stop"),
            [Seed(row["document"], row["start"], row["stop"])],
            FieldShown("Snippet", row["snippet"], generated=False),
            {"document": row["document"]},
        )
    ]


PROMPTS = pl.Schema(
    {
        "id": pl.String,
        "document": pl.String,
        "start": pl.Int64,
        "stop": pl.Int64,
        "snippet": pl.String,
        "prompt": pl.String,
    }
)
"""``start`` and ``stop`` are the snippet's byte offsets in the document's text."""


def prompts(documents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """A prompt a document, schema ``PROMPTS``; none where no snippet says anything, or another has
    the same one."""
    rows, seen = [], set[str]()
    for identity, text in documents.select("id", "text").iter_rows():
        span = snippet(text, identity, seed)
        if span is None or (mark := bare(text[slice(*span)])) in seen:
            continue
        seen.add(mark)
        start = len(text[: span[0]].encode())
        stop = start + len(text[slice(*span)].encode())
        shown = dedent(text[slice(*span)]).strip("\n")
        rows.append((f"{identity}:{start}-{stop}", identity, start, stop, shown, prompt(shown)))
    return pl.DataFrame(rows, PROMPTS, orient="row")


def snippet(text: str, identity: str, seed: int) -> tuple[int, int] | None:
    """A span, in characters, of 1 to 15 whole lines from a random start; none without letters."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return None
    for attempt in range(DRAWS):
        count = 1 + draws.place(f"{identity}/{attempt}/lines", seed) % min(MOST_LINES, len(lines))
        first = draws.place(f"{identity}/{attempt}/start", seed) % (len(lines) - count + 1)
        chosen = "".join(lines[first : first + count])
        if sum(map(str.isalpha, chosen)) >= FEWEST_LETTERS:
            start = sum(map(len, lines[:first]))
            return start, start + len(chosen)
    return None


def prompt(snippet: str) -> str:
    """The worked examples, and the snippet."""
    worked = [f"{_shown(each.snippet)} {answered(each)}" for each in WORKED_EXAMPLES]
    return "\n\n".join([INSTRUCTION, *worked, _shown(snippet)])


def _shown(snippet: str) -> str:
    return f"Snippet:\n```\n{snippet}\n```\nProblem:"
