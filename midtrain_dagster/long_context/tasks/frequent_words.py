"""Frequent words: a text in code words, of which the three most frequent are asked for.

RULER's ``fwe`` (Hsieh et al., arXiv 2404.06654, section 3.3): words of 6 letters, the frequency of
the k-th proportional to k^-2, the first of them written as dots, the next three asked for. How many
words a length has room for depends on the tokenizer; here the three stand as often as in a text of
a word for every eighth token, at least twice, and no other word as often as they. So the answer is
right whatever else there is room for.
"""

from collections.abc import Iterator
from string import ascii_lowercase
from typing import Literal

from pydantic import Field

from midtrain_dagster.long_context import words
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.task import Draft, Placed, Ranked, Scope, Task, Wording
from midtrain_dagster.long_context.words import drawn_of, in_pool

VERSION = 1
USES = (words,)

ASKED = 3
TOKENS_A_WORD = 8
ALPHA = 2.0
TOTAL = 1.6449340668482264
"""Riemann's zeta of 2: the sum of all k^-2."""

DOTS = "...."


class FrequentWords(Task):
    """The three most frequent words of a coded text."""

    HAS_DEPTH = False

    task: Literal["frequent_words"] = "frequent_words"
    letters: int = Field(6, ge=3, le=12, description="Of a code word")
    wording: Wording = "brief"
    """In few words, or in RULER's."""

    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where words run out."""
        draw, count = scope.draw, scope.length // TOKENS_A_WORD
        wrong = max(1, scope.distractors)
        names = drawn_of(draw, self._name, ASKED + wrong, pool=scope.pool, what="code words")
        frequent, rare = names[:ASKED], names[ASKED:]
        often = [max(2, round(count * rank**-ALPHA / TOTAL)) for rank in range(2, 2 + ASKED)]
        repeated = draw.shuffled(
            [name for name, times in zip(frequent, often, strict=True) for _ in range(times)]
        )
        depths = sorted(draw.uniform() for _ in repeated)
        question = self._question()
        return Draft(
            placed=tuple(Placed(each, at) for each, at in zip(repeated, depths, strict=True)),
            ranked=(Ranked(question, tuple(frequent), tuple(rare)),),
            asked=question,
            references=tuple(frequent),
            opening=self._opening(),
            filler=self._rest(scope, rare, set(frequent), min(often)),
        )

    def _rest(self, scope: Scope, rare: list[str], frequent: set[str], below: int) -> Iterator[str]:
        """Dots, as often as a first word would stand, and words of which each stands less often
        than ``below``, fewer and fewer times."""
        draw, rank, waiting = scope.draw, 2 + ASKED, list(rare)
        while True:
            name = waiting.pop(0) if waiting else self._name(draw)
            if name in frequent or not in_pool(name, scope.pool):
                continue
            frequent.add(name)
            times = max(1, min(below - 1, round(below * ((1 + ASKED) / rank) ** ALPHA)))
            rank += 1
            for _ in range(times):
                while draw.uniform() < 1 / TOTAL:
                    yield DOTS
                yield name

    def _name(self, draw: Draw) -> str:
        return "".join(draw.one(ascii_lowercase) for _ in range(self.letters))

    def _question(self) -> str:
        if self.wording == "brief":
            return "\nThe three most frequent words are"
        return (
            "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are "
            "the three most frequently appeared words in the above coded text? Answer: According "
            "to the coded text above, the three most frequently appeared words are:"
        )

    def _opening(self) -> str:
        if self.wording == "brief":
            return "Text:"
        return (
            "Read the following coded text and track the frequency of each coded word. Find the "
            "three most frequently appeared coded words."
        )
