"""Answers about a long document whose statements cite the sentences that they rest on.

After LongCite (Zhang et al. 2024, arXiv 2409.02897), which trains models to name their sources down
to the sentence: the sentences of a document are numbered, a model asks something about it and
answers, each statement followed by the numbers of its sentences. LongCite finds them in two steps,
chunks and then sentences; here the model that answers cites.

What is cited is looked up. Each number must be that of a sentence, a statement has at most three,
and it must rest on them: half of its content words stand in them, and every number it names. An
answer without a citation is dropped, and one of five statements or more of which less than a fifth
cite (LongCite's filters). One citation that does not hold costs the answer: a reader who meets it
would trust none.

Words in common are no proof: a sentence may say the opposite. Statements that say what they cite in
wholly other words are lost.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import fidelity, long_method
from midtrain_dagster.synthesis.collector import Collector, FieldShown
from midtrain_dagster.synthesis.long_method import LongConfig, LongText
from midtrain_dagster.synthesis.long_pieces import sentences
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.passages import STOP, on_one_line
from midtrain_dagster.synthesis.tables import Family, Thought

VERSION = 2
USES = (fidelity, long_method)

MOST_CITED = 3
"""Sentences that a statement may cite (LongCite)."""
MANY_STATEMENTS, CITED_SHARE = 5, 0.2
"""Of an answer with so many statements, so large a share has to cite (LongCite)."""
SUPPORTED = 0.5
"""Share of a statement's content words that stand in what it cites (ours)."""

INSTRUCTION = (
    "Each text has numbered sentences. A question is asked about it, and answered in statements, "
    "each followed by the numbers of the sentences that it rests on."
)

WORKED_EXAMPLES = (
    (
        "[1] The Danube rises in the Black Forest of Germany. [2] It passes through ten countries, "
        "more than any other river. [3] In summer the water is low. [4] It empties into the Black "
        "Sea after 2,850 km.",
        "Where does the Danube begin and end?",
        "The Danube rises in the Black Forest of Germany [1]. After 2,850 km it empties into the "
        "Black Sea [4].",
    ),
    (
        "[1] The library was closed on Monday. [2] A pipe had burst on the second floor. [3] The "
        "town hall is open as usual. [4] Staff moved about four hundred books there.",
        "Why was the library closed, and what became of its books?",
        "It was closed because a pipe had burst on the second floor [1][2]. Staff moved about four "
        "hundred books to the town hall [3][4].",
    ),
)

Reason = Literal[
    "no_question",
    "no_answer",
    "prompt_echo",
    "unfinished",
    "loop",
    "no_citation",
    "few_citations",
    "no_such_sentence",
    "too_many_cited",
    "not_supported",
]

_ASKED = re.compile(r"\s*(?:Question:)?[ \t]*([^\n]*)")
_ANSWER = re.compile(r"\n\s*Answer:[ \t]*([^\n]*)")
_MARK = re.compile(r"\[(\d{1,6}(?:\s?[-,\u2013]\s?\d{1,6}){0,20})\]")
_MARKS = re.compile(r"((?:[ \t]?\[\d[\d\s,\u2013-]{0,200}\])+)")
_RANGE = re.compile(r"(\d+)(?:\s?[-\u2013]\s?(\d+))?")


class Statement(NamedTuple):
    """A statement of an answer, and the numbers that it cites."""

    text: str
    cited: tuple[int, ...]


class Answered(NamedTuple):
    """A question and its answer as a generator wrote them."""

    question: str
    statements: tuple[Statement, ...]


class Config(LongConfig):
    """Questions about a long document, answered with the numbers of the sentences that say so."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "cited_answer"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["cited_answers"] = "cited_answers"
    domain: str = Field(default="cited", description="the domain that accepted answers feed")
    minimum_bytes: int = Field(default=2_000, ge=200, description="bytes of a piece, at least")
    maximum_bytes: int = Field(
        default=16_000,
        ge=200,
        description="bytes of a piece, at most; the generator is shown all of it",
    )
    max_new_tokens: int = Field(default=256, gt=0, description="tokens of a completion, at most")

    @property
    def request(self) -> Request:
        """How the generator is asked: worked examples end at an empty line."""
        return super().request.model_copy(update={"stop": STOP})

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask once about each text."""
        every = {text.id: (text, numbered(text.piece.text)) for text in self.texts(seeds)}
        rows = [(key, prompt(shown)) for key, (_, shown) in every.items()]
        table = pl.DataFrame(rows, {"id": pl.String, "prompt": pl.String}, orient="row")
        answers = yield Round(table, self.request)
        for key, completion, finish in answers.select("id", "completion", "finish").iter_rows():
            text, shown = every[key]
            found = parse(completion)
            reason = broken(found, shown, cut=finish == "length")
            if reason is None:
                _accept(key, text, shown, found, collector)
            else:
                collector.reject(key, reason, completion)
        return collector.tables()


