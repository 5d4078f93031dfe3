"""Question-answer pairs from curated documents, each answer located in its source.

Distillation as in the survey's section 3.2: a model reads a passage and writes a question and its
answer. Maini et al. (WRAP, arXiv 2401.16380) train on such question-answer text, Cheng et al.
(arXiv 2309.09530, 2406.14491) on the passage followed by its questions; we write the latter, so
that a question which makes no sense alone ("When did it open?") still has its context.

A small model invents. So a pair is accepted only if its answer stands **word for word in the
passage** (case, white space and the shape of quotation marks aside); the byte offsets of that span
are recorded, and what is rejected is counted by reason. This holds down what is wrong by
construction; it does not make a question sensible.

The prompt is a completion with five worked examples, not the model's chat format. Of 48 passages,
half web and half Wikipedia, SmolLM2-135M-Instruct gave a pair that passes for 26 with it, for 17
with three examples, for 15 when their answers were whole clauses; in chat format without examples
it gave none at all. With other passages: 87 of 192 from Wikipedia, 10 of 64 from the web. What
passes is often still silly ("Who played at the Sydney Sports Ground? Souths"): a small generator
shows the way, a larger one behind an endpoint takes the same prompt.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.schema import Kind
from midtrain_dagster.synthesis import passages
from midtrain_dagster.synthesis.collector import Collector, FieldShown
from midtrain_dagster.synthesis.passages import PassageConfig, Sorter, on_one_line, plain
from midtrain_dagster.synthesis.tables import Accepted, Family, Thought

VERSION = 3
USES = (passages,)

LONGEST_ANSWER = 20  # words
ABOUT_PASSAGE = 0.5  # share of a question's content words that stand in the passage

INSTRUCTION = "Reading comprehension. Each answer is a short phrase copied from the passage."

WORKED_EXAMPLES = (
    (
        "The Danube rises in the Black Forest of Germany and flows for 2,850 km before it empties "
        "into the Black Sea. It passes through ten countries, more than any other river in the "
        "world.",
        "How many countries does the Danube pass through?",
        "ten countries",
    ),
    (
        "Marie Curie was born in Warsaw in 1867. In 1903 she shared the Nobel Prize in Physics "
        "with her husband Pierre and Henri Becquerel for their work on radioactivity.",
        "In which year did Marie Curie share the Nobel Prize in Physics?",
        "1903",
    ),
    (
        "The library was closed on Monday because a pipe had burst on the second floor. Staff "
        "moved about four hundred books to the town hall, and the reading room will stay shut "
        "until April.",
        "Where did staff move the books?",
        "the town hall",
    ),
    (
        "The Forth Bridge was designed by John Fowler and Benjamin Baker, and William Arrol "
        "directed its construction. It was opened on 4 March 1890.",
        "Who directed the construction of the Forth Bridge?",
        "William Arrol",
    ),
    (
        "Zebras live in herds and eat mostly grass. Each animal carries its own pattern of "
        "stripes, and scientists use the patterns to tell the animals apart.",
        "What do zebras mostly eat?",
        "grass",
    ),
)

Reason = Literal[
    "no_question",
    "no_answer",
    "prompt_echo",
    "answer_too_long",
    "answer_not_located",
    "question_repeats_answer",
    "question_not_about_passage",
    "duplicate_question",
]

_LABELLED = re.compile(r"^[ \t]*\*{0,2}Question\*{0,2}:\*{0,2}", re.IGNORECASE | re.MULTILINE)
_QUESTION_END = re.compile(r"\n|\*{0,2}\bAnswer\*{0,2}:", re.IGNORECASE)
_ITEM = re.compile(r"\d{1,2}[.)][ \t]+")
_ANSWER = re.compile(r"(?<=\s)\*{0,2}Answer\*{0,2}:[ \t*]*([^\n]*)", re.IGNORECASE)
_AROUND = " \t\r*\"'\u201c\u201d"
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
_EMPTY_WORDS = frozenset(
    plain(
        "what when where which whom whose does that this with from have were many much name "
        "called person main passage text article author"
    ).split()
)


class Config(PassageConfig):
    """Questions about passages that a model writes; the answer to each stands in its passage."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "question_answer"
    THOUGHT: ClassVar[Thought] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)

    method: Literal["question_answer"] = "question_answer"
    max_new_tokens: int = Field(default=40, gt=0, description="tokens of a completion, at most")
    domain: str = Field(default="qa", description="the domain that accepted pairs feed")

    def prompts(self, documents: pl.DataFrame) -> pl.DataFrame:
        """One prompt a passage. See ``passages.PROMPTS``."""
        return self.ask(documents, prompt)

    def accept(
        self, completions: pl.DataFrame, documents: pl.DataFrame, collector: Collector
    ) -> Accepted:
        """Sort completions into documents and rejects.

        A document's text is the passage, its question and its answer; its metadata has the byte
        offsets of the answer in the source document. A question that an earlier row has asked
        already is a duplicate.
        """
        sorter = Sorter(completions, documents, collector)
        asked: set[str] = set()
        for answer in sorter.answers():
            pair = parse(answer.completion)
            question = plain(pair.question)
            span = locate(pair.answer, answer.passage)
            reason = broken(pair, answer.passage, span)
            if reason is None and question in asked:
                reason = "duplicate_question"
            if reason is not None or span is None:
                sorter.reject(answer, str(reason))
                continue
            asked.add(question)
            found = answer.passage[slice(*span)]
            start = answer.start + len(answer.passage[: span[0]].encode())
            sorter.accept(
                answer,
                f"{answer.passage}\n\nQuestion: {pair.question}\nAnswer: {found}",
                shown=[
                    FieldShown("Question", pair.question, generated=True),
                    FieldShown("Answer", found, generated=True),
                    FieldShown("Passage", answer.passage, generated=False),
                ],
                metadata={"answer": {"start": start, "stop": start + len(found.encode())}},
            )
        return sorter.tables()


