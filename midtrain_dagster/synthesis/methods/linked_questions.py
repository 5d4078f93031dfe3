"""Questions over two documents that share a fact: neither answers them alone.

Documents are linked by a rare name (``links``); the passage around it in each is shown, and a
question is asked for that takes both. Such questions are what multi-hop sets are made of (Yang et
al. 2018, arXiv 1809.09600, section 2, join pages over an entity that they share); linking the
documents of a corpus by entities before synthesis is EntiGraph's (Yang et al. 2024, arXiv
2409.07431). A document is both passages, the question and its answer.

That it takes both is held to words. The answer stands word for word in one passage and not in the
other; the question leads there from the other one, so it has a word that only this has; and it asks
about the answer's passage, so it has a word that only that has, beside the answer. Words are
compared by their first four letters, and the question brings no name or number along. What a
question means is not looked into: a model may join two things that have nothing to do with each
other.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import links, pairs, passages
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.fidelity import CONTENT_LETTERS, measure, words_of
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.methods import question_answer
from midtrain_dagster.synthesis.methods.question_answer import locate
from midtrain_dagster.synthesis.pairs import Pair, gives_away, read_continued
from midtrain_dagster.synthesis.passages import DocumentConfig, first_passages, on_one_line
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (passages, pairs, links, question_answer)

STOP = ("\n\n",)
PASSAGES_SEARCHED = 1000

INSTRUCTION = (
    "Two passages share a name. Each question needs both passages, and its answer is a short "
    "phrase copied from one of them."
)

WORKED_EXAMPLES = (
    (
        "The Forth Bridge was opened on 4 March 1890. William Arrol directed its construction.",
        "At the age of nine, William Arrol started work in a cotton mill, and at night he studied "
        "mechanics.",
        "William Arrol",
        "Where did the man who directed the construction of the Forth Bridge start work?",
        "in a cotton mill",
    ),
    (
        "Among the peaks of the range, Mount Alder is the highest with 3,012 metres. A hut stands "
        "below its summit.",
        "The Reed rises on Mount Alder and flows north through two lakes before it meets the sea.",
        "Mount Alder",
        "How high is the mountain on which the Reed rises?",
        "3,012 metres",
    ),
)

Reason = Literal[
    "no_pair", "prompt_echo", "not_grounded", "answer_in_both", "answer_in_question",
    "one_passage", "duplicate_question",
]  # fmt: skip


class Side(NamedTuple):
    """A passage with the shared name: of which document, and where in its bytes."""

    document: str
    start: int
    stop: int
    passage: str
    language: str | None


class Two(NamedTuple):
    """What a question is asked about."""

    id: str
    first: Side
    second: Side
    name: str


class Config(DocumentConfig):
    """Questions that need two documents, which are joined by a name that both have."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "linked_question"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["linked_questions"] = "linked_questions"
    documents: int = Field(gt=0, description="documents searched for names that two of them share")
    questions: int = Field(gt=0, description="pairs of documents asked, at most")
    passage_bytes: int = Field(default=300, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=60, gt=0, description="tokens of a completion, at most")
    domain: str = Field(default="qa", description="the domain that accepted questions feed")

    @property
    def request(self) -> Request:
        """How the generator is asked: worked examples end at an empty line."""
        return super().request.model_copy(update={"stop": STOP})

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask once about each two documents."""
        asked = {two.id: two for two in self.linked(seeds)}
        rows = [(two.id, prompt(two)) for two in asked.values()]
        schema = {"id": pl.String, "prompt": pl.String}
        answers = yield Round(pl.DataFrame(rows, schema, orient="row"), self.request)
        known: set[str] = set()
        for name, completion in answers.select("id", "completion").iter_rows():
            two = asked[name]
            pair, reason = sort(completion, two)
            question = " ".join(words_of(pair.question))
            if reason is None and question in known:
                reason = "duplicate_question"
            if reason is not None:
                collector.reject(name, reason, completion)
                continue
            known.add(question)
            _accept(collector, two, pair)
        return collector.tables()

    def linked(self, documents: pl.DataFrame) -> list[Two]:
        """Two passages a link, each the one of its document that has the name first."""
        rows = documents.select("id", "text", "language").iter_rows()
        texts = {identity: (text, language) for identity, text, language in rows}
        found = []
        for first, second, name in links.links(documents, count=self.questions):
            sides = [
                _side(each, *texts[each], name, self.passage_bytes) for each in (first, second)
            ]
            found.append(Two(f"{first}+{second}", sides[0], sides[1], name))
        return found


def prompt(two: Two) -> str:
    """The worked examples, and the two passages on a line each."""
    shown = [
        f"First: {first}\nSecond: {second}\nShared: {name}\nQuestion: {question}\nAnswer: {answer}"
        for first, second, name, question, answer in WORKED_EXAMPLES
    ]
    first, second = (on_one_line(side.passage) for side in (two.first, two.second))
    asked = f"First: {first}\nSecond: {second}\nShared: {two.name}\nQuestion:"
    return "\n\n".join([INSTRUCTION, *shown, asked])


def sort(completion: str, two: Two) -> tuple[Pair, Reason | None]:
    """The pair of a completion, and why it is rejected."""
    found = read_continued(completion)
    if not found:
        return Pair("", ""), "no_pair"
    pair = Pair(found[0].question, found[0].answer.rstrip(".,;:"))
    first, second = two.first.passage, two.second.passage
    there = [passage for passage in (first, second) if locate(pair.answer, passage)]
    own = [
        _telling(pair.question) & (_telling(one) - _telling(other) - _telling(pair.answer))
        for one, other in ((first, second), (second, first))
    ]
    foreign = measure(pair.question, f"{first} {second}")
    checks: dict[Reason, bool] = {
        "prompt_echo": pair.question in [example[3] for example in WORKED_EXAMPLES],
        "not_grounded": not there or bool(foreign.numbers_added or foreign.names_added),
        "answer_in_both": len(there) > 1,
        "answer_in_question": gives_away(pair),
        "one_passage": not all(own),
    }
    return pair, next((reason for reason, holds in checks.items() if holds), None)


def _telling(text: str) -> set[str]:
    """The beginnings of the words of a text that tell it from another, and its numbers."""
    words = words_of(text)
    return {word[:CONTENT_LETTERS] for word in words if len(word) >= CONTENT_LETTERS} | {
        word for word in words if word.isdigit()
    }


def _side(identity: str, text: str, language: str | None, name: str, size: int) -> Side:
    spans = first_passages(text, PASSAGES_SEARCHED, size)
    begin, end = next(
        (span for span in spans if name in text[slice(*span)]), (0, min(len(text), size))
    )
    passage = text[begin:end]
    start = len(text[:begin].encode())
    return Side(identity, start, start + len(passage.encode()), passage, language)


def _accept(collector: Collector, two: Two, pair: Pair) -> None:
    """Make a document of both passages and the pair."""
    sides = (two.first, two.second)
    collector.accept(
        two.id,
        "\n\n".join([two.first.passage, two.second.passage, pair.text]),
        seeds=[Seed(side.document, side.start, side.stop) for side in sides],
        shown=[
            FieldShown("Question", pair.question, generated=True),
            FieldShown("Answer", pair.answer, generated=True),
            FieldShown("First passage", two.first.passage, generated=False),
            FieldShown("Second passage", two.second.passage, generated=False),
        ],
        language=two.first.language,
        metadata={"link": two.name},
    )
