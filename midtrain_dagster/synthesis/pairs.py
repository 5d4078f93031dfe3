"""Questions with their answers, as a model writes several of them below each other.

``Question: ..`` and ``Answer: ..`` stand on a line each or share one; numbers, bullets and bold
type around the labels do not count. An answer is *grounded* in a passage if the passage has its
numbers and names and half of its content words: less than word for word (``question_answer``),
since an answer here may be a sentence of its own.
"""

import re
from typing import NamedTuple

from midtrain_dagster.synthesis import fidelity
from midtrain_dagster.synthesis.fidelity import CONTENT_LETTERS, measure, words_of

VERSION = 2
USES = (fidelity,)

KNOWN = 0.5
"""Share of an answer's content words that the passage has."""

_MARK = r"[ \t]*(?:[-*\u2022][ \t]+|\d{1,2}[.)][ \t]*)?\*{0,2}"
_QUESTION = re.compile(
    rf"^{_MARK}(?:question|q)[ \t]{{0,2}}\d{{0,2}}\*{{0,2}}[ \t]?:\*{{0,2}}", re.I | re.M
)
_ANSWER = re.compile(r"(?:^|\s)\*{0,2}(?:answer|a)[ \t]?\d{0,2}\*{0,2}[ \t]?:\*{0,2}", re.I)
_ASKING = frozenset(
    words_of(
        "what when where which whom whose does that this with from have were many much name called "
        "passage text article author"
    )
)
"""Words of a question that say nothing of what it is about."""


class Pair(NamedTuple):
    """A question and its answer, each on one line."""

    question: str
    answer: str

    @property
    def text(self) -> str:
        """As it stands in a document."""
        return f"Question: {self.question}\nAnswer: {self.answer}"


def read_pairs(text: str) -> list[Pair]:
    """The pairs of an answer whose question asks and which have an answer, each question once."""
    found: dict[str, Pair] = {}
    begins = [*(mark.end() for mark in _QUESTION.finditer(text)), len(text)]
    starts = [*(mark.start() for mark in _QUESTION.finditer(text)), len(text)]
    for begin, end in zip(begins, starts[1:], strict=False):
        piece = text[begin:end]
        answered = _ANSWER.search(piece)
        if answered is None:
            continue
        question = " ".join(piece[: answered.start()].split())
        answer = " ".join(piece[answered.end() :].split("\n\n")[0].split())
        key = " ".join(words_of(question))
        if question.endswith("?") and words_of(answer) and key:
            found.setdefault(key, Pair(question, answer))
    return list(found.values())


def read_continued(completion: str) -> list[Pair]:
    """The pairs of a completion that goes on behind ``Question:``, or begins with a label of its
    own, as those do that speak to whoever asked."""
    return max(read_pairs(completion), read_pairs(f"Question:{completion}"), key=len)


def grounded(answer: str, passage: str) -> bool:
    """Whether an answer says nothing that the passage does not have. Yes and no are for the passage
    to bear out, which is not looked into."""
    found = measure(answer, passage)
    known = set(words_of(passage))
    content = [word for word in words_of(answer) if len(word) >= CONTENT_LETTERS]
    there = sum(word in known for word in content)
    return not found.numbers_added and not found.names_added and there >= KNOWN * len(content)


def grounded_pairs(text: str, passage: str) -> list[Pair]:
    """The pairs of an answer that are grounded in its passage."""
    return [pair for pair in read_pairs(text) if grounded(pair.answer, passage)]


def about(question: str, passage: str) -> bool:
    """Whether half of a question's content words, and one at least, stand in the passage, and it
    brings no number or name along."""
    found, known = measure(question, passage), set(words_of(passage))
    content = [
        word for word in words_of(question) if len(word) >= CONTENT_LETTERS and word not in _ASKING
    ]
    there = sum(word in known for word in content)
    foreign = found.numbers_added or found.names_added
    return not foreign and there >= max(1, KNOWN * len(content))


def gives_away(pair: Pair) -> bool:
    """Whether a question has its answer in it; yes and no are in none."""
    return f" {' '.join(words_of(pair.answer))} " in f" {' '.join(words_of(pair.question))} "
