"""One fact of a passage in many forms: knowledge augmentation.

A model that has read a fact in one wording can recite it and not use it; the same fact in several
forms, also turned round, is what makes it answer (Allen-Zhu and Li 2023, arXiv 2309.14316, sections
3 and 4; the reversed form against Berglund et al. 2023, arXiv 2309.12288). Here a fact gets five:
a question with its answer, a cloze, a statement, the question turned round, and a mention in other
company.

The question comes first, asked as ``question_answer`` asks (who runs both with the same generator
and passages pays once), with an answer that stands word for word in the passage: that is the fact.
The cloze is its sentence with a gap for the answer, so no model can get it wrong. The rest is
written in a second round, and each form is held against the passage by itself: no number or name
besides; the statement has the fact's words and the answer; the turned question has the first answer
and asks for another thing, which stands in the passage; the mention has the fact's words. Three
forms that hold make a document. How different they are is told: the share of different word pairs
(distinct-2), and one less the mean cosine of their words.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.synthesis import diversity, pairs, passages
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.diversity import distinct, spread, vectors
from midtrain_dagster.synthesis.fidelity import measure, words_of
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.methods import question_answer
from midtrain_dagster.synthesis.methods.question_answer import LONGEST_ANSWER, locate
from midtrain_dagster.synthesis.pairs import Pair, about, gives_away
from midtrain_dagster.synthesis.passages import (
    Answer,
    DocumentConfig,
    Sorter,
    first_passages,
    on_one_line,
    passage_prompts,
)
from midtrain_dagster.synthesis.styles.style import finished
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 1
USES = (passages, pairs, diversity, question_answer)

FEWEST = 3
"""Forms of a document, at least."""
STATED, MENTIONED = 0.5, 0.4
"""Share of the content words of question and answer that a statement has, and a mention."""

STOP = ("\nPassage:",)
PAIR_TOKENS = 40
GAP = "____"

LABELS = ("Statement", "Turned question", "Turned answer", "Mention")

INSTRUCTION = "One fact of each passage in several forms. Answers are copied from the passage."

WORKED_EXAMPLES = (
    (
        "Zebras live in herds and eat mostly grass. Each animal carries its own pattern of "
        "stripes, and scientists use the patterns to tell the animals apart.",
        "Question: What do zebras mostly eat?\n"
        "Answer: grass\n"
        "Statement: The food that zebras mostly eat is grass.\n"
        "Turned question: Which animals eat mostly grass?\n"
        "Turned answer: Zebras\n"
        "Mention: Where the grass dries up, zebras move on, since they eat little else.",
    ),
    (
        "The Forth Bridge was designed by John Fowler and Benjamin Baker, and William Arrol "
        "directed its construction. It was opened on 4 March 1890.",
        "Question: Who directed the construction of the Forth Bridge?\n"
        "Answer: William Arrol\n"
        "Statement: The construction of the Forth Bridge was directed by William Arrol.\n"
        "Turned question: Which construction did William Arrol direct?\n"
        "Turned answer: The Forth Bridge\n"
        "Mention: Whoever crosses the Forth Bridge by train owes it to William Arrol, who directed "
        "the work.",
    ),
    (
        "The library was closed on Monday because a pipe had burst on the second floor. Staff "
        "moved about four hundred books to the town hall.",
        "Question: Why was the library closed on Monday?\n"
        "Answer: a pipe had burst\n"
        "Statement: On Monday the library was closed since a pipe had burst.\n"
        "Turned question: What was closed because a pipe had burst?\n"
        "Turned answer: The library\n"
        "Mention: Readers stood before closed doors on Monday when a pipe had burst in the "
        "library.",
    ),
)

Reason = Literal[
    "no_pair", "prompt_echo", "answer_not_located", "answer_in_question", "not_about_passage",
    "few_forms", "duplicate_fact",
]  # fmt: skip

_LABEL = re.compile(
    r"^[ \t]*\W{0,2}("
    + "|".join(re.escape(label) for label in sorted(LABELS, key=len, reverse=True))
    + r")\W{0,2}:\W{0,2}",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


class Fact(NamedTuple):
    """A passage, and a question about it with its answer."""

    answer: Answer
    pair: Pair


class Config(DocumentConfig):
    """A fact of each passage as question, cloze, statement, turned question and mention."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "knowledge"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["knowledge"] = "knowledge"
    passages: int = Field(default=1, gt=0, description="passages asked per document, at most")
    passage_bytes: int = Field(default=200, ge=100, description="whole sentences up to this size")
    max_new_tokens: int = Field(default=160, gt=0, description="tokens of a completion, at most")
    domain: str = Field(default="knowledge", description="the domain that accepted facts feed")

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask for a question about each passage, and for the other forms of those that hold."""
        prompts = passage_prompts(
            seeds,
            lambda _, text: first_passages(text, self.passages, self.passage_bytes),
            lambda _, passage: question_answer.prompt(passage),
        )
        asking = {"stop": passages.STOP, "max_new_tokens": PAIR_TOKENS}
        answers = yield Round(prompts, self.request.model_copy(update=asking))
        sorter = Sorter(answers, seeds, collector)
        facts: dict[str, Fact] = {}
        known: set[str] = set()
        for answer in sorter.answers():
            pair, reason = sort(answer.completion, answer.passage)
            question = " ".join(words_of(pair.question))
            if reason is None and question in known:
                reason = "duplicate_fact"
            if reason is not None:
                sorter.reject(answer, reason)
                continue
            known.add(question)
            facts[answer.id] = Fact(answer, pair)
        if facts:
            rows = [(f"{name}/forms", prompt(*fact)) for name, fact in facts.items()]
            request = self.request.model_copy(update={"stop": STOP})
            answers = yield Round(pl.DataFrame(rows, ["id", "prompt"], orient="row"), request)
            said = dict(answers.select("id", "completion").iter_rows())
            for name, fact in facts.items():
                _accept(collector, fact, said.get(f"{name}/forms", ""))
        return collector.tables()


def prompt(answer: Answer, pair: Pair) -> str:
    """The worked examples, and the passage on one line with its question and answer."""
    worked = [f"Passage: {text}\n{forms}" for text, forms in WORKED_EXAMPLES]
    asked = f"Passage: {on_one_line(answer.passage)}\n{pair.text}\nStatement:"
    return "\n\n".join([INSTRUCTION, *worked, asked])


def parse(completion: str) -> dict[str, str]:
    """The lines of a completion by their labels, the first of each; it may begin behind one."""
    text = completion.partition("\nPassage:")[0]
    if not _LABEL.match(text.lstrip()):
        text = f"Statement: {text.lstrip()}"
    found: dict[str, str] = {}
    for mark in _LABEL.finditer(text):
        line = text[mark.end() :].partition("\n")[0].strip()
        found.setdefault(mark[1].capitalize(), line)
    return found


def sort(completion: str, passage: str) -> tuple[Pair, Reason | None]:
    """The pair of a completion, its answer in the passage's words, and why it is none."""
    pair = Pair(*question_answer.parse(completion))
    span = locate(pair.answer, passage)
    checks: dict[Reason, bool] = {
        "no_pair": not words_of(pair.question) or not words_of(pair.answer),
        "prompt_echo": pair.question in [each for _, each, _ in question_answer.WORKED_EXAMPLES],
        "answer_not_located": span is None or len(pair.answer.split()) > LONGEST_ANSWER,
        "answer_in_question": gives_away(pair),
        "not_about_passage": not about(pair.question, passage),
    }
    reason = next((reason for reason, holds in checks.items() if holds), None)
    found = on_one_line(passage[slice(*span)]) if span else pair.answer
    return pair._replace(answer=found), reason


