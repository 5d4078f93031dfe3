r"""An answer that a model writes out: read from what it wrote, and compared with the right one.

``extract`` says where the answer stands in what was written: behind ``\boxed{}``, ``####`` or "the
answer is", else the last number (``final_answer``); in the first line; in the first group of a
regular expression (``pattern``); or all of it. ``compare`` says when it is right: where the two are
the same as mathematics (``1/2`` and ``0.5``, by ``mathematics/equality.py``; what takes too long is
wrong, and counted), or where their words are the same in order (SQuAD's normal form: lower case,
without punctuation and articles; Rajpurkar et al., arXiv 1606.05250), of ``references`` to any.

Beside that stand, by the same reading, the F1 of the words (of SQuAD, which DROP's aligns by spans:
here it does not), and the similarity of the two texts (``difflib``'s ratio, as MRCR has it). Before
anything that is written is ever right, ``bits_per_byte`` of the right answer moves.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

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
from midtrain_dagster.evaluation.methods.answer_likelihood import answer_bits, answer_document
from midtrain_dagster.mathematics import equality
from midtrain_dagster.mathematics.equality import compare
from midtrain_dagster.mathematics.final_answer import final_answer, marked_answer

VERSION = 1
USES = (answer_likelihood, equality)

Extract = Literal["final_answer", "first_line", "pattern", "whole"]

LONGEST = 20_000
"""Characters of a text of which the similarity is computed; of longer ones it is of the first."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _compiled(pattern: str | None) -> str | None:
    """The pattern, if it is one."""
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern


class GeneratedAnswer(Method):
    """The model writes an answer, which is read and compared."""

    NEEDS = ("answer",)
    UNITS: ClassVar = {"bits_per_byte": BITS, "undecided": "share of comparisons cut short"}
    HEADLINE = "right"

    method: Literal["generated_answer"]
    extract: Extract = "final_answer"
    """Where the answer stands in what was written."""
    pattern: Annotated[str | None, AfterValidator(_compiled)] = None
    """The regular expression of `extract: pattern`; its last match counts, and of that the first
    group."""
    compare: Literal["mathematics", "words"] = "mathematics"
    """When it is right."""
    references: str | None = None
    """Key of a list of answers that are right too."""
    until: tuple[str, ...] = ("\n\n",)
    """Texts that end what is written."""
    most_tokens: int = Field(default=256, gt=0, description="after which what is written is cut")
    chat: bool = False
    """Whether the prompt is put by the model's chat template."""

    @model_validator(mode="after")
    def _pattern_is_said(self) -> Self:
        if (self.extract == "pattern") != (self.pattern is not None):
            raise ValueError("'pattern' goes with extract: pattern, and that with it")
        return self

    def document(self, item: Item) -> Document:
        """Question, answer and references. Raises ValueError for none."""
        document = answer_document(item, self.method)
        others = looked_up(item.row, self.references) if self.references else ()
        if others is None or isinstance(others, str):
            raise ValueError(f"{self.references!r} is to hold a list of answers")
        rights = [item.answer, *(str(each) for each in others)]
        if self.compare == "mathematics":
            rights = [marked_answer(str(each)) or str(each) for each in rights]
        return document | {"rights": rights, "prompt": item.question}

    def asks(self, document: Document) -> list[Ask]:
        """The right answer, as it is given."""
        return [Ask(document["question"], document["answer"])]

    def task(self, document: Document) -> Task:
        """The question as it stands."""
        return Task(document["prompt"], self.until, self.most_tokens, chat=self.chat)

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Right or wrong, then words, similarity, what could not be decided, and bits."""
        read = [self.read(each[0].text) for each in outcome.written]
        pairs = list(zip(read, [each["rights"] for each in outcome.documents], strict=True))
        verdicts = [self._verdict(*each) for each in pairs]
        yield mean_of("right", [verdict == "equal" for verdict in verdicts])
        yield mean_of("exact_match", [max(map(_same_words(one), all_)) for one, all_ in pairs])
        yield mean_of("f1", [max(f1(one, each) for each in all_) for one, all_ in pairs])
        yield mean_of("similarity", [max(similarity(one, x) for x in all_) for one, all_ in pairs])
        yield mean_of("undecided", [verdict == "undecided" for verdict in verdicts])
        yield answer_bits(outcome)

    def read(self, written: str) -> str:
        """The answer in what was written; empty where there is none."""
        if self.extract == "final_answer":
            return final_answer(written) or ""
        if self.extract == "first_line":
            return written.strip().partition("\n")[0].strip()
        if self.extract == "whole":
            return written.strip()
        matches = list(re.finditer(self.pattern or "", written))
        return (matches[-1][1 if matches[-1].re.groups else 0] or "").strip() if matches else ""

    def _verdict(self, read: str, rights: Sequence[str]) -> str:
        if self.compare == "words":
            return "equal" if any(map(_same_words(read), rights)) else "different"
        found = {compare(read, right) for right in rights}
        return next((each for each in ("equal", "undecided") if each in found), "different")


def _words(text: str) -> list[str]:
    """SQuAD's normal form."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _same_words(one: str) -> Callable[[str], bool]:
    return lambda other: bool(one.strip()) and (_words(one) or [one]) == (_words(other) or [other])


def f1(one: str, other: str) -> float:
    """The harmonic mean of the shares of words that two texts have of each other."""
    first, second = _words(one), _words(other)
    shared = sum((Counter(first) & Counter(second)).values())
    return 2 * shared / (len(first) + len(second)) if shared else 0.0


def similarity(one: str, other: str) -> float:
    """``difflib``'s ratio of two texts."""
    return SequenceMatcher(None, one[:LONGEST], other[:LONGEST]).ratio()
