"""Methods that take out of documents what stands in them: extract, hold against the page, refine.

Two rounds. In the first a model is shown a passage and writes down the questions (or problems) that
stand in it with their answers, or ``none``, which is no fault. What it wrote has to be the page's:
most content words and all numbers of a pair stand in the passage. In the second round it writes
each answer out, and what it says in the end has to be what it was: the same final answer to
``mathematics.equality``, or most of the words where there is none to compare.

Each step has its own yield: the figures of the artifact say how many entered it and how many left
it (``Collector.step``).
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.inference.generator import Request
from midtrain_dagster.mathematics import equality
from midtrain_dagster.mathematics.equality import equal
from midtrain_dagster.mathematics.final_answer import final_answer, marked_answer
from midtrain_dagster.synthesis import fidelity, passages
from midtrain_dagster.synthesis.collector import Collector, FieldShown
from midtrain_dagster.synthesis.fidelity import numbers, remark, words_of
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.passages import (
    PassageConfig,
    Sorter,
    on_one_line,
    plain,
)
from midtrain_dagster.synthesis.tables import Accepted, Thought

VERSION = 1
USES = (equality, fidelity, passages)

GROUNDED = 0.8
"""Share of a pair's content words that stand in the passage; MAmmoTH2 leaves this to its model."""
KEPT = 0.8
"""Share of an answer's content words that a refined one has, where no final answer is compared."""
CONTENT_LETTERS = 4
PAIRS = 8  # of a passage, at most
LONG = 2  # times the words of the answer that was there, from which on there is a thought

NONE = "none"

REFINEMENTS = pl.Schema(
    {
        "id": pl.String,
        "extraction": pl.String,
        "document": pl.String,
        "start": pl.UInt64,
        "stop": pl.UInt64,
        "asked": pl.String,
        "answer": pl.String,
        "prompt": pl.String,
    }
)
"""The second round: a pair, and the request of the first round that it came from."""

Reason = Literal[
    "nothing_there",
    "no_pair",
    "prompt_echo",
    "not_grounded",
    "no_final_answer",
    "duplicate",
    "not_refined",
    "remark",
    "unfinished",
    "answer_changed",
    "answer_lost",
]


class Pair(NamedTuple):
    """A question or problem, and its answer or solution."""

    asked: str
    answer: str


