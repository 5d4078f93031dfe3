"""What a method of evaluation is: what of an item is asked of a model, and what is read from the
answers.

A method is one file in ``methods/``: its section of the recipe (a subclass of
:class:`Method`, which says what is asked and how it is scored), its ``VERSION`` and its
source. The harness (``harness.py``) runs any of them and knows none by name.

A model can be asked two things: how likely a text is after another (:class:`Ask`), and to write on
(:class:`Task`). A method asks any number of the first and at most one of the second of each item.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
import polars as pl
from pydantic import Field

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import PASSAGE
from midtrain_dagster.evaluation import clustered_mean as clusters
from midtrain_dagster.evaluation.cleaning import Cleaning, cleaned
from midtrain_dagster.evaluation.clustered_mean import clustered_mean
from midtrain_dagster.evaluation.examples import BETWEEN, Shots, shown
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.prompts import PromptName, Row, prompted
from midtrain_dagster.inference import batches
from midtrain_dagster.inference.generator import Request

Made = TypeVar("Made")

Document = dict[str, Any]
"""One item as a method asks it."""

ROW = "row"
"""The column of items that holds each one's row in its file, as JSON: some prompts need more."""

Column = Literal["choices", "gold", "answer"]
"""What a benchmark's items may hold beside the question."""


class Ask(NamedTuple):
    """A text whose likelihood is asked, and what stands before it."""

    question: str
    continuation: str


class Task(NamedTuple):
    """A text that is to be continued."""

    prompt: str
    until: tuple[str, ...]
    """What ends the continuation, which it is no part of. An end of text always does."""
    most_tokens: int
    """At which it is cut."""
    samples: int = 1
    temperature: float = 0.0
    """Of sampling; 0: the likeliest token is taken each time."""
    seed: int = 0
    chat: bool = False
    """Whether the prompt is what a user says, put by the model's chat template."""
    conversation: bool = False
    """Whether the prompt is a whole conversation as JSON (``messages``, ``tools``), put by it."""
    controls: tuple[str, ...] = ()
    """The control tokens that the prompt means (``text_encoder.meant``), which a tokenizer has to
    have."""


class Written(NamedTuple):
    """What a model wrote."""

    text: str
    is_cut: bool
    """Whether it was cut at the most tokens, and would have gone on."""


Judges = Callable[[Sequence[str]], list[str]]
"""Puts prompts to the model that judges; an answer each, in order, empty where there is none."""


@dataclass(frozen=True)
class Outcome:
    """What a model answered on one benchmark; everything is in the order of the documents."""

    documents: Sequence[Document]
    responses: Sequence[Sequence[tuple[float, bool]]]
    """The likelihoods of each document's continuations, in nats, and whether it is the likeliest
    text."""
    tokens: Sequence[Sequence[int]]
    """The tokens of each continuation."""
    written: Sequence[Sequence[Written]] = ()
    """What was written of each document, a sample each, where the method asks for it."""
    groups: np.ndarray | None = None
    """The group that each document belongs to; none: each is its own."""
    judge: Judges | None = None
    """Who rates what was written, where the method has it rated (``Method.judged_by``)."""
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What is made of it and costs, as programs that are run: made where it is asked first."""
        if name not in self.kept:
            self.kept[name] = make()
        made: Made = self.kept[name]
        return made

    @property
    def nats(self) -> list[np.ndarray]:
        """The log-likelihoods of each document's continuations."""
        return [np.array([nats for nats, _ in each]) for each in self.responses]


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


BITS = "bits per byte of the answer"
"""The unit of the signal that all methods give: it moves long before accuracies do."""


