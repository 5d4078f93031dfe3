"""Items as a model is asked them: contexts, questions and answers in tokens.

An item of the length L has at most L tokens: what stands before a text, context, the longest
question, and the longest answer that is compared or may be written. All items of a task, length and
depth have one length of question and answer left free, so that contexts filled with documents are
exactly as long as one another and share a forward pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from midtrain_dagster.long_context import draw as draws
from midtrain_dagster.long_context import encoder as encoders
from midtrain_dagster.long_context import fill
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.encoder import Encoded, Encoder
from midtrain_dagster.long_context.fill import TooShortError, filled
from midtrain_dagster.long_context.task import Draft, Scope, Task
from midtrain_dagster.long_context.words import Pool

VERSION = 1
USES = (draws, encoders, fill)

END = "."
"""Stands behind every answer that is compared, so that none is the beginning of another."""


class SameAnswersError(ValueError):
    """Two answers of which a tokenizer makes the same tokens, or one of which it makes none."""


class Candidates(NamedTuple):
    """A question in tokens, and its answers: the first ``right`` of them are right."""

    question: np.ndarray
    answers: tuple[np.ndarray, ...]
    right: int


class Item(NamedTuple):
    """One item of a task."""

    task: str
    length: int
    depth: float | None
    number: int
    context: np.ndarray
    ranked: tuple[Candidates, ...]
    asked: np.ndarray
    """The question that the references are to be written after."""
    references: tuple[str, ...]
    any_reference: bool
    new_tokens: int
    """Tokens that may be written."""

    @property
    def tokens(self) -> int:
        """The tokens of the longest thing that a model reads of it."""
        ranked = max(len(each.question) + max(map(len, each.answers)) for each in self.ranked)
        return len(self.context) + max(ranked, len(self.asked) + self.new_tokens)


def items(
    tasks: Mapping[str, Task],
    encoder: Encoder,
    documents: Sequence[str | Encoded],
    *,
    lengths: Sequence[int],
    depths: Sequence[float],
    count: int,
    distractors: int,
    seed: int = 0,
    pool: Pool = "evaluation",
) -> list[Item]:
    """``count`` items of each task, length and depth; a task without depths has as many as all.

    ``documents`` fill contexts of tasks that hide something in text: texts, or what the encoder
    made of them.

    The same arguments give the same items. What an item asks depends on task, depth, number and
    seed alone, so that lengths are compared on the same questions.

    Raises ``TooShortError``, ``NoTextError``, ``UsedUpError`` and :class:`SameAnswersError`; their
    messages name task and length.
    """
    encoded = [encoder.document(each) if isinstance(each, str) else each for each in documents]
    made: list[Item] = []
    for name, task in tasks.items():
        for length in lengths:
            for depth, repeats in _cells(task, depths, count):
                try:
                    made += _cell(
                        name,
                        task,
                        encoder,
                        encoded,
                        length,
                        depth,
                        repeats,
                        distractors,
                        seed,
                        pool,
                    )
                except ValueError as error:
                    error.args = (f"{name}, {length} tokens: {error}",)
                    raise
    return made


def _cells(task: Task, depths: Sequence[float], count: int) -> Iterator[tuple[float | None, int]]:
    if task.HAS_DEPTH:
        for depth in depths:
            yield depth, count
    else:
        yield None, count * len(depths)


def _cell(
    name: str,
    task: Task,
    encoder: Encoder,
    documents: list[Encoded],
    length: int,
    depth: float | None,
    count: int,
    distractors: int,
    seed: int,
    pool: Pool,
) -> list[Item]:
    drafts, streams = [], []
    for number in range(count):
        draw = Draw("long_context", seed, name, str(depth), number)
        drafts.append(task.draft(Scope(draw, pool, length, depth, distractors)))
        streams.append(draw)
    asked = [_asked(draft, encoder) for draft in drafts]
    free = max(each.free for each in asked)
    made = []
    for number, (draft, question, draw) in enumerate(zip(drafts, asked, streams, strict=True)):
        try:
            context = filled(draft, encoder, room=length - free, documents=documents, draw=draw)
        except TooShortError as error:
            raise TooShortError(length, error.needed + free) from None
        made.append(
            Item(
                name,
                length,
                depth,
                number,
                context.ids,
                question.ranked,
                question.asked,
                draft.references,
                draft.any_reference,
                question.new_tokens,
            )
        )
    return made


class _Asked(NamedTuple):
    ranked: tuple[Candidates, ...]
    asked: np.ndarray
    new_tokens: int

    @property
    def free(self) -> int:
        """What has to be left free behind the context."""
        ranked = (len(each.question) + max(map(len, each.answers)) for each in self.ranked)
        return max(len(self.asked) + self.new_tokens, *ranked)


def _asked(draft: Draft, encoder: Encoder) -> _Asked:
    ranked = []
    for each in draft.ranked:
        answers = tuple(
            encoder.after(each.question, f" {answer}{END}")
            for answer in (*each.right, *each.others)
        )
        _check(answers, (*each.right, *each.others))
        question = encoder.after(fill.TEXT_BEFORE, each.question)
        ranked.append(Candidates(question, answers, len(each.right)))
    listed = draft.references[:1] if draft.any_reference else draft.references
    # One more than the answer has, for what stands before it may be one.
    written = len(encoder.after(draft.asked, f" {', '.join(listed)}{END}")) + 1
    return _Asked(tuple(ranked), encoder.after(fill.TEXT_BEFORE, draft.asked), written)


def _check(answers: Sequence[np.ndarray], texts: Sequence[str]) -> None:
    """Raises :class:`SameAnswersError` where the tokenizer cannot tell two answers apart."""
    seen: dict[bytes, str] = {}
    for ids, text in zip(answers, texts, strict=True):
        other = seen.setdefault(ids.tobytes(), text)
        if other != text or not len(ids):
            reason = "no token" if not len(ids) else f"the same tokens as of {other!r}"
            raise SameAnswersError(
                f"the tokenizer makes {reason} of the answer {text!r}, so likelihoods tell "
                "nothing: ask for other values"
            )
