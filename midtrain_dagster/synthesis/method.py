"""What a method of synthesis offers: documents to ask about, prompts, a judgement of completions.

A method is one file in ``methods/``: its ``Config`` (a section of the recipe, which has the members
of :class:`Method`), its ``VERSION``, and the functions of both. ``config.py`` lists the members of
the family. Assets and report know a method by this protocol and these tables only.
"""

import sys
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import GeneratorConfig, Request
from midtrain_dagster.synthesis.assembly import Assembly

REJECTS = pl.Schema({"id": pl.String, "reason": pl.String, "completion": pl.String})
"""A completion that was not taken: the prompt's id, and why (a fixed word to count by)."""

_FIELD = pl.Struct({"label": pl.String, "text": pl.String, "generated": pl.Boolean})

EXAMPLES = pl.Schema({"id": pl.String(), "fields": pl.List(_FIELD)})
"""A synthetic document taken apart for people, one row a document: its id, and its fields in the
order to show them. A field has a label (``Question``), a text, and whether the generator chose that
text; otherwise it is copied from the source document."""

EXAMPLES_KEPT = 100
"""Examples that an artifact keeps, of the first documents: enough to look at."""


class Accepted(NamedTuple):
    """What became of completions: each is in ``documents`` or in ``rejects``, in their order."""

    documents: pl.DataFrame
    """With the schema ``DOCUMENTS``."""
    rejects: pl.DataFrame
    """With the schema ``REJECTS``."""
    examples: pl.DataFrame
    """With the schema ``EXAMPLES``: a row for each document."""


class Method(Protocol):
    """A section of the recipe that makes documents of others, with a text generator."""

    KIND: ClassVar[Kind]
    """The kind of document that it makes, which says how they are curated."""

    @property
    def domains(self) -> Sequence[str]:
        """The domains whose documents are asked about."""
        ...

    @property
    def domain(self) -> str:
        """The domain that accepted documents feed."""
        ...

    @property
    def documents(self) -> int:
        """How many documents are asked about at most."""
        ...

    @property
    def generator(self) -> GeneratorConfig:
        """The model that is asked."""
        ...

    @property
    def request(self) -> Request:
        """How it is asked."""
        ...

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents (schema ``DOCUMENTS``) to ask about, of all that may be."""
        ...

    def prompts(self, documents: pl.DataFrame) -> pl.DataFrame:
        """A row for each prompt: ``id``, ``prompt``, and whatever ``accept`` needs beside them."""
        ...

    def accept(
        self, completions: pl.DataFrame, documents: pl.DataFrame, *, source: str, written_by: str
    ) -> Accepted:
        """Sort completions into documents and rejects.

        Args:
            completions: the table of prompts with a column ``completion``.
            documents: those that were chosen.
            source: the ``source`` of accepted documents, which is part of their ids.
            written_by: the generator's name, for the documents' metadata.
        """
        ...


def versions(method: Method | Assembly) -> dict[str, int]:
    """The version of the method's module and of those that it uses."""
    return versions_of(sys.modules[type(method).__module__])
