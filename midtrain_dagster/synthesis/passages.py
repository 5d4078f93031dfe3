"""Methods that ask about passages: which documents, which sentences of them, and what is kept.

A passage is some whole sentences of a document, named by the document's id and the byte offsets of
the passage in its text. Documents are drawn by a hash of seed and id. So two methods of one recipe
with the same seed ask about the same documents; give them seeds of their own if they should not.

Passages are copied into training text, or rewritten: choose source documents from the training
split, never from what is held out.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from heapq import nsmallest
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.core import draws
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import DOCUMENTS, Kind, document_id
from midtrain_dagster.inference.generator import GeneratorConfig, Request
from midtrain_dagster.synthesis.method import EXAMPLES, REJECTS, Accepted

VERSION = 1
USES = (draws,)

PROMPTS = pl.Schema(
    {
        "id": pl.String,
        "document": pl.String,
        "start": pl.UInt64,
        "stop": pl.UInt64,
        "prompt": pl.String,
    }
)
"""``start`` and ``stop`` are the passage's byte offsets in the document's text."""

SHORTEST_DOCUMENT = 200  # bytes

STOP = ("\n\n",)
"""What ends a completion where worked examples are parted by empty lines."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\u201d\u2019]*\s+|\n\s*\n")
_WORD = re.compile(r"\w+")


class PassageConfig(FrozenModel):
    """Which passages are asked about, and by which generator: the section's common fields."""

    domains: list[str] = Field(min_length=1, description="domains whose documents are asked")
    documents: int = Field(gt=0, description="documents asked, drawn by a hash of their ids")
    passages: int = Field(default=1, gt=0, description="passages asked per document, at most")
    passage_bytes: int = Field(default=400, ge=100, description="whole sentences up to this size")
    seed: Seed = 0
    """Of the draw of documents, and of the generator."""
    max_new_tokens: int = Field(default=40, gt=0, description="tokens of a completion, at most")
    generator: GeneratorConfig
    """The model that is asked."""

    @property
    def request(self) -> Request:
        """How the generator is asked."""
        return Request(
            generator=self.generator,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
            stop=STOP,
        )

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents to ask about: see :func:`choose_documents`."""
        return choose_documents(
            documents, domains=self.domains, count=self.documents, seed=self.seed
        )

    def ask(self, documents: pl.DataFrame, prompt: Callable[[str], str]) -> pl.DataFrame:
        """One prompt a passage of each document, written by ``prompt``. See ``PROMPTS``."""
        rows = []
        for identity, text in documents.select("id", "text").iter_rows():
            for start, stop in first_passages(text, self.passages, self.passage_bytes):
                offset = len(text[:start].encode())
                end = offset + len(text[start:stop].encode())
                rows.append(
                    (f"{identity}:{offset}-{end}", identity, offset, end, prompt(text[start:stop]))
                )
        return pl.DataFrame(rows, schema=PROMPTS, orient="row")


def choose_documents(
    documents: pl.DataFrame, *, domains: list[str], count: int, seed: int
) -> pl.DataFrame:
    """The documents to ask about, in the order of their draw.

    The draw is by a hash of seed and id, so it depends on no order, and the choice from many parts
    is the choice from the parts' choices. Documents of fewer than 200 bytes are left out.
    """
    eligible = documents.filter(
        pl.col("domain").is_in(domains) & (pl.col("text").str.len_bytes() >= SHORTEST_DOCUMENT)
    )
    drawn = nsmallest(
        count,
        range(eligible.height),
        key=[draws.place(identity, seed) for identity in eligible["id"]].__getitem__,
    )
    return eligible[drawn]


def first_passages(text: str, count: int, size: int) -> list[tuple[int, int]]:
    """Spans, in characters, of whole sentences up to ``size`` bytes; a much longer one is cut."""
    spans: list[tuple[int, int]] = []
    for start, stop in _sentences(text):
        if spans and len(text[spans[-1][0] : stop].encode()) <= size:
            spans[-1] = spans[-1][0], stop
        elif len(spans) < count:
            spans.append((start, stop))
        else:
            break
    return [(start, start + len(_cut(text[start:stop], 2 * size))) for start, stop in spans]


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore").rstrip()


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans, in characters, of sentences without the white space around them."""
    bounds = [0, *(end.end() for end in _SENTENCE_END.finditer(text)), len(text)]
    for start, stop in pairwise(bounds):
        sentence = text[start:stop]
        if sentence.strip():
            yield start + len(sentence) - len(sentence.lstrip()), start + len(sentence.rstrip())


class Answer(NamedTuple):
    """A completion, and the passage that it is about."""

    id: str
    document: str
    language: str | None
    start: int
    stop: int
    passage: str
    completion: str


class FieldShown(NamedTuple):
    """A field of an example: see ``method.EXAMPLES``."""

    label: str
    text: str
    generated: bool


class Sorter:
    """Sorts the answers about passages, one after the other, and makes the tables at the end."""

    def __init__(
        self, completions: pl.DataFrame, documents: pl.DataFrame, *, source: str, written_by: str
    ) -> None:
        """Take the prompts with their completions, and the documents that they are about."""
        self.source, self.written_by = source, written_by
        self._completions = completions.select("id", "document", "start", "stop", "completion")
        self._sources = {
            identity: (text, language)
            for identity, text, language in documents.select("id", "text", "language").iter_rows()
        }
        self._documents: list[dict[str, str | None]] = []
        self._rejects: list[tuple[str, str, str]] = []
        self._examples: list[tuple[str, list[dict[str, Any]]]] = []

    def answers(self) -> Iterator[Answer]:
        """Each completion in its order; it is then to be accepted or rejected."""
        for identity, document, start, stop, completion in self._completions.iter_rows():
            text, language = self._sources[document]
            passage = text.encode()[start:stop].decode()
            yield Answer(identity, document, language, start, stop, passage, completion)

    def reject(self, answer: Answer, reason: str) -> None:
        """Leave it out, and say why."""
        self._rejects.append((answer.id, reason, answer.completion))

    def accept(
        self,
        answer: Answer,
        text: str,
        *,
        domain: str,
        kind: Kind,
        shown: list[FieldShown],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a document of it; its metadata says where the passage stands and who wrote."""
        identity = document_id(self.source, answer.id, text)
        described = {
            "document": answer.document,
            **(metadata or {}),
            "passage": {"start": answer.start, "stop": answer.stop},
            "generator": self.written_by,
        }
        self._documents.append(
            {
                "id": identity,
                "text": text,
                "source": self.source,
                "domain": domain,
                "kind": kind,
                "format": "plain",
                "language": answer.language,
                "locator": answer.id,
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


def on_one_line(passage: str) -> str:
    """The passage with single spaces in place of any white space."""
    return " ".join(passage.split())


def plain(text: str) -> str:
    """The words of a text in lower case, parted by single spaces."""
    return " ".join(_WORD.findall(text.lower()))
