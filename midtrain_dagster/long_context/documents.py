"""Tasks as documents to learn from: a context with what is hidden in it, questions, and answers.

A small model does not retrieve by itself; it learns to from documents in which that pays. They are
of the same tasks as the items that measure, and of the other pool of keys and values
(``words.py``). Where every question has one answer, all are asked, one behind the other, for each
is a few tokens to learn from in a document that is mostly filling.
"""

from collections.abc import Sequence

import numpy as np

from midtrain_dagster.long_context import draw as draws
from midtrain_dagster.long_context import encoder as encoders
from midtrain_dagster.long_context import fill
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.encoder import Bytes, Encoded
from midtrain_dagster.long_context.fill import TooShortError, filled
from midtrain_dagster.long_context.items import END
from midtrain_dagster.long_context.task import Draft, Scope, Task

VERSION = 1
USES = (draws, encoders, fill)


def document(task: Task, draw: Draw, pages: Sequence[Encoded], *, size: int) -> str:
    """One document of at most ``size`` bytes, its filling from one of the pages (``Bytes``).

    Raises ``TooShortError``, ``NoTextError`` and ``UsedUpError``.
    """
    draft = task.draft(Scope(draw, "training", size, None, 0))
    encoder = Bytes()
    answered = encoder.after("", _answered(draft))
    try:
        context = filled(
            draft, encoder, room=size - len(answered), documents=list(pages), draw=draw
        )
    except TooShortError as error:
        raise TooShortError(size, error.needed + len(answered)) from None
    return Bytes.text(np.concatenate([context.ids, answered])).lstrip()


def _answered(draft: Draft) -> str:
    """The questions, each with its answer."""
    if all(len(each.right) == 1 for each in draft.ranked):
        return "".join(f"{each.question} {each.right[0]}{END}" for each in draft.ranked)
    listed = draft.references[:1] if draft.any_reference else draft.references
    return f"{draft.asked} {', '.join(listed)}{END}"
