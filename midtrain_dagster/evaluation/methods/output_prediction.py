"""What a program gives back, predicted without running it: CRUXEval's output prediction.

Gu et al., *CRUXEval: A Benchmark for Code Reasoning, Understanding and Execution* (arXiv
2401.03065). The reference runs ``assert f(input) == WRITTEN``, in which a call of the function
itself would always be right; here what is written has to be a literal, as the task says, and is
right where it is of the same value as the output (``ast.literal_eval``: nothing is run, and no
sandbox is needed). So ``1`` is ``1.0`` and ``True``, as it is to Python's ``==``.
"""

import ast
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import (
    BITS,
    Ask,
    Document,
    ItemValues,
    Method,
    Outcome,
    Task,
    mean_of,
)
from midtrain_dagster.evaluation.methods import answer_likelihood
from midtrain_dagster.evaluation.methods.answer_likelihood import answer_bits, answer_document

VERSION = 1
USES = (answer_likelihood,)

LONGEST = 10_000
"""Characters of a literal that is read."""


class OutputPrediction(Method):
    """The value that the model says a program gives back is compared with what it does."""

    NEEDS = ("answer",)
    UNITS: ClassVar = {"bits_per_byte": BITS, "no_literal": "share of answers that are no literal"}
    HEADLINE = "right"

    method: Literal["output_prediction"]
    until: tuple[str, ...] = ("\n", "[/ANSWER]")
    """Texts that end what is written."""
    most_tokens: int = Field(default=128, gt=0, description="after which what is written is cut")

    def document(self, item: Item) -> Document:
        """Question and output. Raises ValueError where that is no literal."""
        document = answer_document(item, self.method)
        if read_literal(item.answer or "") is None:
            raise ValueError(f"the output {(item.answer or '')[:40]!r} is no literal of Python")
        return document | {"prompt": item.question, "output": item.answer}

    def asks(self, document: Document) -> list[Ask]:
        """The output, as it is given."""
        return [Ask(document["question"], document["answer"])]

    def task(self, document: Document) -> Task:
        """The question as it stands."""
        return Task(document["prompt"], self.until, self.most_tokens)

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Right or wrong, what was no literal at all, and bits by bytes of the output."""
        told = [read_literal(each[0].text) for each in outcome.written]
        right = [read_literal(each["output"]) for each in outcome.documents]
        yield mean_of("right", [_same(*pair) for pair in zip(told, right, strict=True)])
        yield mean_of("no_literal", [each is None for each in told])
        yield answer_bits(outcome)


def read_literal(text: str) -> tuple[Any] | None:
    """The value that a text is as a literal of Python, alone in a tuple; none: it is none."""
    if len(text) > LONGEST:
        return None
    try:
        return (ast.literal_eval(text.strip()),)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _same(one: tuple[Any] | None, other: tuple[Any] | None) -> bool:
    if one is None or other is None:
        return False
    try:
        return bool(one[0] == other[0])
    except RecursionError:
        return False
