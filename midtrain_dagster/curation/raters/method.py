"""What a way to rate documents offers: how it is trained, if it is, and how it rates.

A method is one file in ``methods/``: its ``Config`` (an entry of the recipe's ``raters``, a
subclass of :class:`Method`), its ``VERSION`` and its functions. ``config.py`` lists the family;
assets know a method by this class only.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Output, Work
from midtrain_dagster.core.problems import Location
from midtrain_dagster.inference import batches
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.inference.generator import GeneratorConfig, Request

Scale = tuple[float, float]
"""The range of a method's ratings."""

ByPart = list[list[Part]]
"""Of each part of documents, the parts that were made of it."""

Run = Callable[[Sequence[Work]], ByPart]
"""Runs units of work, and returns the outputs of each."""

MODEL = "model"
METRICS = "metrics"
"""The tables of a trained rater: ``model`` is a file, ``metrics`` has name and value (Float64)."""


@dataclass(frozen=True)
class Training:
    """What a method is trained on and with."""

    documents: Sequence[Part]
    """All parts of the recipe's documents; a part's label is its source."""
    digests: Any
    """What `Method.training_digests` found."""
    find: FindPath
    run: Run
    read: Callable[[Part], pl.DataFrame]
    write: Callable[[str, Output], Part]
    """Stores a table of the artifact that is being made."""
    ask: Callable[[Request, list[str]], list[str]]
    """Puts prompts to a text generator; a completion each."""


@dataclass(frozen=True)
class Rating:
    """What a method rates and with what."""

    documents: Sequence[Part]
    model: Sequence[Part]
    """What training made, if the method is trained."""
    digests: Any
    """What `Method.rating_digests` found."""
    find: FindPath
    run: Run
    others: Mapping[str, ByPart]
    """By rater, the ratings that this one combines."""
    scales: Mapping[str, Scale]
    """The range of each of those."""
    signals: Sequence[Part]
    """The signals of each part of documents, where others are combined."""


class Method(FrozenModel, ABC):
    """A way to rate documents, as a recipe says it."""

    SCALE: ClassVar[Scale]
    KINDS: ClassVar[tuple[str, ...]] = ()
    """What the UI marks the trained rater with."""

    method: str

    @property
    def combines(self) -> Sequence[str]:
        """The raters in its field ``of``, whose ratings it combines; none: it reads documents."""
        return ()

    @property
    def sources(self) -> Mapping[Location, Sequence[str]]:
        """The sources that it learns from, by the field that names them."""
        return {}

    @property
    def is_trained(self) -> bool:
        """Whether a model is made in the graph."""
        return False

    @property
    def judge_generator(self) -> GeneratorConfig | None:
        """The text generator that judges documents for its training, if one does."""
        return None

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What of the files that it names is missing or of no use, by the field of its section."""
        if self.judge_generator is not None:
            for finding in self.judge_generator.findings(find):
                yield finding.below("judge", "generator")

    def training_cause(self, documents: Artifact) -> Any:
        """What of the documents is a cause of the model: all of them."""
        return documents.fingerprint

    def training_digests(self, find: FindPath) -> Any:
        """Digests of files that the model is made with."""
        return None

    def train_model(self, training: Training) -> list[Part]:
        """The tables of the trained rater: ``model``, ``metrics`` and whatever else there is."""
        raise TypeError(f"a rater by {self.method} is not trained")

    @property
    def rating_section(self) -> Any:
        """What of the section says how it rates; of a trained rater, the rest is in its model."""
        return self

    def rating_digests(self, find: FindPath) -> Any:
        """Digests of files that documents are rated with."""
        return None

    @abstractmethod
    def rate_documents(self, rating: Rating) -> ByPart:
        """The table ``ratings`` (id, rating, error) of each part of documents."""


def versions(method: Method) -> dict[str, int]:
    """The version of the method's module, of those that it uses, and of what asks its judge."""
    asked = batches.versions(method.judge_generator) if method.judge_generator else {}
    return versions_of(sys.modules[type(method).__module__]) | asked