class ExtractionConfig(PassageConfig):
    """Pairs that stand in passages: the section's common fields."""

    LABELS: ClassVar[tuple[str, str]]
    """What the two parts of a pair are called, in prompts and in documents."""
    INSTRUCTIONS: ClassVar[tuple[str, str]]
    """What the two rounds are told."""
    EXTRACTED: ClassVar[Sequence[tuple[str, Pair | None]]]
    """Worked examples of the first round: a passage, and what stands in it."""
    REFINED: ClassVar[Sequence[tuple[Pair, str]]]
    """Worked examples of the second: a pair, and its answer written out."""
    FINAL: ClassVar[bool]
    """Whether a pair without a final answer is rejected."""

    passage_bytes: int = Field(default=800, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=160, gt=0, description="tokens of a completion, at most")

    @property
    @abstractmethod
    def document_form(self) -> str:
        """How a pair is written as a document, with the fields ``asked`` and ``answer``."""

    def prompts(self, documents: pl.DataFrame) -> pl.DataFrame:
        """One prompt a passage. See ``passages.PROMPTS``."""
        return self.ask(documents, self.extraction)

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Extract, hold against the passage, refine, and compare."""
        extracted = yield Round(self.prompts(seeds), self.request)
        pairs = self.pairs(extracted, seeds, collector)
        collector.step("extract", extracted.height, pairs["extraction"].n_unique())
        if pairs.is_empty():
            return collector.tables()
        refined = yield Round(pairs, self.refining)
        lost = pairs.join(refined, on="id", how="anti", maintain_order="left")
        for request, answer in lost.select("id", "answer").iter_rows():
            collector.reject(request, "not_refined", answer)
        return self.accept(refined, seeds, collector)

    @property
    def refining(self) -> Request:
        """How the second round is asked."""
        return self.request

    def extraction(self, passage: str) -> str:
        """The prompt of the first round."""
        ask, answer = self.LABELS
        worked = [
            f"Text: {text}\n{ask}: {pair.asked}\n{answer}: {pair.answer}"
            if pair
            else f"Text: {text}\n{ask}: {NONE}"
            for text, pair in self.EXTRACTED
        ]
        return "\n\n".join([self.INSTRUCTIONS[0], *worked, f"Text: {on_one_line(passage)}\n{ask}:"])

    def refinement(self, pair: Pair) -> str:
        """The prompt of the second round."""
        ask, answer = self.LABELS
        parts = [
            (f"{ask}: {each.asked}\n{answer}: {each.answer}", told) for each, told in self.REFINED
        ]
        worked = [f"{told}\nWritten out: {refined}" for told, refined in parts]
        own = f"{ask}: {pair.asked}\n{answer}: {pair.answer}\nWritten out:"
        return "\n\n".join([self.INSTRUCTIONS[1], *worked, own])

    def parse(self, completion: str) -> list[Pair]:
        """The pairs of an answer of the first round, which continues its prompt."""
        ask, answer = (f"{label}:" for label in self.LABELS)
        found: list[Pair] = []
        for piece in f"\n{ask}{completion}".split(f"\n{ask}")[1 : PAIRS + 1]:
            question, marker, told = piece.partition(f"\n{answer}")
            if marker and question.strip() and told.strip():
                found.append(Pair(on_one_line(question), on_one_line(told)))
        return found

    def pairs(
        self, extracted: pl.DataFrame, documents: pl.DataFrame, collector: Collector
    ) -> pl.DataFrame:
        """What is worth refining (``REFINEMENTS``); a request without any is rejected."""
        rows: list[tuple[object, ...]] = []
        seen: set[str] = set()
        for answer in Sorter(extracted, documents, collector).answers():
            reasons: list[Reason] = []
            for number, pair in enumerate(self.parse(answer.completion)):
                reason = self._against(pair, answer.passage)
                if reason is None and plain(pair.asked) in seen:
                    reason = "duplicate"
                if reason is not None:
                    reasons.append(reason)
                    continue
                seen.add(plain(pair.asked))
                place = answer.id, answer.document, answer.start, answer.stop
                rows.append((f"{answer.id}#{number}", *place, *pair, self.refinement(pair)))
            if not (rows and rows[-1][1] == answer.id):
                nothing = answer.completion.strip().lower().startswith(NONE)
                reason = "nothing_there" if nothing else [*reasons, "no_pair"][0]
                collector.reject(answer.id, reason, answer.completion)
        return pl.DataFrame(rows, REFINEMENTS, orient="row")

    def _against(self, pair: Pair, passage: str) -> Reason | None:
        """Why a pair is not worth refining."""
        examples = {plain(each.asked) for _, each in self.EXTRACTED if each}
        if plain(pair.asked) in examples:
            return "prompt_echo"
        if min(grounded(part, passage) for part in pair) < GROUNDED:
            return "not_grounded"
        if not numbers(" ".join(pair)) <= numbers(passage):
            return "not_grounded"
        return "no_final_answer" if self.FINAL and final_answer(pair.answer) is None else None

    def accept(
        self, completions: pl.DataFrame, documents: pl.DataFrame, collector: Collector
    ) -> Accepted:
        """Sort refined answers (``REFINEMENTS`` with ``completion``) into documents and rejects."""
        sorter = Sorter(completions, documents, collector)
        rows = completions.select("asked", "answer", "extraction", "finish").iter_rows()
        kept = 0
        for answer, (asked, told, extraction, finish) in zip(sorter.answers(), rows, strict=True):
            refined = answer.completion.strip()
            reason = self._refined_against(refined, told, cut=finish == "length")
            if reason is not None:
                sorter.reject(answer, reason)
                continue
            kept += 1
            thought: Thought = (
                "short" if len(refined.split()) >= LONG * len(told.split()) else "none"
            )
            sorter.accept(
                answer._replace(completion=refined),
                self.document_form.format(asked=asked, answer=refined),
                requests=[answer.id, extraction],
                thought=thought,
                scores={"grounded": round(grounded(f"{asked} {told}", answer.passage), 3)},
                shown=list(self._shown(asked, told, refined, answer.passage)),
                metadata={"extracted": told},
            )
        collector.step("refine", completions.height, kept)
        return sorter.tables()

    def _shown(self, asked: str, told: str, refined: str, passage: str) -> Iterator[FieldShown]:
        ask, answer = self.LABELS
        yield FieldShown(ask, asked, generated=True)
        yield FieldShown(f"{answer} as it stands", told, generated=True)
        yield FieldShown(f"{answer} written out", refined, generated=True)
        yield FieldShown("Passage", passage, generated=False)

    def _refined_against(self, refined: str, told: str, *, cut: bool) -> Reason | None:
        """Why a refined answer is rejected."""
        if not words_of(refined):
            return "not_refined"
        if remark(refined):
            return "remark"
        if cut:
            return "unfinished"
        before = final_answer(told)
        if before is None:
            return "answer_lost" if grounded(told, refined) < KEPT else None
        after = marked_answer(refined) or final_answer(refined)
        return None if after is not None and equal(before, after) else "answer_changed"


def grounded(text: str, source: str) -> float:
    """The share of a text's different content words and numbers that stand in a source; of all its
    words where it has no such ones."""
    words = {*words_of(text)}
    content = {word for word in words if len(word) >= CONTENT_LETTERS or word.isdigit()} or words
    return len(content & {*words_of(source)}) / len(content) if content else 0.0
