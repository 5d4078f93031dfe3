"""The loss on the reference answer given the question.

It is for benchmarks whose answers a small model cannot generate yet: this loss moves long before
accuracy leaves zero (Schaeffer et al., *Are Emergent Abilities of Large Language Models a Mirage?*,
arXiv 2304.15004). ``bits_per_byte``, of the UTF-8 bytes of what is scored, stands for the
benchmark: it compares models of any tokenizer, and is what small models are judged by (Bhagia et
al., *Establishing Task Scaling Laws via Compute-Efficient Model Ladders*, arXiv 2412.04403;
Heineman et al., *Signal and Noise*, arXiv 2508.13144). ``loss_per_token``, in nats, compares
checkpoints of one tokenizer.

An answer is read after the question and one space, unless the question ends in whitespace of its
own (a Python prompt ends in a newline and an indent). That whitespace then belongs to what is
scored, since tokenisers join it to the next word.
"""

from collections.abc import Iterator
from math import log
from typing import ClassVar, Literal

import numpy as np

from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import BITS, Ask, Document, ItemValues, Method, Outcome

VERSION = 2


class AnswerLikelihood(Method):
    """The reference answer is scored after the question."""

    NEEDS = ("answer",)
    UNITS: ClassVar = {"loss_per_token": "nats per token of the answer", "bits_per_byte": BITS}
    HEADLINE = "bits_per_byte"

    method: Literal["answer_likelihood"]

    def document(self, item: Item) -> Document:
        """Question and answer, parted before the whitespace. Raises ValueError for no answer."""
        return answer_document(item, self.method)

    def asks(self, document: Document) -> list[Ask]:
        """The answer, with the whitespace before it."""
        return [Ask(document["question"], document["answer"])]

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Nats by tokens of the answer, and bits by its bytes."""
        nats = np.array([-each[0] for each in outcome.nats])
        tokens = np.array([each[0] for each in outcome.tokens], np.int64)
        yield ItemValues("loss_per_token", nats, tokens)
        yield answer_bits(outcome)


def answer_document(item: Item, method: str) -> Document:
    """What is asked of an item with an answer; ValueError for one without."""
    if not item.answer:
        raise ValueError(f"{method} needs a reference answer")
    asked = item.question.rstrip()
    between = item.question[len(asked) :] or (" " if asked else "")
    return {"question": asked, "answer": between + item.answer}


def answer_bits(outcome: Outcome) -> ItemValues:
    """Bits of each document's first continuation, which is its ``answer``, and its bytes."""
    nats = np.array([-each[0] for each in outcome.nats])
    size = np.array([len(document["answer"].encode()) for document in outcome.documents], np.int64)
    return ItemValues("bits_per_byte", nats / log(2), size)
