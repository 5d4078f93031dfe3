"""Variable tracking: chains of assignments in a long text, and the variables of one value.

RULER's ``vt`` (Hsieh et al., arXiv 2404.06654, section 3.2): ``VAR X = 12345``, ``VAR Y = VAR X``
and so on for 4 hops, names of 5 capitals, over noise. RULER has one chain; here there are two
unless the recipe says otherwise, since with one every name that stands in the text is right, and
ranking would ask no more than which names stood there. RULER's solved example before the question
is left out, for small windows have no room for it.
"""

from string import ascii_uppercase
from typing import Literal

from pydantic import Field

from midtrain_dagster.long_context import words
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.task import (
    Draft,
    HaystackTask,
    Placed,
    Ranked,
    Scope,
    Wording,
    wrong_answers,
)
from midtrain_dagster.long_context.words import drawn, drawn_of

VERSION = 1
USES = (words,)

DIGITS = 5
"""Of the values (RULER's)."""


class VariableTracking(HaystackTask):
    """Chains of assignments, of which one is followed."""

    HAS_DEPTH = False

    task: Literal["variable_tracking"] = "variable_tracking"
    chains: int = Field(2, gt=0, description="Chains of assignments; one of them is asked for")
    hops: int = Field(4, gt=0, description="Assignments from variable to variable in each")
    letters: int = Field(5, gt=0, le=8, description="Capitals of a variable's name")
    wording: Wording = "brief"
    """In few words, or in RULER's."""

    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where names run out."""
        draw, size = scope.draw, self.hops + 1
        many = self.chains * size
        names = drawn_of(
            draw, self._name, many + scope.distractors, pool=scope.pool, what="variables' names"
        )
        values = drawn(draw, "numbers", self.chains, pool=scope.pool, digits=DIGITS)
        placed = []
        for chain, value in enumerate(values):
            own = names[chain * size : (chain + 1) * size]
            told = [value, *(f"VAR {name}" for name in own)]
            depths = sorted(draw.uniform() for _ in own)
            placed += [
                Placed(f"VAR {name} = {said}.", depth)
                for name, said, depth in zip(own, told, depths, strict=False)
            ]
        right, inside, fresh = names[:size], names[size:many], names[many:]
        question = self._question(values[0], size)
        others = wrong_answers(inside, fresh, scope.distractors)
        return Draft(
            placed=tuple(sorted(placed, key=lambda piece: piece.depth)),
            ranked=(Ranked(question, tuple(right), others),),
            asked=question,
            references=tuple(right),
            opening=""
            if self.wording == "brief"
            else "Memorize and track the chain(s) of variable assignment hidden in the following "
            "text.\n\n",
            filler=self.filler,
        )

    def _name(self, draw: Draw) -> str:
        return "".join(draw.one(ascii_uppercase) for _ in range(self.letters))

    def _question(self, value: str, count: int) -> str:
        if self.wording == "brief":
            return f"\nThe variables of the value {value} are"
        return (
            f"\nQuestion: Find all variables that are assigned the value {value} in the text "
            "above. Answer: According to the chain(s) of variable assignment in the text above, "
            f"{count} variables are assigned the value {value}, they are:"
        )