class Method(FrozenModel, ABC):
    """A way to ask a checkpoint the items of a benchmark, as a recipe says it."""

    NEEDS: ClassVar[tuple[Column, ...]]
    """What every item has to hold beside its question."""
    UNITS: ClassVar[Mapping[str, str]] = {}
    """The units of the metrics that are no accuracies."""
    HEADLINE: ClassVar[str]
    """The metric that stands for the benchmark."""

    method: str
    limit: int | None = Field(
        default=None, gt=0, description="items asked, from the first; none: all"
    )

    @abstractmethod
    def document(self, item: Item) -> Document:
        """The item as it is asked. Raises ValueError where the method cannot score it."""

    @abstractmethod
    def asks(self, document: Document) -> list[Ask]:
        """The texts whose likelihoods are asked; may be none where something is written."""

    def task(self, document: Document) -> Task | None:
        """What is to be written; by default nothing is."""
        return None

    @property
    def judged_by(self) -> Request | None:
        """How the model is asked that rates what was written; by default there is none."""
        return None

    def unavailable(self, documents: Sequence[Document] = ()) -> str | None:
        """Why ``documents`` cannot be scored on this machine, and what to do; none: they can."""
        return None

    @abstractmethod
    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """What each document contributes to each metric."""

    def chances(self, documents: Sequence[Document]) -> Mapping[str, float]:
        """What guessing reaches, of each metric where one can guess; by default of none."""
        return {}

    def scores(self, outcome: Outcome) -> Iterator[Score]:
        """The figures of one benchmark: ratios of sums, with groups of items as clusters."""
        groups = outcome.groups
        if groups is None:
            groups = np.arange(len(outcome.documents))
        chances = self.chances(outcome.documents)
        for metric, sums, counts in self.item_values(outcome):
            value, stderr = clustered_mean(sums, counts, groups)
            unit, is_headline = self.UNITS.get(metric, ACCURACY), metric == self.HEADLINE
            chance = guessed = None
            if metric in chances and value is not None:
                chance = chances[metric]
                guessed = at_chance(value, stderr, chance=chance, items=len(sums))
            yield Score(metric, value, stderr, chance, guessed, unit, is_headline)

    def documents(
        self,
        items: pl.DataFrame,
        cleaning: Cleaning | None = None,
        prompt: PromptName = "bare",
        shots: Shots | None = None,
    ) -> list[Document]:
        """The first ``limit`` items as they are asked, put by a prompt, after examples.

        Raises:
            ValueError: an item that the method cannot score or that the prompt cannot put; the
                message names it.
        """
        documents = []
        for row in items.head(self.limit or items.height).iter_rows(named=True):
            where = f"benchmark {row['benchmark']!r}, item {row['item']!r}"
            if row["question"] is None:
                raise ValueError(f"{where}: the question is null")
            try:
                documents.append(self._document(row, cleaning, prompt, shots))
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
        return documents

    def _document(
        self, row: Row, cleaning: Cleaning | None, prompt: PromptName, shots: Shots | None
    ) -> Document:
        whole = json.loads(row.get(ROW) or "{}")
        item = Item(row["question"], row["choices"] or [], row["gold"], row["answer"])
        put = _put(item, whole, cleaning, prompt)
        before = put.about
        if shots:
            for each in shots.drawn(item.question, whole):
                answer = each.row[key] if (key := shots.settings.answer) else None
                before += shown(_put(each.item, each.row, cleaning, prompt), answer) + BETWEEN
        return self.document(
            put._replace(
                question=before + put.question,
                contexts=tuple(before + context for context in put.contexts),
                row=whole,
            )
        )


def _put(item: Item, row: Row, cleaning: Cleaning | None, prompt: PromptName) -> Item:
    """An item as it is read, cleaned and put by a prompt."""
    clean = item._replace(
        question=cleaned(item.question, cleaning),
        choices=[cleaned(choice, cleaning) for choice in item.choices],
        answer=item.answer and cleaned(item.answer, cleaning),
        passage=cleaned(str(row.get(PASSAGE, "")), cleaning),
    )
    return prompted(clean, row, prompt)


def mean_of(metric: str, values: Sequence[float | bool] | np.ndarray) -> ItemValues:
    """A metric that is the mean of one value an item."""
    return ItemValues(metric, np.asarray(values, np.float64), np.ones(len(values), np.int64))


def versions(method: Method) -> dict[str, int]:
    """The version of the method's module, of those that it uses, and of what judges."""
    judge = method.judged_by
    own = versions_of(sys.modules[type(method).__module__], clusters)
    return own if judge is None else own | batches.versions(judge.generator)


def at_chance(value: float, stderr: float | None, *, chance: float, items: int) -> bool:
    """Whether an accuracy lies within two standard errors of what guessing reaches.

    The error is the larger of its own and a guesser's, since a few items, all wrong, have an error
    of zero.
    """
    guessing = sqrt(chance * (1 - chance) / items)
    return abs(value - chance) <= 2 * max(stderr or 0.0, guessing)
