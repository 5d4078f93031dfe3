"""Needles: sentences that give a key its value, hidden in a long text, and asked for by the key.

RULER's family (Hsieh et al., arXiv 2404.06654, section 3.1): ``niah_single`` is one key;
``multikey`` hides further keys, which distract; ``multivalue`` gives one key several values;
``multiquery`` asks for several keys. One section is all of them. RULER's needle is "One of the
special magic TYPE for KEY is: VALUE.", its numbers have 7 digits, multi-key, -value and -query have
4 of each.

``brief`` wording is ours, for windows in which RULER's would leave no room: "The number of KEY is
VALUE." It is asked for by the beginning of the same sentence, so that a model without instructions
has all that it needs. With several values only likelihood's first ones are compared; with several
queries each is ranked by itself and all are asked for at once.

Depth is that of the needle that is asked for (of the first, if there are several); the others stand
anywhere.
"""

from typing import Literal

from pydantic import Field

from midtrain_dagster.long_context import words
from midtrain_dagster.long_context.task import (
    Draft,
    HaystackTask,
    Placed,
    Ranked,
    Scope,
    Wording,
    wrong_answers,
)
from midtrain_dagster.long_context.words import ValueKind, drawn

VERSION = 1
USES = (words,)

SINGULAR = {"numbers": "number", "words": "word", "uuids": "uuid"}


class Needle(HaystackTask):
    """A key's value is hidden in a long text, and asked for."""

    task: Literal["needle"] = "needle"
    keys: int = Field(1, gt=0, description="Keys in the context; all but those queried distract")
    values: int = Field(1, gt=0, description="Values of each key that is queried")
    queries: int = Field(1, gt=0, description="Keys that are asked for")
    key: ValueKind = "words"
    """What keys are."""
    value: ValueKind = "numbers"
    """What values are."""
    digits: int = Field(7, ge=1, le=18, description="Of numbers")
    wording: Wording = "brief"
    """In few words, or in RULER's."""

    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where names run out."""
        draw = scope.draw
        several = {"pool": scope.pool, "digits": self.digits}
        count = max(self.keys, self.queries)
        keys = drawn(draw, self.key, count, **several)  # type: ignore[arg-type]
        of_each = [self.values if number < self.queries else 1 for number in range(count)]
        every = drawn(draw, self.value, sum(of_each), avoid=keys, **several)  # type: ignore[arg-type]
        fresh = drawn(
            draw,
            self.value,
            scope.distractors,
            avoid={*keys, *every},
            **several,  # type: ignore[arg-type]
        )
        values: list[list[str]] = []
        rest = list(every)
        for number in of_each:
            values.append(rest[:number])
            rest = rest[number:]
        placed = [
            Placed(self._needle(key, value), draw.uniform())
            for key, own in zip(keys, values, strict=True)
            for value in own
        ]
        placed[0] = placed[0]._replace(depth=scope.place())
        ranked = []
        for key, own in zip(keys[: self.queries], values, strict=False):
            inside = [value for value in every if value not in own]
            others = wrong_answers(inside, fresh, scope.distractors)
            question = self._question([key], among=self.wording == "brief")
            ranked.append(Ranked(question, tuple(own), others))
        queried = keys[: self.queries]
        return Draft(
            placed=tuple(sorted(placed, key=lambda piece: piece.depth)),
            ranked=tuple(ranked),
            asked=self._question(queried),
            references=tuple(value for own in values[: self.queries] for value in own),
            opening=self._opening(),
            filler=self.filler,
        )

    def _needle(self, key: str, value: str) -> str:
        one = SINGULAR[self.value]
        if self.wording == "brief":
            return f"The {one} of {key} is {value}."
        return f"One of the special magic {self.value} for {key} is: {value}."

    def _question(self, keys: list[str], *, among: bool = False) -> str:
        """What is asked of keys; ``among`` asks for one of several values: the needle's words."""
        listed = keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])}, and {keys[-1]}"
        one, several = SINGULAR[self.value], self.values * len(keys) > 1 and not among
        if self.wording == "brief":
            return f"\nThe {self.value if several else one} of {listed} {_be(several)}"
        # RULER writes the template anew, in the singular, where one value is asked for.
        what = f"all the special magic {self.value}" if several else f"the special magic {one}"
        return (
            f"\nWhat {_be(several)} {what} for {listed} mentioned in the provided text? "
            f"The special magic {self.value if several else one} for {listed} mentioned in the "
            f"provided text {_be(several)}"
        )

    def _opening(self) -> str:
        if self.wording == "brief":
            return ""
        if max(self.values, self.queries) == 1:
            return (
                f"A special magic {SINGULAR[self.value]} is hidden within the following text. Make "
                "sure to memorize it. I will quiz you about the "
                f"{SINGULAR[self.value]} afterwards.\n"
            )
        return (
            f"Some special magic {self.value} are hidden within the following text. Make sure to "
            f"memorize it. I will quiz you about the {self.value} afterwards.\n"
        )


def _be(several: bool) -> str:
    return "are" if several else "is"