def forms(completion: str, passage: str, pair: Pair) -> dict[str, str]:
    """The forms of a fact that hold, by their names."""
    made = {"question_answer": pair.text}
    if span := locate(pair.answer, passage):
        made["cloze"] = cloze(passage, span)
    return made | _written(parse(completion), pair, passage)


def _accept(collector: Collector, fact: Fact, completion: str) -> None:
    """Make a document of a fact, or a reject where too few of its forms hold."""
    answer, pair = fact
    held = forms(completion, answer.passage, pair)
    if len(held) < FEWEST:
        collector.reject(answer.id, "few_forms", completion)
        return
    texts = list(held.values())
    collector.accept(
        [answer.id, f"{answer.id}/forms"],
        "\n\n".join(texts),
        seeds=[Seed(answer.document, answer.start, answer.stop)],
        shown=[
            FieldShown("Forms", "\n\n".join(texts), generated=True),
            FieldShown("Passage", answer.passage, generated=False),
        ],
        language=answer.language,
        scores={
            "distinct_2": round(distinct(texts, 2), 3),
            "spread": round(spread(vectors(texts)), 3),
        },
        metadata={"forms": list(held)},
    )


def cloze(passage: str, span: tuple[int, int]) -> str:
    """The sentence around a span of the passage, on one line and with a gap, and what fills it."""
    ends = [0, *(end.end() for end in _SENTENCE_END.finditer(passage)), len(passage)]
    start = max(end for end in ends if end <= span[0])
    stop = min(end for end in ends if end >= span[1])
    with_gap = passage[start : span[0]] + GAP + passage[span[1] : stop]
    return f"{on_one_line(with_gap)}\nAnswer: {on_one_line(passage[slice(*span)])}"


def _written(parts: dict[str, str], pair: Pair, passage: str) -> dict[str, str]:
    """The forms besides question and cloze that hold."""
    statement, mention = parts.get("Statement", ""), parts.get("Mention", "")
    turned = Pair(parts.get("Turned question", ""), parts.get("Turned answer", "").rstrip("."))
    fact = f"{pair.question} {pair.answer}"
    found: dict[str, str] = {}
    if (
        _kept(statement, passage)
        and measure(statement, fact).recall >= STATED
        and _has(statement, pair.answer)
    ):
        found["statement"] = statement
    if (
        turned.question.endswith("?")
        and _has(turned.question, pair.answer)
        and locate(turned.answer, passage) is not None
        and not gives_away(turned)
        and words_of(turned.answer) != words_of(pair.answer)
    ):
        found["turned_question"] = turned.text
    if (
        _kept(mention, passage)
        and measure(mention, fact).recall >= MENTIONED
        and words_of(mention) != words_of(statement)
    ):
        found["mention"] = mention
    return found


def _kept(text: str, passage: str) -> bool:
    """Whether a sentence is whole, no question, and has no number or name besides the passage's."""
    found = measure(text, passage)
    whole = finished(text) and not text.endswith("?")
    return whole and not found.numbers_added and not found.names_added


def _has(text: str, words: str) -> bool:
    return f" {' '.join(words_of(words))} " in f" {' '.join(words_of(text))} "
