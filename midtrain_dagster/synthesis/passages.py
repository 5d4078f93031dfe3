"""Methods that ask about passages: which documents, which sentences of them, and what is kept.

A passage is some whole sentences of a document, named by the document's id and the byte offsets of
the passage in its text. Documents are drawn by a hash of seed and id. So two methods of one recipe
with the same seed ask about the same documents; give them seeds of their own if they should not.

Passages are copied into training text, or rewritten: choose source documents from the training
split, never from what is held out.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.core import draws
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import collector
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.method_config import MethodConfig
from midtrain_dagster.synthesis.tables import Accepted, Thought

VERSION = 2
USES = (draws, collector)

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


class DocumentConfig(MethodConfig):
    """Which documents are asked about, and by which generator: the section's common fields."""

    domains: list[str] = Field(min_length=1, description="domains whose documents are asked")
    documents: int = Field(gt=0, description="documents asked, drawn by a hash of their ids")

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents to ask about: see :func:`choose_documents`."""
        return choose_documents(
            documents, domains=self.domains, count=self.documents, seed=self.seed
        )


class PassageConfig(DocumentConfig):
    """Which passages are asked about, and by which generator: the section's common fields."""

    passages: int = Field(default=1, gt=0, description="passages asked per document, at most")
    passage_bytes: int = Field(default=400, ge=100, description="whole sentences up to this size")

    @property
    def request(self) -> Request:
        """How the generator is asked: worked examples end at an empty line."""
        return super().request.model_copy(update={"stop": STOP})

    @abstractmethod
    def prompts(self, documents: pl.DataFrame) -> pl.DataFrame:
        """One prompt a passage. See ``PROMPTS``."""

    @abstractmethod
    def accept(
        self, completions: pl.DataFrame, documents: pl.DataFrame, collector: Collector
    ) -> Accepted:
        """Sort completions (``PROMPTS`` with a column ``completion``) into documents and
        rejects."""

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask once about each passage."""
        answered = yield Round(self.prompts(seeds), self.request)
        return self.accept(answered, seeds, collector)

    def ask(self, documents: pl.DataFrame, prompt: Callable[[str], str]) -> pl.DataFrame:
        """One prompt a passage of each document, written by ``prompt``. See ``PROMPTS``."""
        return passage_prompts(
            documents,
            lambda _, text: first_passages(text, self.passages, self.passage_bytes),
            lambda _, passage: prompt(passage),
        )


def passage_prompts(
    documents: pl.DataFrame,
    spans: Callable[[str, str], Sequence[tuple[int, int]]],
    prompt: Callable[[str, str], str],
) -> pl.DataFrame:
    """One prompt a passage of each document. See ``PROMPTS``.

    Args:
        documents: with the columns ``id`` and ``text``.
        spans: the passages, in characters, of a document by its id and its text.
        prompt: what is asked of a document's id and a passage.
    """
    rows = []
    for identity, text in documents.select("id", "text").iter_rows():
        for start, stop in spans(identity, text):
            offset = len(text[:start].encode())
            end = offset + len(text[start:stop].encode())
            asked = prompt(identity, text[start:stop])
            rows.append((f"{identity}:{offset}-{end}", identity, offset, end, asked))
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


class Sorter:
    """Goes through the answers about passages; each is to be accepted or rejected."""

    def __init__(
        self, completions: pl.DataFrame, documents: pl.DataFrame, collector: Collector
    ) -> None:
        """Take the prompts with their completions, and the documents that they are about."""
        self.collector = collector
        self._completions = completions.select("id", "document", "start", "stop", "completion")
        self._sources = {
            identity: (text, language)
            for identity, text, language in documents.select("id", "text", "language").iter_rows()
        }

    def answers(self) -> Iterator[Answer]:
        """Each completion in its order; it is then to be accepted or rejected."""
        for identity, document, start, stop, completion in self._completions.iter_rows():
            text, language = self._sources[document]
            passage = text.encode()[start:stop].decode()
            yield Answer(identity, document, language, start, stop, passage, completion)

    def reject(self, answer: Answer, reason: str) -> None:
        """Leave it out, and say why."""
        self.collector.reject(answer.id, reason, answer.completion)

    def accept(
        self,
        answer: Answer,
        text: str,
        *,
        shown: Sequence[FieldShown],
        requests: Sequence[str] = (),
        thought: Thought | None = None,
        scores: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a document of it; its metadata says where the passage stands."""
        passage = {"start": answer.start, "stop": answer.stop}
        self.collector.accept(
            requests or answer.id,
            text,
            thought=thought,
            scores=scores,
            seeds=[Seed(answer.document, answer.start, answer.stop)],
            shown=shown,
            language=answer.language,
            metadata={"document": answer.document, "passage": passage, **(metadata or {})},
        )

    def tables(self) -> Accepted:
        """What became of all of them."""
        return self.collector.tables()


def on_one_line(passage: str) -> str:
    """The passage with single spaces in place of any white space."""
    return " ".join(passage.split())


def plain(text: str) -> str:
    """The words of a text in lower case, parted by single spaces."""
    return " ".join(_WORD.findall(text.lower()))
