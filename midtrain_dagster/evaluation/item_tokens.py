"""How many tokens an item takes of a window, as lm-evaluation-harness counts them.

Question and continuation are encoded together, and the continuation has what the question alone
leaves over. The harness cuts the question where both are longer than the window; an answer alone
that is longer cannot be scored. A prompt that is to be continued is never cut: it has to fit with
all that may be written.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from midtrain_dagster.evaluation.method import Ask, Document, Method, Task


class ItemTokens(NamedTuple):
    """Tokens of an item: of its longest question with a continuation, and of what cannot be cut."""

    whole: int
    answer: int


def item_tokens(document: Document, method: Method, count: Callable[[str], int]) -> ItemTokens:
    """The tokens of one document; ``count`` says how many a text has."""
    pairs = [ask_tokens(each, count) for each in method.asks(document)]
    task = method.task(document)
    written = count(_read(task)) + task.most_tokens if task else 0
    whole = max((each.whole for each in pairs), default=0)
    return ItemTokens(max(whole, written), max([written, *(each.answer for each in pairs)]))


def _read(task: Task) -> str:
    """What a model reads of a prompt, of a conversation without what a chat template adds."""
    if not task.conversation:
        return task.prompt
    conversation = json.loads(task.prompt)
    texts = [each["content"] for each in conversation["messages"]]
    return "\n".join([*texts, *map(json.dumps, conversation.get("tools", ()))])


def ask_tokens(ask: Ask, count: Callable[[str], int]) -> ItemTokens:
    """The tokens of a question with its continuation, and of the continuation alone."""
    whole = count(ask.question + ask.continuation)
    return ItemTokens(whole, whole - count(ask.question.rstrip()))
