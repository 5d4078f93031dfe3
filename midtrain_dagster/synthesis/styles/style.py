"""What a style of rephrasing is: how it asks, how much it reads, and what its answers must be.

A style is data. Its prompt is a completion: an instruction, worked examples, the passage, and the
label that the answer stands behind; so a small model sees what is wanted, and an endpoint gets the
same text as one message. An answer is read in steps, and the first that fails is the reason of its
reject: it is there, no example said again, no word to the reader, of the style's form, whole,
within the bounds of ``fidelity``, and long enough.

Lengths are the papers', in tokens; a token stands for four bytes, since a method knows of no
tokenizer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from midtrain_dagster.synthesis import arithmetic, fidelity
from midtrain_dagster.synthesis.fidelity import (
    Bounds,
    Fidelity,
    measure,
    remark,
    without_opening,
    words_of,
)
from midtrain_dagster.synthesis.passages import on_one_line
from midtrain_dagster.synthesis.tables import Thought

VERSION = 1
USES = (fidelity, arithmetic)

BYTES_PER_TOKEN = 4

STOP = ("\nPassage:",)
"""What ends a completion: the model begins another example."""

Fault = Literal[
    "empty",
    "prompt_echo",
    "malformed",
    "wrong_calculation",
    "not_grounded",
    "unfinished",
    "too_little",
]
"""What an answer may lack besides fidelity."""

REASONS = (*get_args(Fault), *get_args(fidelity.Reason))

Reason = Fault | fidelity.Reason


class Form(NamedTuple):
    """An answer in the form of its style."""

    said: str
    """What the model says of the passage, without the marks of the form: held against it."""
    text: str
    """The document's text."""
    fault: Fault | None = None
    added: frozenset[str] = frozenset()
    """Numbers that the passage need not have: results of its calculations."""


class Written(NamedTuple):
    """What became of an answer."""

    text: str
    reason: Reason | None
    fidelity: Fidelity | None = None


Read = Callable[[str, str], Form]
"""From an answer and its passage to its form."""


def one_paragraph(answer: str, _passage: str) -> Form:
    """The first line that has words, which ends as a sentence does."""
    line = next((line.strip() for line in answer.splitlines() if line.strip()), "")
    if not words_of(line):
        return Form(line, line, "empty")
    return Form(line, line, None if finished(line) else "unfinished")


def finished(text: str) -> bool:
    """Whether a text ends where a sentence does."""
    return text.rstrip("\"')\u201d\u2019*").endswith((".", "!", "?", "\u3002", "\u2026"))


@dataclass(frozen=True)
class Style:
    """A way to say a passage again."""

    instruction: str
    label: str
    """What the answer is called: the prompt ends with it."""
    examples: tuple[tuple[str, str], ...]
    """Passages with their answers."""
    form: str = "rephrased"
    thought: Thought = "none"
    tokens: tuple[int, int] = (0, 300)
    """Of a passage: the least that is asked about, and the most."""
    by_lines: bool = False
    """A document is cut at the ends of lines and not at those of sentences."""
    joined: bool = False
    """The answers about a document's passages become one document."""
    max_new_tokens: int = 400
    least: int = 0
    """Tokens of an accepted text, at least."""
    openings: tuple[str, ...] = ()
    """Lines that an answer may begin with, which are taken off."""
    read: Read = one_paragraph
    bounds: Bounds = field(default_factory=Bounds)
    allowed: tuple[str, ...] = ()
    """Names that the form brings along."""

    def prompt(self, passage: str) -> str:
        """The instruction, the worked examples, and the passage on one line."""
        worked = [
            f"Passage: {text}\n{self.label}:{_gap(answer)}{answer}"
            for text, answer in self.examples
        ]
        return "\n\n".join(
            [self.instruction, *worked, f"Passage: {on_one_line(passage)}\n{self.label}:"]
        )

    def write(self, completion: str, passage: str) -> Written:
        """Read a completion, and hold it against its passage."""
        answer = without_opening(completion, f"{self.label}:", *self.openings)
        answer = answer.partition("\nPassage:")[0].strip()
        if not words_of(answer):
            return Written(answer, "empty")
        form = self.read(answer, passage)
        said = words_of(form.said)
        if any(said == words_of(self.read(example, text).said) for text, example in self.examples):
            return Written(form.text, "prompt_echo")
        if remark(answer):
            return Written(form.text, "remark")
        if form.fault:
            return Written(form.text, form.fault)
        found = measure(form.said, passage, allowed=[*self.allowed, *form.added])
        broken: Reason | None = self.bounds.broken(found)
        if broken is None and not self.joined and self.too_little(form.text):
            broken = "too_little"
        return Written(form.text, broken, found)

    def too_little(self, text: str) -> bool:
        """Whether a document would be shorter than the style has it."""
        return len(text.encode()) < self.least * BYTES_PER_TOKEN


def _gap(answer: str) -> str:
    return "\n" if "\n" in answer else " "