class Pair(NamedTuple):
    """A question and its answer as a generator wrote them."""

    question: str
    answer: str


def prompt(passage: str) -> str:
    """The worked examples, and the passage on one line."""
    worked = [
        f"Passage: {text}\nQuestion: {question}\nAnswer: {answer}"
        for text, question, answer in WORKED_EXAMPLES
    ]
    return "\n\n".join([INSTRUCTION, *worked, f"Passage: {on_one_line(passage)}\nQuestion:"])


def parse(completion: str) -> Pair:
    """Question and answer of a completion; an empty text for what is not there."""
    label = _LABELLED.search(completion)
    text = completion[label.end() :] if label else completion
    asked = _QUESTION_END.split(text.lstrip(), maxsplit=1)[0].strip(" \t\r*")
    question = _ITEM.sub("", asked, count=1) if _ITEM.match(asked) else asked
    answered = _ANSWER.search(text)
    answer = answered[1].strip(_AROUND).rstrip(".,;:").strip(_AROUND) if answered else ""
    return Pair(question if question.endswith("?") else "", answer)


def broken(pair: Pair, passage: str, span: tuple[int, int] | None) -> Reason | None:
    """Why a pair is rejected, or none; the first reason that holds is the one counted."""
    question, answer = plain(pair.question), plain(pair.answer)
    content = content_words(question)
    known = set(plain(passage).split())
    about = sum(word in known for word in content)
    checks: dict[Reason, bool] = {
        "no_question": not question,
        "no_answer": not answer,
        "prompt_echo": any(question == plain(example) for _, example, _ in WORKED_EXAMPLES),
        "answer_too_long": len(answer.split()) > LONGEST_ANSWER,
        "answer_not_located": span is None,
        "question_repeats_answer": f" {answer} " in f" {question} ",
        "question_not_about_passage": about < max(1, ABOUT_PASSAGE * len(content)),
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def content_words(question: str) -> list[str]:
    """The words of a question, as ``plain`` has them, that say what it is about."""
    return [w for w in question.split() if len(w) >= 4 and w not in _EMPTY_WORDS]


def locate(answer: str, passage: str) -> tuple[int, int] | None:
    """Where the answer stands in the passage, as characters, at the bounds of words; else none.

    Case, the amount of white space and the shape of quotation marks do not count.
    """
    parts = [re.escape(part) for part in answer.translate(_QUOTES).split()]
    if not parts:
        return None
    pattern = r"(?<!\w)" + r"\s+".join(parts) + r"(?!\w)"
    found = re.search(pattern, passage.translate(_QUOTES), re.IGNORECASE)
    return found.span() if found else None
