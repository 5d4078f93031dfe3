"""Common words: a list of words of which a few stand often, and these are asked for.

RULER's ``cwe`` (Hsieh et al., arXiv 2404.06654, section 3.3): 10 words stand 30 times each and all
others 3 times; below 4,096 tokens 6 times and once. Words are pairs of an adjective and a noun, and
the list is not numbered (RULER's is), which halves what a word costs.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from midtrain_dagster.long_context import words
from midtrain_dagster.long_context.task import Draft, Placed, Ranked, Scope, Task, Wording
from midtrain_dagster.long_context.words import UsedUpError, drawn

VERSION = 1
USES = (words,)

LARGE = 4096
"""From so many tokens on RULER repeats words more often."""

OFTEN, SELDOM = 30, 3
OFTEN_BELOW, SELDOM_BELOW = 6, 1

BLOCK = 20
"""Seldom words among which the order of their repetitions is drawn."""


class CommonWords(Task):
    """The words of a list that stand most often."""

    HAS_DEPTH = False

    task: Literal["common_words"] = "common_words"
    words: int = Field(10, gt=0, description="Words that stand often")
    often: int | None = Field(
        None, gt=1, description="How often; null: RULER's 30, and 6 below 4,096 tokens"
    )
    wording: Wording = "brief"
    """In few words, or in RULER's."""

    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where words run out."""
        draw = scope.draw
        usual, seldom = (OFTEN, SELDOM) if scope.length >= LARGE else (OFTEN_BELOW, SELDOM_BELOW)
        often = self.often or usual
        seldom = min(seldom, often - 1)
        common = drawn(draw, "words", self.words, pool=scope.pool)
        rare = drawn(draw, "words", max(BLOCK, scope.distractors), pool=scope.pool, avoid=common)
        depths = sorted(draw.uniform() for _ in range(self.words * often))
        repeated = draw.shuffled([word for word in common for _ in range(often)])
        question = self._question()
        return Draft(
            placed=tuple(Placed(f"{each},", at) for each, at in zip(repeated, depths, strict=True)),
            ranked=(Ranked(question, tuple(common), tuple(rare[: max(1, scope.distractors)])),),
            asked=question,
            references=tuple(common),
            opening=self._opening(),
            filler=_rare(scope, rare, {*common, *rare}, seldom),
        )

    def _question(self) -> str:
        if self.wording == "brief":
            return f"\nThe {self.words} most common words are"
        return (
            f"\nQuestion: What are the {self.words} most common words in the above list? Answer: "
            f"The top {self.words} words that appear most often in the list are:"
        )

    def _opening(self) -> str:
        if self.wording == "brief":
            return "Words:"
        return (
            "Below is a list of words. In these words, some appear more often than others. "
            "Memorize the ones that appear most often.\n"
        )


def _rare(scope: Scope, first: list[str], taken: set[str], repeats: int) -> Iterator[str]:
    """Words that stand ``repeats`` times each, the first ones first, until a pool is used up."""
    block = first
    while block:
        for word in scope.draw.shuffled([word for word in block for _ in range(repeats)]):
            yield f"{word},"
        try:
            block = drawn(scope.draw, "words", BLOCK, pool=scope.pool, avoid=taken)
        except UsedUpError:
            return
        taken.update(block)
