"""One fact of a passage in many forms: knowledge augmentation.

A model that has read a fact in one wording can recite it and not use it; the same fact in several
forms, also turned round, is what makes it answer (Allen-Zhu and Li 2023, arXiv 2309.14316, sections
3 and 4; the reversed form against Berglund et al. 2023, arXiv 2309.12288). Here a passage becomes
five: a statement, a cloze with what belongs into its gap, a question with its answer, the question
turned round, and a mention in other company.

Each form is held against the passage by itself, and those that hold become one document, if there
are three at least: the statement keeps to the passage's numbers and names; the gap's filling stands
in the passage and not around the gap; answers stand in the passage and not in their question; the
turned question asks for another thing, and the first answer is in it; the mention has the fact's
words. How different they are is told: the share of different word pairs (distinct-2), and one less
the mean cosine of their words.
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
from midtrain_dagster.synthesis.methods.question_answer import locate
from midtrain_dagster.synthesis.pairs import Pair, gives_away
from midtrain_dagster.synthesis.passages import (
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
RECALL = 0.4
"""Share of the statement's content words that a mention has."""

STOP = ("\nPassage:",)
GAP = "____"

LABELS = (
    "Statement", "Cloze", "Gap", "Question", "Answer", "Turned question", "Turned answer",
    "Mention",
)  # fmt: skip

INSTRUCTION = "One fact of each passage in several forms."

WORKED_EXAMPLES = (
    (
        "The Forth Bridge was designed by John Fowler and Benjamin Baker, and William Arrol "
        "directed its construction. It was opened on 4 March 1890.",
        "Statement: William Arrol directed the construction of the Forth Bridge.\n"
        "Cloze: The man who directed the construction of the Forth Bridge was ____.\n"
        "Gap: William Arrol\n"
        "Question: Who directed the construction of the Forth Bridge?\n"
        "Answer: William Arrol\n"
        "Turned question: Which construction did William Arrol direct?\n"
        "Turned answer: the Forth Bridge\n"
        "Mention: Whoever crosses the Forth Bridge by train owes it to William Arrol, who directed "
        "its construction.",
    ),
    (
        "Zebras live in herds and eat mostly grass. Each animal carries its own pattern of "
        "stripes, and scientists use the patterns to tell the animals apart.",
        "Statement: The food of zebras is mostly grass.\n"
        "Cloze: In their herds, zebras mostly eat ____.\n"
        "Gap: grass\n"
        "Question: What do zebras mostly eat?\n"
        "Answer: grass\n"
        "Turned question: Which animals live in herds and eat mostly grass?\n"
        "Turned answer: Zebras\n"
        "Mention: Where the grass dries up, herds of zebras move on, since they eat little else.",
    ),
)

Reason = Literal["empty", "prompt_echo", "no_statement", "few_forms", "duplicate_fact"]

_LABEL = re.compile(
    r"^[ \t]*\W{0,2}("
    + "|".join(re.escape(label) for label in sorted(LABELS, key=len, reverse=True))
    + r")\W{0,2}:\W{0,2}",
    re.IGNORECASE | re.MULTILINE,
)


class Forms(NamedTuple):
    """The forms of a fact that hold, by their names, and the statement."""

    statement: str
    held: dict[str, str]


class Config(DocumentConfig):
    """A fact of each passage as statement, cloze, question, turned question and mention."""

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
        """Ask once about each passage."""
        prompts = passage_prompts(
            seeds,
            lambda _, text: first_passages(text, self.passages, self.passage_bytes),
            lambda _, passage: prompt(passage),
        )
        request = self.request.model_copy(update={"stop": STOP})
        answers = yield Round(prompts, request)
        sorter = Sorter(answers, seeds, collector)
        known: set[str] = set()
        for answer in sorter.answers():
            forms, reason = sort(answer.completion, answer.passage)
            fact = " ".join(words_of(forms.statement))
            if reason is None and fact in known:
                reason = "duplicate_fact"
            if reason is not None:
                sorter.reject(answer, reason)
                continue
            known.add(fact)
            held = list(forms.held.values())
            text = "\n\n".join(held)
            collector.accept(
                answer.id,
                text,
                seeds=[Seed(answer.document, answer.start, answer.stop)],
                shown=[
                    FieldShown("Forms", text, generated=True),
                    FieldShown("Passage", answer.passage, generated=False),
                ],
                language=answer.language,
                scores={
                    "distinct_2": round(distinct(held, 2), 3),
                    "spread": round(spread(vectors(held)), 3),
                },
                metadata={"forms": list(forms.held)},
            )
        return collector.tables()


def prompt(passage: str) -> str:
    """The worked examples, and the passage on one line."""
    worked = [f"Passage: {text}\n{forms}" for text, forms in WORKED_EXAMPLES]
    return "\n\n".join([INSTRUCTION, *worked, f"Passage: {on_one_line(passage)}\nStatement:"])


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


def sort(completion: str, passage: str) -> tuple[Forms, Reason | None]:
    """The forms of a completion that hold, and why they make no document."""
    parts = parse(completion)
    statement = parts.get("Statement", "")
    if not words_of(statement):
        return Forms("", {}), "empty"
    if any(statement in example for _, example in WORKED_EXAMPLES):
        return Forms(statement, {}), "prompt_echo"
    if not finished(statement) or not _kept(statement, passage):
        return Forms(statement, {}), "no_statement"
    held = {"statement": statement, **_others(parts, statement, passage)}
    return Forms(statement, held), None if len(held) >= FEWEST else "few_forms"


def _others(parts: dict[str, str], statement: str, passage: str) -> dict[str, str]:
    """The forms besides the statement that hold."""
    cloze, gap = parts.get("Cloze", ""), parts.get("Gap", "").rstrip(".")
    asked = Pair(parts.get("Question", ""), parts.get("Answer", "").rstrip("."))
    turned = Pair(parts.get("Turned question", ""), parts.get("Turned answer", "").rstrip("."))
    mention = parts.get("Mention", "")
    found: dict[str, str] = {}
    if (
        cloze.count(GAP) == 1
        and locate(gap, passage)
        and not gives_away(Pair(cloze, gap))
        and _kept(cloze.replace(GAP, gap), passage)
    ):
        found["cloze"] = f"{cloze}\nAnswer: {gap}"
    if _holds(asked, passage):
        found["question_answer"] = asked.text
    if _holds(turned, passage) and words_of(turned.answer) != words_of(asked.answer):
        answered = f" {' '.join(words_of(asked.answer))} "
        if asked.answer and answered in f" {' '.join(words_of(turned.question))} ":
            found["turned_question"] = turned.text
    said = measure(mention, statement)
    if (
        finished(mention)
        and said.recall >= RECALL
        and words_of(mention) != words_of(statement)
        and _kept(mention, passage)
    ):
        found["mention"] = mention
    return found


def _kept(text: str, passage: str) -> bool:
    """Whether a sentence has a content word of the passage, and no number or name besides."""
    found = measure(text, passage)
    return found.cosine > 0 and not found.numbers_added and not found.names_added


def _holds(pair: Pair, passage: str) -> bool:
    """Whether a question asks, and its answer stands in the passage and not in the question."""
    return (
        pair.question.endswith("?")
        and locate(pair.answer, passage) is not None
        and not gives_away(pair)
    )
