"""How many tokens an item has, as lm-evaluation-harness counts them.

Question and continuation are encoded together, and the continuation has what the question alone
leaves over. The harness cuts the question where both are longer than the window; an answer alone
that is longer cannot be scored.
"""

from collections.abc import Callable
from typing import NamedTuple

from midtrain_dagster.evaluation.method import Document, Method


class ItemTokens(NamedTuple):
    """Tokens of an item: with its longest continuation, and of that alone."""

    whole: int
    answer: int


def item_tokens(document: Document, method: Method, count: Callable[[str], int]) -> ItemTokens:
    """The tokens of one document of the harness; ``count`` says how many a text has."""
    question = document["question"].rstrip()
    trailing = document["question"][len(question) :]
    texts = [question + trailing + each for each in method.continuations(document)]
    whole = max(map(count, texts))
    return ItemTokens(whole, whole - count(question))
