"""What long contexts ask for and will not have, by the tokenizer and the held-out documents.

Every item is drafted and put together, with documents of which only the length is known: so what
cannot be asked is known before anything is trained.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.long_context import items as made
from midtrain_dagster.long_context.encoder import Encoded, Tokens
from midtrain_dagster.long_context.fill import NoTextError, TooShortError
from midtrain_dagster.long_context.items import items
from midtrain_dagster.long_context.settings import LongContext
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

VERSION = 1
USES = (made,)


def findings(
    settings: LongContext, tokenizer: Path, documents: Sequence[int] | None
) -> Iterator[Finding]:
    """Lengths in which a task has no room or that no document reaches, and answers that the
    tokenizer cannot tell apart.

    ``documents`` are the lengths in tokens of those that contexts are filled from; None: not known,
    and taken for long.
    """
    encoder = Tokens(load_tokenizer(tokenizer))
    known = [max(settings.lengths)] if documents is None else documents
    longest = sorted(known, reverse=True)[: settings.documents]
    # The tokens at both ends, which stand around a document in the shards, are none of its text.
    blank = [
        Encoded(np.zeros(max(0, size - 2), np.int64), np.empty(0, np.int64)) for size in longest
    ]
    for name, task in settings.tasks.items():
        for number, length in enumerate(settings.lengths):
            try:
                items(
                    {name: task},
                    encoder,
                    blank,
                    lengths=[length],
                    depths=settings.depths,
                    count=settings.items,
                    distractors=settings.distractors,
                    seed=settings.seed,
                )
            except TooShortError as error:
                yield Finding(
                    ("long_context", "lengths", number),
                    f"{error}: raise it, or ask for less (`long_context.tasks.{name}`)",
                )
            except NoTextError as error:
                yield Finding(
                    ("long_context", "lengths", number),
                    f"{error}: raise held_out, add longer documents, or say `haystack: noise`",
                )
            except ValueError as error:
                yield Finding(("long_context", "tasks", name), str(error))
