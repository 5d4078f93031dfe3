"""Questions about places of a long document, with all of it as the context.

Long question answering as for Llama 3 (Grattafiori et al. 2024, arXiv 2407.21783, section 4.3.4: a
long document is split into chunks, a model is asked for questions about drawn ones, and the whole
document is the context in training). So a small model with a short window makes data for long ones:
it never sees more than a chunk.

The chunks that are asked about are spread over the text, one in each stretch of it, and of each
answer the depth is recorded: where models lose things is the middle. A pair is held against its
chunk as by ``question_answer`` (the answer stands in it word for word), and then against the rest:
another chunk with all of the question's words makes it a question about no one place ("When did it
open?"), and it is rejected. The document is shown whole, its questions after it in a drawn order,
so that their order tells no depth.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core import draws
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import long_method
from midtrain_dagster.synthesis.collector import Collector, FieldShown
from midtrain_dagster.synthesis.long_method import LongConfig, LongText
from midtrain_dagster.synthesis.long_pieces import chunks
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.methods import question_answer
from midtrain_dagster.synthesis.methods.question_answer import (
    broken,
    content_words,
    locate,
    parse,
    prompt,
)
from midtrain_dagster.synthesis.passages import STOP, plain
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (draws, long_method, question_answer)

SHORTEST_CHUNK = 100  # bytes

NOT_OF_ONE_PLACE = "not_of_one_place"


class Chunk(NamedTuple):
    """A chunk that is asked about."""

    id: str
    of: LongText
    text: str
    """Without the white space around it."""
    number: int
    """Among the chunks of its text, from 0."""
    start: int
    """Its first byte, of the text that is shown."""


class Asked(NamedTuple):
    """A question that was accepted, with its answer."""

    chunk: Chunk
    question: str
    answer: str
    start: int
    """The answer's first byte in the text that is shown."""


class Config(LongConfig):
    """Questions about places of a long document, which stands before them as a whole."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "long_questions"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = question_answer.Config.PROMPT_VERSION
    CHECKS: ClassVar[Sequence[str]] = (*get_args(question_answer.Reason), NOT_OF_ONE_PLACE)

    method: Literal["long_questions"] = "long_questions"
    domain: str = Field(default="long_qa", description="the domain that accepted questions feed")
    questions: int = Field(default=8, gt=0, description="chunks asked about in a text, at most")
    chunk_bytes: int = Field(default=400, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=40, gt=0, description="tokens of a completion, at most")

    @property
    def request(self) -> Request:
        """How the generator is asked: worked examples end at an empty line."""
        return super().request.model_copy(update={"stop": STOP})

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask once about each chunk, and put what holds behind its text."""
        every = {text.id: text for text in self.texts(seeds)}
        cut = {
            identity: chunks(text.piece.text, self.chunk_bytes) for identity, text in every.items()
        }
        asked = {
            chunk.id: chunk for key, text in every.items() for chunk in self._drawn(text, cut[key])
        }
        rows = [(chunk.id, prompt(chunk.text)) for chunk in asked.values()]
        table = pl.DataFrame(rows, {"id": pl.String, "prompt": pl.String}, orient="row")
        answered = yield Round(table, self.request)
        known = {key: [set(plain(each).split()) for each in parts] for key, parts in cut.items()}
        found: dict[str, list[Asked]] = {}
        for identity, completion in answered.select("id", "completion").iter_rows():
            chunk = asked[identity]
            before = found.setdefault(chunk.of.id, [])
            judged = self._judged(chunk, completion, known[chunk.of.id], before)
            if isinstance(judged, str):
                collector.reject(identity, judged, completion)
            else:
                before.append(judged)
        for identity, pairs in found.items():
            if pairs:
                self._accept(every[identity], pairs, collector)
        return collector.tables()

    def _drawn(self, text: LongText, parts: Sequence[str]) -> list[Chunk]:
        """A chunk of each stretch of a text, in order; none of a stretch of headings."""
        found: list[Chunk] = []
        start = 0
        for number, part in enumerate(parts):
            inner = part.strip()
            at = start + len(part[: len(part) - len(part.lstrip())].encode())
            size = len(inner.encode())
            if SHORTEST_CHUNK <= size <= 2 * self.chunk_bytes:
                place = f"{text.id}:{at}-{at + size}"
                found.append(Chunk(place, text, inner, number, at))
            start += len(part.encode())
        count = min(self.questions, len(found))
        stretches = [
            found[len(found) * each // count : len(found) * (each + 1) // count]
            for each in range(count)
        ]
        return [min(each, key=lambda chunk: draws.place(chunk.id, self.seed)) for each in stretches]

    def _judged(
        self, chunk: Chunk, completion: str, known: Sequence[set[str]], before: Sequence[Asked]
    ) -> Asked | str:
        """A pair that holds, or why it does not."""
        pair = parse(completion)
        span = locate(pair.answer, chunk.text)
        reason: str | None = broken(pair, chunk.text, span)
        if reason is None and plain(pair.question) in {plain(each.question) for each in before}:
            reason = "duplicate_question"
        if reason is None:
            words = set(content_words(plain(pair.question))) & known[chunk.number]
            others = (each for number, each in enumerate(known) if number != chunk.number)
            if any(words <= each for each in others):
                reason = NOT_OF_ONE_PLACE
        if reason is not None or span is None:
            return str(reason)
        at = chunk.start + len(chunk.text[: span[0]].encode())
        return Asked(chunk, pair.question, chunk.text[slice(*span)], at)

    def _accept(self, text: LongText, pairs: Sequence[Asked], collector: Collector) -> None:
        drawn = sorted(pairs, key=lambda each: draws.place(f"{each.chunk.id}/order", self.seed))
        asked = "\n\n".join(f"Question: {each.question}\nAnswer: {each.answer}" for each in drawn)
        size = text.piece.stop - text.piece.start
        collector.accept(
            [each.chunk.id for each in drawn],
            f"{text.piece.text.rstrip()}\n\n{asked}",
            seeds=[text.seed],
            shown=[
                FieldShown("Questions", asked, generated=True),
                FieldShown("Chunks", "\n\n".join(each.chunk.text for each in drawn), False),
            ],
            language=text.language,
            metadata={"questions": [_told(each, text, size) for each in drawn]},
        )


def _told(asked: Asked, text: LongText, size: int) -> Mapping[str, float | int]:
    """Where an answer stands: bytes in the document, and the depth in the text that is shown."""
    start = text.piece.start + asked.start
    stop = start + len(asked.answer.encode())
    return {"start": start, "stop": stop, "depth": round(asked.start / size, 4)}
