"""What a way to find duplicates offers: a signature of each document, and edges between duplicates.

A method is one file in ``methods/``: its ``Config`` (a section of the recipe, a subclass of
:class:`Method`), its ``VERSION`` and its functions. ``config.py`` lists the family; assets know a
method by this class only. What becomes of the edges is the same for every method: `clusters` are
their connected components, and one member of each stays.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, Literal

from pydantic import Field

from midtrain_dagster.core.artifacts import Artifact, Figures, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Output, Work
from midtrain_dagster.core.storage import Storage

Keep = Literal["longest", "best_rated", "oldest"]

SIGNATURES = "signatures"
EDGES = "edges"
"""The tables that every method makes: ``signatures`` has at least id and error, ``edges`` the
columns of `verification.EDGES`, with a null ``jaccard`` where the method measures none."""


DUPLICATE_EDGES = "duplicate_edges"
"""The artifact that holds the edges of the first method of a recipe."""


def artifacts_of(first: str, methods: "Sequence[Method]") -> "dict[str, Method]":
    """The artifacts of several methods by name: ``first`` of the first, ``first/METHOD`` of the
    others."""
    names = [first, *(f"{first}/{each.method}" for each in methods[1:])]
    return dict(zip(names, methods, strict=True))


@dataclass(frozen=True)
class Corpus:
    """What a method finds edges in, and what it does so with."""

    documents: Sequence[Part]
    """All parts of documents."""
    signatures: Sequence[Part]
    """What the method's `Method.sign` made of each of them."""
    earlier: Sequence[Artifact]
    """What was made of other corpora, or of other sections, in the same store."""
    storage: Storage
    run: Callable[[Sequence[Work]], list[list[Part]]]
    """Runs units of work, and returns the outputs of each."""
    write: Callable[[str, Output], Part]
    """Stores a table of the artifact that is being made."""


class Method(FrozenModel, ABC):
    """A way to find duplicates, as a recipe says it, and which of them stays."""

    EDGE_MODULES: ClassVar[tuple[ModuleType, ...]]
    """The modules that make edges of signatures, beside the method's own."""

    method: str
    keep: Keep = Field("longest", description="which member of a cluster stays")
    rated_by: str = Field("quality", description="the rater that best_rated asks")

    @property
    def signature_parameters(self) -> Mapping[str, Any]:
        """What of the section signatures depend on; nothing, if a method does not say."""
        return {}

    @property
    def edge_parameters(self) -> Mapping[str, Any]:
        """What of the section edges depend on, given the signatures; as above."""
        return {}

    @abstractmethod
    def sign(self, documents: Part) -> Work:
        """The unit of work that makes the table ``signatures`` of one part of documents."""

    @abstractmethod
    def edges(self, corpus: Corpus) -> tuple[list[Part], Figures]:
        """The table ``edges``, with whatever other tables the artifact holds."""

    def versions(self) -> dict[str, int]:
        """The versions that signatures depend on."""
        return versions_of(sys.modules[type(self).__module__])

    def edge_versions(self) -> dict[str, int]:
        """The versions that edges depend on."""
        return versions_of(sys.modules[type(self).__module__], *self.EDGE_MODULES)
