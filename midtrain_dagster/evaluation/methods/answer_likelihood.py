"""The loss on the reference answer given the question.

It is for benchmarks whose answers a small model cannot generate yet: this loss moves long before
accuracy leaves zero (Schaeffer et al., *Are Emergent Abilities of Large Language Models a Mirage?*,
arXiv 2304.15004). ``loss_per_token`` is in nats per token, so it compares checkpoints of one
tokenizer; ``bits_per_byte`` is in bits per UTF-8 byte of what is scored and compares any.

An answer is read after the question and one space, unless the question ends in whitespace of its
own (a Python prompt ends in a newline and an indent). That whitespace then belongs to what is
scored, since tokenisers join it to the next word.
"""

from collections.abc import Iterator
from math import log
from typing import ClassVar, Literal

import numpy as np

from midtrain_dagster.evaluation import clustered_mean as clusters
from midtrain_dagster.evaluation.clustered_mean import clustered_mean
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import (
    Document,
    ItemValues,
    Method,
    Outcome,
    Score,
)

VERSION = 1
USES = (clusters,)


UNITS = {
    "loss_per_token": "nats per token of the answer",
    "bits_per_byte": "bits per byte of the answer",
}


class AnswerLikelihood(Method):
    """The reference answer is scored after the question."""

    NEEDS = ("answer",)
    TASK: ClassVar = {"output_type": "loglikelihood", "doc_to_target": "answer"}
    METRICS = ("acc",)

    method: Literal["answer_likelihood"]

    def document(self, item: Item) -> Document:
        """Question and answer, parted before the whitespace. Raises ValueError for no answer."""
        if not item.answer:
            raise ValueError("answer_likelihood needs a reference answer")
        asked = item.question.rstrip()
        between = item.question[len(asked) :] or (" " if asked else "")
        return {"question": asked, "answer": between + item.answer}

    def continuations(self, document: Document) -> list[str]:
        """The answer, with the whitespace before it."""
        return [document["answer"]]

    def scores(self, outcome: Outcome) -> Iterator[Score]:
        """Losses of the reference answers: ratios of sums, with the items as clusters."""
        for metric, sums, counts in self.item_values(outcome):
            yield Score(
                metric,
                *clustered_mean(sums, counts, np.arange(len(sums))),
                unit=UNITS[metric],
                headline=metric == "loss_per_token",
            )

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Nats by tokens of the answer, and bits by its bytes."""
        nats = np.array([-answers[0][0] for answers in outcome.responses])
        size = np.array([len(document["answer"].encode()) for document in outcome.documents])
        yield ItemValues("loss_per_token", nats, outcome.answer_tokens)
        yield ItemValues("bits_per_byte", nats / log(2), size)
