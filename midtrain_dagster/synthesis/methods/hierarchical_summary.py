"""Summaries of long documents: of chunks, then of those summaries, up to one.

Long summarization data as for Llama 3 (Grattafiori et al. 2024, arXiv 2407.21783, section 4.3.4)
and before it Wu et al. 2021 (arXiv 2109.10862): a model whose window holds a chunk summarises
chunks, then summaries, until one is left. The document is shown whole, its summary after it.

Each summary is held against what it was made of (``fidelity.py``): it names no number and nobody
that does not stand there, is shorter, keeps some of its words, is no copy, and comes to an end. The
last one is held against the whole document, too. A chunk whose summary is lost is left out of the
next one as long as enough of the text is covered, and the metadata say how much was; a lost summary
of summaries costs the document.

That nothing is made up is what is checked; that what matters is in it is the model's affair.
"""

from collections.abc import Generator, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import fidelity, long_method, loops
from midtrain_dagster.synthesis.collector import Collector, FieldShown
from midtrain_dagster.synthesis.fidelity import Bounds, measure
from midtrain_dagster.synthesis.long_method import LongConfig, LongText
from midtrain_dagster.synthesis.long_pieces import chunks
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.passages import STOP, on_one_line
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (fidelity, long_method, loops)

BOUNDS = Bounds(length=(0.02, 0.7), recall=0.05, copied=0.7, numbers_lost=1.0, names_lost=1.0)
"""Of a summary against what it was made of (ours): made-up numbers and names are what it bars."""
OF_SUMMARIES = BOUNDS._replace(length=(0.02, 0.8), copied=1.0)
"""Of a summary of summaries: to take sentences of them over is no copying."""
WHOLE = Bounds(length=(0, 0.5), recall=0, copied=1.0, numbers_lost=1.0, names_lost=1.0)
"""Of the last summary against the whole text."""
FEWEST_WORDS = 6

INSTRUCTION = (
    "Each text is summarized in one or two short sentences, which say nothing that the text does "
    "not say."
)

WORKED_EXAMPLES = (
    (
        "The Danube rises in the Black Forest of Germany and flows for 2,850 km before it empties "
        "into the Black Sea. It passes through ten countries, more than any other river in the "
        "world, and ships have used it since Roman times. In dry summers the water is so low that "
        "they have to wait for weeks.",
        "The Danube runs from the Black Forest to the Black Sea through ten countries. Ships use "
        "it, but must wait when the water is low.",
    ),
    (
        "The library was closed on Monday because a pipe had burst on the second floor. Staff "
        "moved about four hundred books to the town hall, where they are being dried page by page. "
        "The reading room will stay shut until April, and loans have been extended for everybody.",
        "A burst pipe has closed the library, with its reading room shut until April. Wet books "
        "are dried in the town hall.",
    ),
)

OWN_CHECKS = ("empty", "prompt_echo", "unfinished", "loop")
TOO_LITTLE_COVERED, DOCUMENT_LOST = "too_little_covered", "document_lost"


class Part(NamedTuple):
    """What is summarized: a chunk, or some summaries."""

    id: str
    text: str


