"""What a long-context task is: what is hidden in a long text, what is asked, and what is right.

A task is one file in ``tasks/``: its section of a recipe (a subclass of :class:`Task`), its
``VERSION``, its source. It drafts an item without knowing a tokenizer: pieces with the depth at
which they are to stand, what fills the rest, the questions, and for each the right answers with
distractors of the same kind. ``fill.py`` makes a context of given length of a draft, in tokens or
in bytes, and never cuts a piece or a question.

Two things are asked of each draft. ``ranked`` are questions whose answers are compared by
likelihood, which gives a signal long before a model can write them; ``asked`` is what a model is to
write the ``references`` after, which is how RULER scores.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.words import Pool

Wording = Literal["brief", "ruler"]
"""How needles are written and asked for: in the few words that a small window has room for, as the
beginning of the very sentence that is to be found; or with RULER's words and instructions, which
take some eighty tokens."""

Haystack = Literal["text", "noise"]
"""What a context is filled with: long documents, or RULER's few sentences, over and over."""

NOISE = (
    "The grass is green.",
    "The sky is blue.",
    "The sun is yellow.",
    "Here we go.",
    "There and back again.",
)
"""RULER's noise (``niah_single_1``, ``vt``)."""


class Placed(NamedTuple):
    """A piece of text that has to stand in the context."""

    text: str
    depth: float
    """Where: from 0, the beginning of what fills the context, to 1, its end."""


class Ranked(NamedTuple):
    """A question whose answers are compared by likelihood."""

    question: str
    """What stands before an answer; answers follow after a space."""
    right: tuple[str, ...]
    """All that is right: with several, as many of the likeliest answers count."""
    others: tuple[str, ...]
    """What is wrong: of the same kind, those of the context first."""


@dataclass(frozen=True)
class Draft:
    """One item of a task, before it is as long as it has to be."""

    placed: tuple[Placed, ...]
    ranked: tuple[Ranked, ...]
    asked: str
    """The question that the references are to be written after."""
    references: tuple[str, ...]
    opening: str = ""
    """What stands before the context."""
    filler: Iterator[str] | None = None
    """Pieces that fill the context, more than there is room for; none: a long document does."""
    joint: str = " "
    """What stands before each piece."""
    any_reference: bool = False
    """Whether one reference is enough (RULER's ``string_match_part``); otherwise the share of the
    references that were written counts (``string_match_all``)."""


class Scope(NamedTuple):
    """What an item is drafted for."""

    draw: Draw
    pool: Pool
    length: int
    """Of context, question and answer together, in tokens or bytes."""
    depth: float | None
    """Where what is asked for has to stand; none: anywhere."""
    distractors: int
    """Wrong answers beside each question, at least."""

    def place(self) -> float:
        """The depth that is asked for, or any."""
        return self.draw.uniform() if self.depth is None else self.depth


class Task(FrozenModel, ABC):
    """A long-context task, as a recipe says it."""

    HAS_DEPTH: ClassVar[bool] = True
    """Whether what is asked for stands in one place; otherwise depths mean nothing to it."""

    task: str

    @abstractmethod
    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where names run out."""

    @property
    def needs_text(self) -> bool:
        """Whether its contexts are filled with long documents."""
        return False


class HaystackTask(Task):
    """A task that hides something in a long text."""

    haystack: Haystack = Field(
        "text", description="What fills the context: long documents, or RULER's repeated `noise`"
    )

    @property
    def needs_text(self) -> bool:
        """Whether it is documents."""
        return self.haystack == "text"

    @property
    def filler(self) -> Iterator[str] | None:
        """The sentences of noise, over and over; none where documents are read."""
        return None if self.needs_text else noise()


def noise() -> Iterator[str]:
    """RULER's sentences of noise, without end."""
    while True:
        yield from NOISE


def wrong_answers(inside: list[str], fresh: list[str], at_least: int) -> tuple[str, ...]:
    """All wrong answers of the context, and fresh ones up to ``at_least`` in all."""
    return (*inside, *fresh[: max(0, at_least - len(inside))])
