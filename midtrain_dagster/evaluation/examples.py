"""Worked examples before an item: of the benchmark's other split, or of its other items.

The harness draws examples item after item from one generator, so that an item's prompt depends on
which items are asked before it. Here it depends on the item and the seed alone: a limit changes
nothing in what the others are asked. ``first`` takes the first ones, as MMLU's task does. An item
is never its own example, wherever it stands.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import polars as pl
from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.evaluation.item import Item

VERSION = 1

BETWEEN = "\n\n"
"""Between an example and the next, and the item, as the harness has it."""


class Examples(FrozenModel):
    """How many worked examples stand before an item, and which."""

    count: Annotated[int, NOT_A_CAUSE] = Field(default=5, gt=0, description="examples an item")
    paths: Annotated[list[str] | None, NOT_A_CAUSE] = Field(
        default=None,
        min_length=1,
        description="files of them, in the form of the benchmark's own; null: its other items",
    )
    draw: Annotated[Literal["seed", "first"], NOT_A_CAUSE] = Field(
        default="seed", description="for each item others by a seed, or the first for all"
    )
    seed: Annotated[int, NOT_A_CAUSE] = Field(default=0, ge=0, description="of the draw")
    alike: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None, description="key whose value an example shares with its item (`subject`)"
    )
    answer: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None,
        description="key of what stands as an example's answer, if not the answer (`cot_content`)",
    )


class Example(NamedTuple):
    """An item of which the answer may be shown, and its row."""

    item: Item
    row: Mapping[str, Any]


class Shots:
    """Examples to draw from."""

    def __init__(self, settings: Examples, pool: pl.DataFrame) -> None:
        self.settings = settings
        self._pool = [
            Example(
                Item(each["question"], each["choices"] or [], each["gold"], each["answer"]),
                json.loads(each.get("row") or "{}"),
            )
            for each in pool.iter_rows(named=True)
        ]

    def drawn(self, question: str, row: Mapping[str, Any]) -> list[Example]:
        """The examples of an item with that question (as it is read) and row.

        Raises ValueError where there are fewer than ``count``.
        """
        settings = self.settings
        found: list[Example] = []
        for number in self._order(question):
            example = self._pool[number]
            same = example.item.question == question and example.row == row
            if settings.alike is not None and not same:
                same = example.row.get(settings.alike) != row.get(settings.alike)
            if not same:
                found.append(example)
            if len(found) == settings.count:
                return found
        alike = f" that share its {settings.alike!r}" if settings.alike else ""
        raise ValueError(f"there are {len(found)} examples{alike}, and {settings.count} are asked")

    def _order(self, question: str) -> Iterator[int]:
        if self.settings.draw == "first":
            yield from range(len(self._pool))
            return
        digest = blake2b(question.encode(), digest_size=8).digest()
        draw = np.random.default_rng([self.settings.seed, int.from_bytes(digest)])
        yield from draw.permutation(len(self._pool)).tolist()


def shown(item: Item, answer: str | None = None) -> str:
    """An example as it stands before an item: question, and the answer after one space, unless the
    question ends in whitespace."""
    if item.contexts:
        return f"{item.contexts[item.gold or 0]} {item.answer}"
    if answer is None:
        answer = item.answer if item.gold is None else item.choices[item.gold]
    space = "" if item.question[-1:].isspace() else " "
    return f"{item.question}{space}{answer}"