class Config(LongConfig):
    """A long document and its summary, made of the summaries of its chunks."""

    KIND: ClassVar[Kind] = "prose"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "summary"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = (
        *OWN_CHECKS,
        *get_args(fidelity.Reason),
        TOO_LITTLE_COVERED,
        DOCUMENT_LOST,
    )

    method: Literal["hierarchical_summary"] = "hierarchical_summary"
    domain: str = Field(default="summaries", description="the domain that they feed")
    chunk_bytes: int = Field(default=1_600, ge=200, description="whole sentences up to this size")
    together: int = Field(
        default=6,
        ge=2,
        description="summaries that become one, at most; one more where it would be left alone",
    )
    covered: float = Field(
        default=0.8, gt=0, le=1, description="share of a text whose chunks have a summary, at least"
    )
    max_new_tokens: int = Field(default=96, gt=0, description="tokens of a completion, at most")

    @property
    def request(self) -> Request:
        """How the generator is asked: worked examples end at an empty line."""
        return super().request.model_copy(update={"stop": STOP})

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Summarize chunks, then summaries, until each text has one or is lost."""
        climbs = [Climb(text, self) for text in self.texts(seeds)]
        yield from self._round(climbs)
        while any(climb.parts for climb in climbs):
            yield from self._round(climbs)
        for climb in climbs:
            climb.tell(collector)
        return collector.tables()

    def _round(self, climbs: Sequence["Climb"]) -> Generator[Round, pl.DataFrame, None]:
        """Ask for the summaries that each text waits for."""
        rows = [(part.id, prompt(part.text)) for climb in climbs for part in climb.parts]
        table = pl.DataFrame(rows, {"id": pl.String, "prompt": pl.String}, orient="row")
        answered = yield Round(table, self.request)
        columns = answered.select("id", "completion", "finish")
        said = {key: (parse(text), finish == "length") for key, text, finish in columns.iter_rows()}
        for climb in climbs:
            climb.take(said)


class Climb:
    """A text on its way to one summary."""

    def __init__(self, text: LongText, config: Config) -> None:
        """Begin with the chunks of the text."""
        self.text, self.config = text, config
        cut = chunks(text.piece.text, config.chunk_bytes)
        self.parts = [Part(f"{text.id}/0.{at}", each.strip()) for at, each in enumerate(cut)]
        """What is to be summarized next; nothing at the end."""
        self.covered = 0.0
        self.fault: str | None = None
        self.summary: str | None = None
        self._first: list[tuple[Part, str, str | None]] = []
        self._levels = 0
        self._trail: list[str] = []

    def take(self, said: Mapping[str, tuple[str, bool]]) -> None:
        """Take the summaries of the parts; what has no answer is lost."""
        if not self.parts:
            return
        bounds = OF_SUMMARIES if self._levels else BOUNDS
        there = [(part, *said[part.id]) for part in self.parts if part.id in said]
        judged = [
            (part, text, broken(text, part.text, bounds, cut=cut)) for part, text, cut in there
        ]
        sound = [(part, text) for part, text, reason in judged if reason is None]
        if self._levels == 0:
            self._first = judged
            size = sum(len(part.text) for part in self.parts)
            self.covered = sum(len(part.text) for part, _ in sound) / size
            if self.covered < self.config.covered:
                self.fault = TOO_LITTLE_COVERED
        elif len(sound) < len(self.parts):
            self.fault = DOCUMENT_LOST
        self._levels += 1
        self.parts = []
        if self.fault:
            return
        self._trail += [part.id for part, _ in sound]
        texts = [text for _, text in sound]
        if len(texts) > 1:
            self.parts = self._grouped(texts)
        elif WHOLE.broken(measure(texts[0], self.text.piece.text)):
            self.fault = DOCUMENT_LOST
        else:
            self.summary = texts[0]

    def _grouped(self, texts: Sequence[str]) -> list[Part]:
        """Neighbouring summaries together, in groups of like size; none is left alone."""
        groups = min(-(-len(texts) // self.config.together), len(texts) // 2)
        bounds = [len(texts) * at // groups for at in range(groups + 1)]
        return [
            Part(f"{self.text.id}/{self._levels}.{at}", " ".join(texts[start:stop]))
            for at, (start, stop) in enumerate(pairwise(bounds))
        ]

    def tell(self, collector: Collector) -> None:
        """Make a document, and reject what was lost."""
        for part, text, reason in self._first:
            if reason or self.fault:
                collector.reject(part.id, reason or str(self.fault), text)
        if self.summary is None:
            return
        text = self.text.piece.text.rstrip()
        found = measure(self.summary, text)
        first = "\n".join(text for _, text, reason in self._first if reason is None)
        collector.accept(
            self._trail,
            f"{text}\n\nSummary: {self.summary}",
            seeds=[self.text.seed],
            shown=[
                FieldShown("Summary", self.summary, generated=True),
                FieldShown("Summaries of chunks", first, generated=True),
                FieldShown("Text", text, generated=False),
            ],
            language=self.text.language,
            scores={"covered": round(self.covered, 4), **found.scores},
            metadata={"levels": self._levels, "chunks": len(self._first)},
        )


def prompt(text: str) -> str:
    """The worked examples, and the text on one line."""
    worked = [f"Text: {each}\nSummary: {summary}" for each, summary in WORKED_EXAMPLES]
    return "\n\n".join([INSTRUCTION, *worked, f"Text: {on_one_line(text)}\nSummary:"])


def parse(completion: str) -> str:
    """The first line of a completion, without its label."""
    lines = fidelity.without_opening(completion, "Summary:").strip().split("\n")
    return lines[0].strip()


def broken(summary: str, source: str, bounds: Bounds = BOUNDS, *, cut: bool = False) -> str | None:
    """Why a summary is rejected, or none; the first reason that holds is the one counted."""
    own = {
        "empty": len(fidelity.words_of(summary)) < FEWEST_WORDS,
        "prompt_echo": any(summary == each for _, each in WORKED_EXAMPLES),
        "unfinished": cut or not summary.rstrip("\"')\u201d").endswith((".", "!", "?")),
        "loop": loops.loops(summary),
        "remark": fidelity.remark(summary),
    }
    first = next((reason for reason, holds in own.items() if holds), None)
    return first or bounds.broken(measure(summary, source))
