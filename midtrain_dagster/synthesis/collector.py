"""Takes what a method accepts and rejects, and makes the tables: the same for every method.

An accepted text becomes a document whose metadata says what it is (``family``, ``form``,
``thought``), who wrote it and asked by which prompts (``generator``, ``prompt_version``,
``requests``), of what (``seeds``), and what it scored. So ``midtrain explain`` can tell its story,
and the share of each family in a stage can be counted.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import polars as pl

from midtrain_dagster.core.schema import DOCUMENTS, Format, Kind, document_id
from midtrain_dagster.synthesis.tables import EXAMPLES, REJECTS, Accepted, Family, Thought

VERSION = 1


class Seed(NamedTuple):
    """What a request was made of: a document, or a span of it in bytes; or another thing by its
    name (a tool, a persona, a template)."""

    document: str | None = None
    start: int | None = None
    stop: int | None = None
    name: str | None = None


class FieldShown(NamedTuple):
    """A field of an example: see ``tables.EXAMPLES``."""

    label: str
    text: str
    generated: bool


class Described(Protocol):
    """What a method says of all its documents."""

    KIND: ClassVar[Kind]
    """The kind of document that it makes, which says how they are curated."""
    FAMILY: ClassVar[Family]
    FORM: ClassVar[str]
    """What a document looks like: ``question_answer``, ``dialogue``, ``table``."""
    THOUGHT: ClassVar[Thought]
    PROMPT_VERSION: ClassVar[int]
    """Of the prompts' wording, set by hand: it stands in the documents. What is asked again follows
    from the prompts themselves."""

    @property
    def domain(self) -> str:
        """The domain that accepted documents feed."""
        ...


class Collector:
    """Takes documents and rejects one after the other."""

    def __init__(self, method: Described, *, source: str, written_by: str) -> None:
        """Documents of a method get the ``source``, which is part of their ids, and their author's
        name."""
        self.method, self.source, self.written_by = method, source, written_by
        self._documents: list[dict[str, str | None]] = []
        self._rejects: list[tuple[str, str, str]] = []
        self._examples: list[tuple[str, list[dict[str, Any]]]] = []
        self.steps: dict[str, tuple[int, int]] = {}
        """How many entered each step that a method counts, and how many left it."""

    def step(self, name: str, entered: int, left: int) -> None:
        """Count a step of the method: what it was given, and what it passed on."""
        self.steps[name] = entered, left

    def reject(self, request: str, reason: str, completion: str) -> None:
        """Leave a completion out, and say why."""
        self._rejects.append((request, reason, completion))

    def accept(
        self,
        requests: str | Sequence[str],
        text: str,
        *,
        seeds: Sequence[Seed],
        shown: Sequence[FieldShown],
        language: str | None = None,
        format: Format = "plain",
        form: str | None = None,
        thought: Thought | None = None,
        scores: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a document of a text. ``requests`` are the ids of those that led to it, the first of
        them its place in the source; ``form`` and ``thought`` stand for the method's own where its
        documents differ; ``metadata`` is what else the method has to say."""
        asked = [requests] if isinstance(requests, str) else list(requests)
        identity = document_id(self.source, asked[0], text)
        method = self.method
        described = {
            "family": method.FAMILY,
            "form": form or method.FORM,
            "thought": thought or method.THOUGHT,
            "generator": self.written_by,
            "prompt_version": method.PROMPT_VERSION,
            "requests": asked,
            "seeds": [_present(seed) for seed in seeds],
            **({"scores": dict(scores)} if scores else {}),
            **(metadata or {}),
        }
        self._documents.append(
            {
                "id": identity,
                "text": text,
                "source": self.source,
                "domain": method.domain,
                "kind": method.KIND,
                "format": format,
                "language": language,
                "locator": asked[0],
                "metadata": json.dumps(described),
            }
        )
        self._examples.append((identity, [field._asdict() for field in shown]))

    def tables(self) -> Accepted:
        """What became of all of them."""
        return Accepted(
            pl.DataFrame(self._documents, schema=DOCUMENTS),
            pl.DataFrame(self._rejects, schema=REJECTS, orient="row"),
            pl.DataFrame(self._examples, schema=EXAMPLES, orient="row"),
        )


def _present(seed: Seed) -> dict[str, Any]:
    return {name: value for name, value in seed._asdict().items() if value is not None}
