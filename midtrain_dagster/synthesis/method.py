"""What a method of synthesis offers: seeds, rounds of requests, and documents made of the answers.

A method is one file in ``methods/``: its ``Config`` (a section of the recipe, which has the members
of :class:`Method`), its ``VERSION``, and the functions of both. ``config.py`` lists the members of
the family. Assets and report know a method by this protocol and these tables only.

A method is written as a Python generator: it yields a :class:`Round` of requests, gets their
answers back, may ask again about what came back, and returns what it accepted and what not::

    def make(self, seeds, collector):
        answers = yield Round(self.prompts(seeds), self.request)
        judged = yield Round(self.questions(answers), self.judging)
        ...
        return collector.tables()

It never sees a request that failed, nor knows whether an answer is new (``synthesis.frame``).
"""

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.inference.generator import GeneratorConfig, MethodGenerator, Request
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.synthesis.collector import Collector, Described
from midtrain_dagster.synthesis.judge import Judge
from midtrain_dagster.synthesis.tables import Accepted
from midtrain_dagster.tokens.transcript import Conversation


class Round(NamedTuple):
    """Requests that are put to a generator together."""

    requests: pl.DataFrame
    """``id`` (unique in its method), ``prompt`` (a text, or the messages of a chat), and whatever
    the method wants back beside the answers."""
    request: Request
    """How they are asked."""


Making = Generator[Round, pl.DataFrame, Accepted]
"""Yields rounds, and gets back each round's requests that were answered, with the columns
``batches.COMPLETED``."""


class Method(Described, Protocol):
    """A section of the recipe that makes documents of others, with a text generator."""

    CHECKS: ClassVar[Sequence[str]]
    """The reasons for which it rejects: what an accepted document was held against."""

    CONVERSATIONS: ClassVar[Sequence[Conversation]]
    """Conversations such as it writes, whose documents are transcripts; none: plain text."""

    @property
    def domains(self) -> Sequence[str]:
        """The domains whose documents are asked about; none: its seeds are no documents."""
        ...

    @property
    def documents(self) -> int:
        """How many documents are asked about at most."""
        ...

    @property
    def generator(self) -> MethodGenerator | None:
        """The model that is asked; none: nobody is, and the method yields no round."""
        ...

    @property
    def draw(self) -> Literal["evenly", "towards_unknown"]:
        """How its documents are drawn."""
        ...

    @property
    def judged(self) -> Judge | None:
        """Who scores what it accepted; none: nobody does."""
        ...

    @property
    def also_asked(self) -> Mapping[str, GeneratorConfig]:
        """Further models that it asks, by what they do: whoever judges or plays tools."""
        ...

    @property
    def failed_share(self) -> float:
        """The share of requests that may fail before the run is stopped."""
        ...

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What it lacks on this machine, by the field of its section."""
        ...

    def given(self, find: FindPath) -> dict[str, Any]:
        """What it is made of beside documents and answers, as a cause: digests of files."""
        ...

    def located(self, find: FindPath) -> Self:
        """The same with paths that can be opened, for what reads files of its own."""
        ...

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents (schema ``DOCUMENTS``) to ask about, of all that may be."""
        ...

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask, and sort what comes back: every request of the first round is accepted or rejected.

        Args:
            seeds: the documents that were chosen.
            collector: takes what is accepted and rejected, and makes the tables.
        """
        ...


def author(method: Method) -> str:
    """Who writes the documents of a method: its generator, or the method itself."""
    if method.generator is not None:
        return method.generator.name
    return type(method).__module__.rpartition(".")[2]


def versions(method: Method | Assembly) -> dict[str, int]:
    """The version of the method's module and of those that it uses."""
    return versions_of(sys.modules[type(method).__module__])
