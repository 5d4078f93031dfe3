"""A walk in a graph: arrows are listed in any order, and a number of them is to be followed.

After OpenAI's ``graphwalks`` (April 2025), whose graphs have several arrows from a node and which
asks for all nodes at a distance. Here one arrow leaves each node, so a walk has one end, which a
small model can be asked for by likelihood; the distractors are the nodes on the way and others of
the list. With one step it is a needle, and each further step has to be found by what the one before
gave.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from pydantic import Field

from midtrain_dagster.long_context import words
from midtrain_dagster.long_context.task import (
    Draft,
    Placed,
    Ranked,
    Scope,
    Task,
    wrong_answers,
)
from midtrain_dagster.long_context.words import UsedUpError, drawn

VERSION = 1
USES = (words,)

BLOCK = 20
"""Nodes that are drawn at once where the list goes on."""


class GraphWalk(Task):
    """The node at which a walk along arrows ends."""

    HAS_DEPTH = False

    task: Literal["graph_walk"] = "graph_walk"
    steps: int = Field(2, gt=0, description="Arrows to follow")
    digits: int = Field(4, ge=2, le=18, description="Of the numbers that nodes are called")

    def draft(self, scope: Scope) -> Draft:
        """One item. Raises ``UsedUpError`` where numbers run out."""
        draw, many = scope.draw, self.steps + 1
        names = drawn(
            draw,
            "numbers",
            many + max(1, scope.distractors),
            pool=scope.pool,
            digits=self.digits,
        )
        path, others = names[:many], names[many:]
        placed = [Placed(_arrow(*pair), draw.uniform()) for pair in pairwise(path)]
        question = (
            f"\nFrom {path[0]}, {self.steps} {'step' if self.steps == 1 else 'steps'} lead to"
        )
        wrong = wrong_answers(path[:-1], others, scope.distractors)
        return Draft(
            placed=tuple(sorted(placed, key=lambda piece: piece.depth)),
            ranked=(Ranked(question, (path[-1],), wrong),),
            asked=question,
            references=(path[-1],),
            filler=self._arrows(scope, others, set(names)),
        )

    def _arrows(self, scope: Scope, first: list[str], taken: set[str]) -> Iterator[str]:
        """Arrows from each of the other nodes to any of them, until numbers run out."""
        nodes = first
        while nodes:
            for node in nodes:
                yield _arrow(node, scope.draw.one(nodes))
            try:
                nodes = drawn(
                    scope.draw, "numbers", BLOCK, pool=scope.pool, digits=self.digits, avoid=taken
                )
            except UsedUpError:
                return
            taken.update(nodes)


def _arrow(start: str, stop: str) -> str:
    return f"{start} > {stop}."
