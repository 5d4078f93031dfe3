"""The choice that the model finds most likely, zero-shot: lm-evaluation-harness's own way.

``acc`` takes the choice with the highest likelihood, ``acc_norm`` the highest per character (the
harness's ``multiple_choice``; Gao et al., *A framework for few-shot language model evaluation*). A
choice is read after the question and one space, as the harness has it. Where the choices stand in
the question (WinoGrande's ``partial evaluation``, Trinh and Le, arXiv 1806.02847), the rest of the
sentence is read after each. ``bits_per_byte`` is that of the right choice.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log, nan
from typing import ClassVar, Literal

import numpy as np

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

VERSION = 3


class MultipleChoice(Method):
    """Each choice is scored after the question, and the likeliest is taken."""

    NEEDS = ("gold", "choices")
    UNITS: ClassVar = {"bits_per_byte": BITS}
    HEADLINE = "acc_norm"

    method: Literal["multiple_choice"]

    def document(self, item: Item) -> Document:
        """Choices after their questions. Raises ValueError for fewer than two, or no gold."""
        return choice_document(item, self.method)

    def asks(self, document: Document) -> list[Ask]:
        """Each choice after a space."""
        return [Ask(*each) for each in document["asked"]]

    def chances(self, documents: Sequence[Document]) -> Mapping[str, float]:
        """Of accuracies, that of a guess among the choices of each."""
        return dict.fromkeys(("acc", "acc_norm"), chance_of_choices(documents))

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Whether the likeliest choice is the right one, and bits by bytes of that."""
        lengths = [np.array(each["lengths"]) for each in outcome.documents]
        gold = [each["gold"] for each in outcome.documents]
        nats = outcome.nats
        yield mean_of("acc", [right(a, g) for a, g in zip(nats, gold, strict=True)])
        by_length = [a / n for a, n in zip(nats, lengths, strict=True)]
        yield mean_of("acc_norm", [right(a, g) for a, g in zip(by_length, gold, strict=True)])
        yield gold_bits(outcome)


def choice_document(item: Item, method: str) -> Document:
    """What is asked of an item with choices; ValueError where they or the gold are not sound."""
    choices = item.choices
    if len(choices) < 2 or not all(choices):
        raise ValueError(f"{method} needs at least two choices, none empty")
    if item.gold is None or not 0 <= item.gold < len(choices):
        raise ValueError(f"gold is {item.gold}, of {len(choices)} choices")
    if item.contexts:
        asked = [(context, f" {item.answer}") for context in item.contexts]
    else:
        asked = [(item.question, f" {choice}") for choice in choices]
    # The harness divides by the choice, and where the choice is the context by that.
    lengths = [len(each) for each in item.contexts or choices]
    return {"asked": asked, "lengths": lengths, "gold": item.gold}


def right(likelihoods: np.ndarray, gold: int) -> float:
    """Whether the likeliest choice is the right one, 0 or 1. NaN where a likelihood is NaN, as
    those of a broken model are: there is no likeliest, and an accuracy of it would be made up."""
    return nan if np.isnan(likelihoods).any() else float(np.argmax(likelihoods) == gold)


def chance_of_choices(documents: Sequence[Document]) -> float:
    """The share of items that a guess among the choices of each gets right."""
    return float(np.mean([1 / len(each["asked"]) for each in documents]))


def gold_bits(outcome: Outcome) -> ItemValues:
    """Bits of the right choice, and its bytes with the space before it."""
    golds = [each["gold"] for each in outcome.documents]
    nats = [each[gold] for each, gold in zip(outcome.nats, golds, strict=True)]
    texts = [each["asked"][gold][1] for each, gold in zip(outcome.documents, golds, strict=True)]
    size = np.array([len(text.encode()) for text in texts], np.int64)
    return ItemValues("bits_per_byte", -np.array(nats) / log(2), size)
