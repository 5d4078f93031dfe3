"""Passages said again in other words, in the neutral English of an encyclopedia.

Rephrasing as in WRAP (Maini et al. 2024, arXiv 2401.16380): a model rewrites web text in a style,
and training on both reaches the same loss with fewer tokens. This is their "medium" style: English
of high quality, as in sentences on Wikipedia. They ask an instruction-tuned model of 7 billion
parameters in one sentence; a small model needs worked examples, so the prompt is a completion with
three.

A small model copies, shortens and invents. So a rephrasing is accepted only if it has the numbers
of its passage and no others, names nobody that the passage does not name, keeps half of its content
words, is about as long, and shares at most half of its four-word sequences with it. The rest is
counted by reason. This bounds what gets lost or is made up; it does not show that the sentences
still mean the same.

Of 48 passages, half web and half Wikipedia, SmolLM2-135M-Instruct gave 4 that pass; 29 were copies,
and in 14 numbers, names or content were not the passage's. Of the four, one turns its passage round
("China is often praised for its openness to the Internet"), and one changes who does what. A model
of that size only shows the way: ask one of billions of parameters, behind an endpoint.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.synthesis import passages
from midtrain_dagster.synthesis.collector import Collector, FieldShown
from midtrain_dagster.synthesis.passages import PassageConfig, Sorter, on_one_line, plain
from midtrain_dagster.synthesis.tables import Accepted, Family, Thought

VERSION = 2
USES = (passages,)

LENGTHS = (0.5, 1.6)  # words of a rephrasing for each word of the passage
KEPT = 0.5  # share of the passage's content words, of at least so many letters, that must be there
CONTENT_LETTERS = 4
COPIED = 0.5  # share of a rephrasing's word sequences, of this length, that may be the passage's
SEQUENCE = 4

INSTRUCTION = (
    "Each passage is said again in other words, in the clear and neutral English of an "
    "encyclopedia, with all of its facts and numbers."
)

WORKED_EXAMPLES = (
    (
        "The Danube rises in the Black Forest of Germany and flows for 2,850 km before it empties "
        "into the Black Sea. It passes through ten countries, more than any other river in the "
        "world.",
        "From its source in the Black Forest of Germany, the Danube runs 2,850 km to the Black "
        "Sea. No other river in the world flows through as many countries: there are ten.",
    ),
    (
        "so the library was shut on Monday, a pipe burst up on the second floor!! Staff had to "
        "move like 400 books over to the town hall & the reading room won't be open again until "
        "April.",
        "The library was closed on Monday because a pipe had burst on its second floor. Staff "
        "carried about 400 books to the town hall, and the reading room is expected to open again "
        "in April.",
    ),
    (
        "Marie Curie was born in Warsaw in 1867. In 1903 she shared the Nobel Prize in Physics "
        "with her husband Pierre and Henri Becquerel for their work on radioactivity.",
        "Born in Warsaw in 1867, Marie Curie received the Nobel Prize in Physics in 1903 for work "
        "on radioactivity, together with Pierre, her husband, and Henri Becquerel.",
    ),
)

Reason = Literal[
    "empty",
    "prompt_echo",
    "unfinished",
    "too_short",
    "too_long",
    "numbers_changed",
    "name_added",
    "content_lost",
    "copy",
    "duplicate",
]

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NAME = re.compile(r"(?<=[\w,;:] )[A-Z]\w+")
"""A word with a capital that begins no sentence."""


class Config(PassageConfig):
    """Passages that a model says in other words, with the same numbers and about as long."""

    KIND: ClassVar[Kind] = "prose"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "rephrased"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["rephrase"] = "rephrase"
    passage_bytes: int = Field(default=200, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=96, gt=0, description="tokens of a completion, at most")
    domain: str = Field(default="rephrased", description="the domain that rephrasings feed")

    def prompts(self, documents: pl.DataFrame) -> pl.DataFrame:
        """One prompt a passage. See ``passages.PROMPTS``."""
        return self.ask(documents, prompt)

    def accept(
        self, completions: pl.DataFrame, documents: pl.DataFrame, collector: Collector
    ) -> Accepted:
        """Sort completions into documents, each a rephrasing alone, and rejects.

        What an earlier row has said already is a duplicate.
        """
        sorter = Sorter(completions, documents, collector)
        said: set[str] = set()
        for answer in sorter.answers():
            rephrased = parse(answer.completion)
            words = plain(rephrased)
            reason = _reason(rephrased, answer.passage)
            if reason is None and words in said:
                reason = "duplicate"
            if reason is not None:
                sorter.reject(answer, reason)
                continue
            said.add(words)
            sorter.accept(
                answer,
                rephrased,
                shown=[
                    FieldShown("Rephrased", rephrased, generated=True),
                    FieldShown("Passage", answer.passage, generated=False),
                ],
            )
        return sorter.tables()


def prompt(passage: str) -> str:
    """The worked examples, and the passage on one line."""
    worked = [f"Passage: {text}\nRephrased: {rephrased}" for text, rephrased in WORKED_EXAMPLES]
    return "\n\n".join([INSTRUCTION, *worked, f"Passage: {on_one_line(passage)}\nRephrased:"])


def parse(completion: str) -> str:
    """The rephrasing: the completion's first line."""
    return completion.strip().partition("\n")[0].removeprefix("Rephrased:").strip()


def _reason(rephrased: str, passage: str) -> Reason | None:
    """Why a rephrasing is rejected, or none; the first reason that holds is the one counted."""
    words, source = plain(rephrased).split(), plain(passage).split()
    known = set(source)
    content = {word for word in source if len(word) >= CONTENT_LETTERS and not word.isdigit()}
    sequences = _sequences(words)
    copied = len([each for each in sequences if each in set(_sequences(source))])
    checks: dict[Reason, bool] = {
        "empty": not words,
        "prompt_echo": any(" ".join(words) == plain(example) for _, example in WORKED_EXAMPLES),
        "unfinished": not rephrased.rstrip("\"')\u201d\u2019").endswith((".", "!", "?")),
        "too_short": len(words) < LENGTHS[0] * len(source),
        "too_long": len(words) > LENGTHS[1] * len(source),
        "numbers_changed": set(_NUMBER.findall(rephrased)) != set(_NUMBER.findall(passage)),
        "name_added": any(plain(name) not in known for name in _NAME.findall(rephrased)),
        "content_lost": len(content & set(words)) < KEPT * len(content),
        "copy": copied > COPIED * len(sequences) or not sequences,
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def _sequences(words: list[str]) -> list[tuple[str, ...]]:
    """Every run of ``SEQUENCE`` words."""
    return [tuple(words[at : at + SEQUENCE]) for at in range(len(words) - SEQUENCE + 1)]
