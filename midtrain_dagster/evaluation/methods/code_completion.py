"""Code that a model goes on with, compared with what was there: edit similarity, exact match.

RepoBench (Liu et al., arXiv 2306.03091) and CrossCodeEval (Ding et al., arXiv 2310.11248): the next
lines are written, and ``edit_similarity`` is the share of characters that need no insertion or
deletion (``rapidfuzz``'s ratio, theirs by fuzzywuzzy), between 0 and 1; ``exact_match`` compares
without white space at the ends. Both look at as many lines as the right answer has.

With ``sentinels`` the hole in the middle is filled (Bavarian et al., *Efficient Training of
Language Models to Fill in the Middle*, arXiv 2207.14255): prefix, suffix and middle stand behind
the tokenizer's own tokens, in this order (PSM). Without, what follows is not shown.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.item_row import looked_up
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
from midtrain_dagster.evaluation.methods.answer_likelihood import answer_bits
from midtrain_dagster.tokens.text_encoder import meant

VERSION = 1
USES = (answer_likelihood,)


class CodeCompletion(Method):
    """Code that the model goes on with is compared with what was there."""

    NEEDS = ("answer",)
    UNITS: ClassVar = {"bits_per_byte": BITS}
    HEADLINE = "edit_similarity"

    method: Literal["code_completion"]
    suffix: str | None = None
    """Key of the code behind the hole, shown where `sentinels` are."""
    sentinels: tuple[str, str, str] | None = None
    """The tokenizer's tokens before prefix, suffix and middle; null: the prefix alone is shown."""
    until: tuple[str, ...] = ()
    """Texts that end what is written, beside the lines that the right answer has."""
    most_tokens: int = Field(default=64, gt=0, description="after which what is written is cut")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.sentinels and self.suffix is None:
            raise ValueError("'sentinels' need 'suffix', the key of the code behind the hole")
        return self

    def document(self, item: Item) -> Document:
        """Prompt and answer. Raises ValueError for no answer, or no suffix where one is shown."""
        if not (item.answer or "").strip():
            raise ValueError("code_completion needs a reference answer")
        if not self.sentinels:
            return {"question": item.question, "answer": item.answer}
        behind = looked_up(item.row, self.suffix or "")
        if behind is None:
            raise ValueError(f"the key {self.suffix!r} holds no code behind the hole")
        prefix, suffix, middle = map(meant, self.sentinels)
        return {
            "question": f"{prefix}{item.question}{suffix}{behind}{middle}",
            "answer": item.answer,
        }

    def asks(self, document: Document) -> list[Ask]:
        """The right answer, as it stands in the code."""
        return [Ask(document["question"], document["answer"])]

    def task(self, document: Document) -> Task:
        """The code up to the hole, and with sentinels what is behind it."""
        return Task(
            document["question"], self.until, self.most_tokens, controls=self.sentinels or ()
        )

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Similarity, equality, and bits by bytes of the answer."""
        pairs = [
            (_lines(written[0].text, document["answer"]), document["answer"].strip())
            for document, written in zip(outcome.documents, outcome.written, strict=True)
        ]
        yield mean_of("edit_similarity", [edit_similarity(*pair) for pair in pairs])
        yield mean_of("exact_match", [one == other for one, other in pairs])
        yield answer_bits(outcome)


def edit_similarity(one: str, other: str) -> float:
    """Twice the characters that two texts share in order, by the characters of both."""
    from rapidfuzz import fuzz

    return float(fuzz.ratio(one, other)) / 100


def _lines(written: str, answer: str) -> str:
    """As many lines of what was written as the answer has, the first of them with something."""
    lines = written.strip().split("\n")
    return "\n".join(lines[: len(answer.strip().split("\n"))]).strip()