def numbered(text: str) -> list[str]:
    """The sentences of a text, each on one line; its number is its place from 1."""
    return [on_one_line(each) for each in sentences(text) if each.strip()]


def prompt(shown: Sequence[str]) -> str:
    """The worked examples, and the sentences with their numbers."""
    worked = [
        f"Text: {text}\nQuestion: {question}\nAnswer: {answer}"
        for text, question, answer in WORKED_EXAMPLES
    ]
    text = " ".join(f"[{number}] {each}" for number, each in enumerate(shown, 1))
    return "\n\n".join([INSTRUCTION, *worked, f"Text: {text}\nQuestion:"])


def parse(completion: str) -> Answered:
    """The question and the statements of a completion; nothing for what is not there."""
    asked = _ASKED.match(completion)
    question = asked[1].strip() if asked else ""
    answered = _ANSWER.search(completion)
    answer = answered[1].strip() if answered else ""
    return Answered(question if question.endswith("?") else "", tuple(_statements(answer)))


def _statements(answer: str) -> list[Statement]:
    """The sentences of an answer; what is cited belongs to the one before."""
    found: list[Statement] = []
    parts = _MARKS.split(answer)
    for text, marks in zip(parts[::2], [*parts[1::2], ""], strict=True):
        said = [each.strip() for each in sentences(text.lstrip(" .,;")) if each.strip()]
        cited = tuple(dict.fromkeys(n for mark in _MARK.findall(marks) for n in _numbers(mark)))
        found += [Statement(each, ()) for each in said[:-1]]
        if said:
            found.append(Statement(said[-1], cited))
        elif found and cited:
            found[-1] = found[-1]._replace(cited=(*found[-1].cited, *cited))
    return found


def _numbers(mark: str) -> list[int]:
    """The numbers between brackets; of a range no more than tell that it is too long."""
    found: list[int] = []
    for first, last in _RANGE.findall(mark):
        stop = int(last or first)
        found += range(int(first), min(stop, int(first) + MOST_CITED) + 1)
    return found


def broken(found: Answered, shown: Sequence[str], *, cut: bool = False) -> Reason | None:
    """Why an answer is rejected, or none; the first reason that holds is the one counted."""
    statements = found.statements
    citing = [each for each in statements if each.cited]
    few = len(statements) >= MANY_STATEMENTS and len(citing) < CITED_SHARE * len(statements)
    known = all(1 <= number <= len(shown) for each in citing for number in each.cited)
    checks: dict[Reason, bool] = {
        "no_question": not found.question,
        "no_answer": not statements,
        "prompt_echo": any(found.question == example for _, example, _ in WORKED_EXAMPLES),
        "unfinished": cut,
        "no_citation": not citing,
        "few_citations": few,
        "no_such_sentence": not known,
        "too_many_cited": any(len(each.cited) > MOST_CITED for each in citing),
        "not_supported": known and not all(supported(each, shown) for each in citing),
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def supported(statement: Statement, shown: Sequence[str]) -> bool:
    """Whether what a statement cites has its numbers, its names and enough of its content words."""
    cited = " ".join(shown[number - 1] for number in statement.cited)
    found = fidelity.measure(f"{statement.text.rstrip('.')}.", cited)
    if fidelity.numbers(statement.text) - fidelity.numbers(cited) or found.names_added:
        return False
    content = _content(statement.text)
    return len(content & _content(cited)) >= SUPPORTED * max(1, len(content))


def _content(text: str) -> set[str]:
    words = fidelity.words_of(text)
    return {each for each in words if len(each) >= fidelity.CONTENT_LETTERS and not each.isdigit()}


def _accept(
    key: str, text: LongText, shown: Sequence[str], found: Answered, collector: Collector
) -> None:
    """A document: the sentences with their numbers, the question, the answer that cites."""
    answer = " ".join(_written(each) for each in found.statements)
    lines = "\n".join(f"[{number}] {each}" for number, each in enumerate(shown, 1))
    cited = sorted({number for each in found.statements for number in each.cited})
    citing = sum(bool(each.cited) for each in found.statements)
    collector.accept(
        key,
        f"{lines}\n\nQuestion: {found.question}\nAnswer: {answer}",
        seeds=[text.seed],
        shown=[
            FieldShown("Question", found.question, generated=True),
            FieldShown("Answer", answer, generated=True),
            FieldShown("Cited", "\n".join(f"[{n}] {shown[n - 1]}" for n in cited), generated=False),
        ],
        language=text.language,
        scores={"cited": round(citing / len(found.statements), 4)},
        metadata={
            "sentences": len(shown),
            "cited": cited,
            "depths": [round((number - 1) / len(shown), 4) for number in cited],
        },
    )


def _written(statement: Statement) -> str:
    marks = "".join(f"[{number}]" for number in statement.cited)
    end = statement.text[-1:] if statement.text.endswith((".", "!", "?")) else ""
    body = statement.text.removesuffix(end)
    return f"{body} {marks}{end or '.'}" if marks else statement.text
