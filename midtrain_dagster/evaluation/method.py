"""What a method of evaluation is: how an item becomes a question of the harness, and what is read
from the answers.

A method is one file in ``methods/``: its section of the recipe (a subclass of
:class:`Method`, which says what is asked and how it is scored), its ``VERSION`` and its
source. The harness (``harness.py``) runs any of them and knows none by name.

A method says what it does in the terms of lm-evaluation-harness: ``TASK`` holds the fields of the
harness's task, whose columns are the keys of the documents that ``document`` makes.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import polars as pl
from pydantic import Field

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import PASSAGE
from midtrain_dagster.evaluation.cleaning import Cleaning, cleaned
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.prompts import PromptName, prompted

Document = dict[str, Any]
"""One item as the harness asks it; ``question`` is what stands before everything that is scored."""

ROW = "row"
"""The column of items that holds each one's row in its file, as JSON: some prompts need more."""

Column = Literal["choices", "gold", "answer"]
"""What a benchmark's items may hold beside the question."""


@dataclass(frozen=True)
class Outcome:
    """What the harness found on one benchmark; documents, responses and tokens are in one order."""

    documents: Sequence[Document]
    results: Mapping[str, Any]
    """The harness's figures, called ``METRIC,none`` and ``METRIC_stderr,none``."""
    responses: Sequence[Any]
    """The answers to each document's requests, each in the form of the task's ``output_type``: of
    ``loglikelihood`` (nats, whether the answer is the likeliest)."""
    answer_tokens: np.ndarray
    """Tokens of each document's longest continuation."""
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The harness's figures of each document, by metric."""


ACCURACY = "accuracy"
"""The unit of shares of right answers: the one unit of which more is better."""


class Score(NamedTuple):
    """One figure of a benchmark, as it stands in the table of scores.

    ``unit`` is ``ACCURACY``, or that of a loss in words (``nats per token``). ``headline`` marks
    the one figure that stands for the benchmark in tables of few rows.
    """

    metric: str
    value: float | None
    stderr: float | None
    chance: float | None = None
    at_chance: bool | None = None
    unit: str = ACCURACY
    headline: bool = False


class ItemValues(NamedTuple):
    """Of one metric what each item contributes: the metric is ``sum(sums) / sum(counts)``."""

    metric: str
    sums: np.ndarray
    counts: np.ndarray


class Method(FrozenModel, ABC):
    """A way to ask a checkpoint the items of a benchmark, as a recipe says it."""

    NEEDS: ClassVar[tuple[Column, ...]]
    """What every item has to hold beside its question."""
    TASK: ClassVar[Mapping[str, Any]]
    """The fields of the harness's task that say what is asked: ``output_type``, ``doc_to_target``
    and the like. ``doc_to_text`` is the question."""
    METRICS: ClassVar[tuple[str, ...]]
    """The metrics that the harness computes, each a mean."""

    method: str
    limit: int | None = Field(
        default=None, gt=0, description="items asked, from the first; none: all"
    )

    @abstractmethod
    def document(self, item: Item) -> Document:
        """The item as the harness asks it. Raises ValueError where the method cannot score it."""

    @abstractmethod
    def continuations(self, document: Document) -> list[str]:
        """What is scored after the document's question, as the harness appends it."""

    @abstractmethod
    def scores(self, outcome: Outcome) -> Iterator[Score]:
        """The figures of one benchmark."""

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """What each document contributes to each metric: by default to a mean of the harness's."""
        ones = np.ones(len(outcome.documents), np.int64)
        for metric in self.METRICS:
            yield ItemValues(metric, outcome.values[metric], ones)

    def documents(
        self,
        items: pl.DataFrame,
        cleaning: Cleaning | None = None,
        prompt: PromptName = "bare",
    ) -> list[Document]:
        """The first ``limit`` items as the harness asks them, put by a prompt.

        Raises:
            ValueError: an item that the method cannot score or that the prompt cannot put; the
                message names it.
        """
        documents = []
        for row in items.head(self.limit or items.height).iter_rows(named=True):
            where = f"benchmark {row['benchmark']!r}, item {row['item']!r}"
            if row["question"] is None:
                raise ValueError(f"{where}: the question is null")
            whole = json.loads(row.get(ROW) or "{}")
            passage = f"{whole[PASSAGE]}\n" if PASSAGE in whole else ""
            item = Item(
                cleaned(passage + row["question"], cleaning),
                [cleaned(choice, cleaning) for choice in row["choices"] or []],
                row["gold"],
                row["answer"] and cleaned(row["answer"], cleaning),
            )
            try:
                documents.append(self.document(prompted(item, whole, prompt)))
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
        return documents


def versions(method: Method) -> dict[str, int]:
    """The version of the method's module and of those that it uses."""
    return versions_of(sys.modules[type(method).__module__])


def at_chance(value: float, stderr: float | None, *, chance: float, items: int) -> bool:
    """Whether an accuracy lies within two standard errors of what guessing reaches.

    The error is the larger of its own and a guesser's, since a few items, all wrong, have an error
    of zero.
    """
    guessing = sqrt(chance * (1 - chance) / items)
    return abs(value - chance) <= 2 * max(stderr or 0.0, guessing)
