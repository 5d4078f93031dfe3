"""The choice that the model finds most likely, zero-shot: lm-evaluation-harness's own way.

``acc`` takes the choice with the highest likelihood, ``acc_norm`` the highest per character (the
harness's ``multiple_choice``; Gao et al., *A framework for few-shot language model evaluation*). A
choice is read after the question and one space, as the harness has it.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np

from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import (
    Document,
    Method,
    Outcome,
    Score,
    at_chance,
)

VERSION = 1


class MultipleChoice(Method):
    """Each choice is scored after the question, and the likeliest is taken."""

    NEEDS = ("gold", "choices")
    TASK: ClassVar = {
        "output_type": "multiple_choice",
        "doc_to_choice": "choices",
        "doc_to_target": "gold",
        "target_delimiter": " ",
    }
    METRICS = ("acc", "acc_norm")

    method: Literal["multiple_choice"]

    def document(self, item: Item) -> Document:
        """Question, choices and gold. Raises ValueError for fewer than two choices, or no gold."""
        if len(item.choices) < 2 or not all(item.choices):
            raise ValueError("multiple_choice needs at least two choices, none empty")
        if item.gold is None or not 0 <= item.gold < len(item.choices):
            raise ValueError(f"gold is {item.gold}, of {len(item.choices)} choices")
        return {"question": item.question, "choices": item.choices, "gold": item.gold}

    def continuations(self, document: Document) -> list[str]:
        """Each choice after a space."""
        return [f" {choice}" for choice in document["choices"]]

    def scores(self, outcome: Outcome) -> Iterator[Score]:
        """The harness's accuracies beside what guessing would reach."""
        documents, results = outcome.documents, outcome.results
        chance = float(np.mean([1 / len(document["choices"]) for document in documents]))
        for metric in self.METRICS:
            value, stderr = float(results[f"{metric},none"]), results[f"{metric}_stderr,none"]
            # The harness writes "N/A" where a single item leaves no error to estimate.
            known = None if isinstance(stderr, str) else float(stderr)
            guessed = at_chance(value, known, chance=chance, items=len(documents))
            yield Score(metric, value, known, chance, guessed, headline=metric == "acc_norm")
