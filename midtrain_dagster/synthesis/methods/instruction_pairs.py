"""Passages each with several questions and answers, and several such passages as one document.

Instruction Pre-Training (Cheng et al. 2024, arXiv 2406.14491, section 2): a model reads a text and
writes pairs about it; asked about the next text it is shown the former texts with their pairs, so
that the pairs of one document are of a kind, and the document is a lesson of M shots. Their
synthesiser is a Mistral-7B that was trained to write pairs, about five for a text; here any
generator is asked, with a worked example before the first text.

A chain is asked in as many rounds as it has texts. A pair is kept if its answer stands word for
word in its passage (then in the passage's own words, and its bytes are recorded), or else is
grounded in it (``pairs``), if it does not stand in its question, and if the question is about the
passage. What a chain's later text is shown are kept pairs only, so that errors are not taught on.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import pairs, passages
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.fidelity import words_of
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.methods import question_answer
from midtrain_dagster.synthesis.methods.question_answer import LONGEST_ANSWER, locate
from midtrain_dagster.synthesis.pairs import Pair, about, gives_away, grounded, read_continued
from midtrain_dagster.synthesis.passages import DocumentConfig, first_passages, on_one_line
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (passages, pairs, question_answer)

STOP = ("\nPassage:",)

INSTRUCTION = (
    "Each passage is followed by questions and answers that can be learned from it. The answers "
    "keep to the passage."
)

WORKED_EXAMPLES = (
    (
        "Zebras live in herds and eat mostly grass. Each animal carries its own pattern of "
        "stripes, and scientists use the patterns to tell the animals apart. A foal can stand 15 "
        "minutes after it is born.",
        (
            Pair("What do zebras mostly eat?", "grass"),
            Pair("How do scientists tell the animals apart?", "By the patterns of their stripes."),
            Pair("How soon after it is born can a foal stand?", "15 minutes"),
        ),
    ),
    (
        "The Forth Bridge was designed by John Fowler and Benjamin Baker, and William Arrol "
        "directed its construction. It was opened on 4 March 1890.",
        (
            Pair("Who directed the construction of the Forth Bridge?", "William Arrol"),
            Pair("When was the bridge opened?", "on 4 March 1890"),
            Pair("Did John Fowler design the bridge alone?", "No, with Benjamin Baker."),
        ),
    ),
    (
        "The library was closed on Monday because a pipe had burst on the second floor. Staff "
        "moved about four hundred books to the town hall.",
        (
            Pair("Why was the library closed on Monday?", "a pipe had burst"),
            Pair("Where did staff move the books?", "the town hall"),
        ),
    ),
)

Reason = Literal[
    "no_pairs", "prompt_echo", "not_grounded", "answer_in_question", "not_about_passage",
    "duplicate_question",
]  # fmt: skip

_SHOWN = frozenset(pair.question for _, shown in WORKED_EXAMPLES for pair in shown)


class Kept(NamedTuple):
    """A pair that holds, and where its answer stands in the passage, in characters."""

    pair: Pair
    span: tuple[int, int] | None


class Text(NamedTuple):
    """A passage of a chain: of which document, where in its bytes, and what it says."""

    id: str
    document: str
    start: int
    stop: int
    passage: str
    language: str | None


class Shot(NamedTuple):
    """A text with its pairs that hold."""

    text: Text
    kept: list[Kept]

    @property
    def lesson(self) -> str:
        """As it stands in a document."""
        return "\n\n".join([self.text.passage, "\n".join(each.pair.text for each in self.kept)])


class Config(DocumentConfig):
    """Passages with their questions and answers, several behind each other as one document."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "instruction_pairs"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["instruction_pairs"] = "instruction_pairs"
    shots: int = Field(default=2, ge=1, description="passages with pairs that one document joins")
    pairs: int = Field(default=5, ge=1, description="pairs of a passage, at most")
    passage_bytes: int = Field(default=600, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=200, gt=0, description="tokens of a completion, at most")
    domain: str = Field(default="qa", description="the domain that accepted documents feed")

    @property
    def request(self) -> Request:
        """How the generator is asked: it is done where it would begin another passage."""
        return super().request.model_copy(update={"stop": STOP})

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask about the first text of every chain, then about the second, and so on."""
        chains = self.chains(seeds)
        done: list[list[Shot]] = [[] for _ in chains]
        asked: set[str] = set()
        for number in range(self.shots):
            due = {chain[number].id: at for at, chain in enumerate(chains) if number < len(chain)}
            if not due:
                break
            rows = [
                (name, prompt(done[at], chains[at][number].passage)) for name, at in due.items()
            ]
            answers = yield Round(pl.DataFrame(rows, ["id", "prompt"], orient="row"), self.request)
            for name, completion in answers.select("id", "completion").iter_rows():
                text = chains[due[name]][number]
                kept, reason = sort(completion, text.passage, asked, self.pairs)
                if reason is not None:
                    collector.reject(name, reason, completion)
                    continue
                done[due[name]].append(Shot(text, kept))
        for shots in filter(None, done):
            _accept(collector, shots)
        return collector.tables()

    def chains(self, documents: pl.DataFrame) -> list[list[Text]]:
        """The first passage of each document, so many in a chain, of one domain each."""
        found: list[list[Text]] = []
        for (_,), own in documents.group_by("domain", maintain_order=True):
            rows = own.select("id", "text", "language").iter_rows()
            texts = [text for row in rows if (text := self._text(*row))]
            starts = range(0, len(texts), self.shots)
            found += [texts[start : start + self.shots] for start in starts]
        return found

    def _text(self, identity: str, text: str, language: str | None) -> Text | None:
        for begin, end in first_passages(text, 1, self.passage_bytes):
            start, passage = len(text[:begin].encode()), text[begin:end]
            stop = start + len(passage.encode())
            return Text(f"{identity}:{start}-{stop}", identity, start, stop, passage, language)
        return None


def prompt(shots: Sequence[Shot], passage: str) -> str:
    """The worked examples, what the chain has so far, and the passage on one line."""
    shown = [
        *WORKED_EXAMPLES,
        *((shot.text.passage, [k.pair for k in shot.kept]) for shot in shots),
    ]
    before = [
        f"Passage: {on_one_line(text)}\n" + "\n".join(pair.text for pair in made)
        for text, made in shown
    ]
    return "\n\n".join([INSTRUCTION, *before, f"Passage: {on_one_line(passage)}\nQuestion:"])


def sort(
    completion: str, passage: str, asked: set[str], most: int
) -> tuple[list[Kept], Reason | None]:
    """The pairs of a completion that hold, and why there are none.

    Questions that are kept are added to ``asked``; one that is there already is not kept.
    """
    body = completion.partition("\nPassage:")[0]
    found = read_continued(body)
    kept: list[Kept] = []
    first: Reason | None = None
    for pair in found:
        span = locate(pair.answer.rstrip(".,;:"), passage)
        short = span is not None and len(pair.answer.split()) <= LONGEST_ANSWER
        key = " ".join(words_of(pair.question))
        checks: dict[Reason, bool] = {
            "prompt_echo": pair.question in _SHOWN,
            "not_grounded": not short and not grounded(pair.answer, passage),
            "answer_in_question": gives_away(pair),
            "not_about_passage": not about(pair.question, passage),
            "duplicate_question": key in asked,
        }
        reason = next((reason for reason, holds in checks.items() if holds), None)
        first = first or reason
        if reason is None and len(kept) < most:
            asked.add(key)
            own = passage[slice(*span)] if span is not None and short else pair.answer
            kept.append(Kept(Pair(pair.question, " ".join(own.split())), span if short else None))
    return kept, None if kept else first or "no_pairs"


def _accept(collector: Collector, shots: Sequence[Shot]) -> None:
    """Make a document of a chain."""
    answers: list[dict[str, Any]] = []
    for text, kept in shots:
        for _, span in kept:
            if span is not None:
                start, stop = (text.start + len(text.passage[:at].encode()) for at in span)
                answers.append({"document": text.document, "start": start, "stop": stop})
    pairs_made = [each.pair for shot in shots for each in shot.kept]
    collector.accept(
        [shot.text.id for shot in shots],
        "\n\n".join(shot.lesson for shot in shots),
        seeds=[Seed(shot.text.document, shot.text.start, shot.text.stop) for shot in shots],
        shown=[
            FieldShown("Pairs", "\n".join(pair.text for pair in pairs_made), generated=True),
            FieldShown("Passages", "\n\n".join(s.text.passage for s in shots), generated=False),
        ],
        language=shots[0].text.language,
        scores={"located": round(len(answers) / len(pairs_made), 3)},
        metadata={"shots": len(shots), "pairs": len(pairs_made), "answers": answers},
    )
