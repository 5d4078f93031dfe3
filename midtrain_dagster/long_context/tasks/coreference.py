"""Several turns that are alike, and one of them asked for by its number: MRCR.

Multi-round co-reference resolution (Vodrahalli et al., *Michelangelo*, arXiv 2409.12640, section
3.3; OpenAI's MRCR has 2, 4 or 8 alike): in a long conversation the same request is made several
times and answered differently, and the i-th answer is to be repeated. Here requests are for a line
on a subject, and a line is two pairs of words. Where MRCR scores the likeness of the repetition
(``SequenceMatcher``), exact match and likelihood rank do here; the other lines on the subject are
the first distractors.

Depth is that of the turn that is asked for.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from midtrain_dagster.long_context import words
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.task import (
    Draft,
    Placed,
    Ranked,
    Scope,
    Task,
    wrong_answers,
)
from midtrain_dagster.long_context.words import NOUNS, drawn_of

VERSION = 1
USES = (words,)


class Coreference(Task):
    """The i-th of several turns that are alike."""

    task: Literal["coreference"] = "coreference"
    alike: int = Field(2, ge=2, description="Turns with the same request; OpenAI's has 2, 4 and 8")

    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where lines run out."""
        draw = scope.draw
        subject, *others = draw.shuffled(NOUNS)
        lines = drawn_of(draw, _line, self.alike + scope.distractors, pool=scope.pool, what="lines")
        own, fresh = lines[: self.alike], lines[self.alike :]
        depths = [scope.place(), *(draw.uniform() for _ in own[1:])]
        order = sorted(range(self.alike), key=lambda turn: depths[turn])
        question = f"\nUser: Repeat line {order.index(0) + 1} on the {subject}.\nAssistant:"
        others_ = wrong_answers(own[1:], fresh, scope.distractors)
        return Draft(
            placed=tuple(Placed(_turn(subject, own[turn]), depths[turn]) for turn in order),
            ranked=(Ranked(question, (own[0],), others_),),
            asked=question,
            references=(own[0],),
            filler=_turns(draw, others),
            joint="\n",
        )


def _line(draw: Draw) -> str:
    return " ".join(
        f"{draw.one(words.ADJECTIVES)} {draw.one(words.NOUNS)}{end}" for end in (" and", "")
    )


def _turn(subject: str, line: str) -> str:
    return f"User: Write a line on the {subject}.\nAssistant: {line}."


def _turns(draw: Draw, subjects: list[str]) -> Iterator[str]:
    """Turns with other requests, without end."""
    while True:
        yield _turn(draw.one(subjects), _line(draw))
