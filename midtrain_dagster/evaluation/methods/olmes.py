"""OLMES: a question with its choices' texts, and with letters; the better of the two counts.

Gu et al., *OLMES: A Standard for Language Model Evaluations* (arXiv 2406.08446). A small model
answers in the **cloze** form, where each choice is a continuation, long before it can point at one
by its letter; a larger one is better at letters. So an item is asked in both forms, and a
checkpoint's score is the better of its two accuracies (which one may change between checkpoints:
both are shown). In the cloze form a choice's log-likelihood is weighed

=============  ===================================================================================
none           as it is
character      by its characters
byte           by its bytes in UTF-8, its space included
token          by its tokens
unconditional  less that of the choice after ``Answer:`` alone (their ``pmi``)
=============  ===================================================================================

and OLMES says by which for each task: ``normalisation``. The choice of the better form is made on
the items that are scored, as in OLMES: it flatters every checkpoint a little.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from midtrain_dagster.evaluation.cleaning import Cleaning
from midtrain_dagster.evaluation.examples import Shots
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import (
    BITS,
    Ask,
    Document,
    ItemValues,
    Method,
    Outcome,
    mean_of,
)
from midtrain_dagster.evaluation.methods import multiple_choice
from midtrain_dagster.evaluation.methods.multiple_choice import (
    chance_of_choices,
    choice_document,
    right,
)
from midtrain_dagster.evaluation.prompts import PromptName

VERSION = 1
USES = (multiple_choice,)

UNCONDITIONAL = "Answer:"

Normalisation = Literal["none", "character", "byte", "token", "unconditional"]

FORMS: tuple[Normalisation, ...] = ("none", "character", "byte", "token", "unconditional")


class Olmes(Method):
    """Choices are scored as texts and as letters, and the better form counts."""

    NEEDS = ("gold", "choices")
    UNITS: ClassVar = {"bits_per_byte": BITS}
    HEADLINE = "better_form"

    method: Literal["olmes"]
    normalisation: Normalisation = "character"
    """By what a choice's likelihood is weighed in the cloze form that counts; all are shown."""
    lettered: PromptName = Field(
        default="lettered",
        description="the prompt of the form with letters; `prompt` is the other's",
    )

    def document(self, item: Item) -> Document:
        """The item in the form in which it was put."""
        return choice_document(item, self.method)

    def documents(
        self,
        items: pl.DataFrame,
        cleaning: Cleaning | None = None,
        prompt: PromptName = "bare",
        shots: Shots | None = None,
    ) -> list[Document]:
        """Each item in both forms: a document of the cloze form that holds the lettered one."""
        cloze = super().documents(items, cleaning, prompt, shots)
        lettered = super().documents(items, cleaning, self.lettered, shots)
        return [one | {"lettered": other} for one, other in zip(cloze, lettered, strict=True)]

    def asks(self, document: Document) -> list[Ask]:
        """The choices' texts, those after ``Answer:`` alone, and the letters."""
        cloze = [Ask(*each) for each in document["asked"]]
        alone = [Ask(UNCONDITIONAL, each.continuation) for each in cloze]
        return [*cloze, *alone, *(Ask(*each) for each in document["lettered"]["asked"])]

    def chances(self, documents: Sequence[Document]) -> Mapping[str, float]:
        """Of accuracies, that of a guess among the choices of each."""
        return dict.fromkeys(
            ("better_form", "lettered", *(f"cloze_{form}" for form in FORMS)),
            chance_of_choices(documents),
        )

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """The better form, then each, and bits by bytes of the right choice."""
        rights = {form: np.zeros(len(outcome.documents)) for form in (*FORMS, "lettered")}
        bits, sizes = np.zeros(len(outcome.documents)), np.zeros(len(outcome.documents), np.int64)
        each = zip(outcome.documents, outcome.nats, outcome.tokens, strict=True)
        for row, (document, nats, tokens) in enumerate(each):
            count, gold = len(document["asked"]), document["gold"]
            cloze, alone, letters = np.split(nats, (count, 2 * count))
            texts = [text for _, text in document["asked"]]
            size = np.array([len(text.encode()) for text in texts])
            weighed = {
                "none": cloze,
                "character": cloze / np.array(document["lengths"]),
                "byte": cloze / size,
                "token": cloze / np.maximum(1, tokens[:count]),
                "unconditional": cloze - alone,
                "lettered": letters,
            }
            for form, values in weighed.items():
                rights[form][row] = right(values, gold)
            bits[row], sizes[row] = -cloze[gold] / log(2), size[gold]
        of_form = rights[self.normalisation]
        yield mean_of("better_form", max(of_form, rights["lettered"], key=np.mean))
        yield mean_of("lettered", rights.pop("lettered"))
        for form, values in rights.items():
            yield mean_of(f"cloze_{form}", values)
        yield ItemValues("bits_per_byte", bits, sizes)
