"""What every method may be given beside its own fields: which n-grams count for nothing, who takes
a second look, and what becomes of a document by its source and kind.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import Kind

if TYPE_CHECKING:
    import polars as pl

Action = Literal["drop_document", "cut_span", "flag_item"]


class CommonNgrams(FrozenModel):
    """From when an n-gram of items is common in the corpus, and evidence of nothing."""

    documents: int = Field(ge=2, description="documents that must hold it, at least")
    share: float = Field(0.0, ge=0, lt=1, description="the share of all documents that must")

    def needed(self, documents: int) -> int:
        """How many documents of so many make an n-gram common."""
        return max(self.documents, math.ceil(self.share * documents))


class SecondLook(FrozenModel):
    """An embedding model that decides on passages of which the words alone say too little."""

    embedding: Annotated[str, NOT_A_CAUSE] = Field(
        description="folder of the embedding model, relative to the recipe"
    )
    certain: float = Field(
        gt=0,
        le=1,
        description="score of the method from which its words alone convict; what lies between its "
        "own threshold and this is looked at",
    )
    similarity: float = Field(
        gt=-1,
        le=1,
        description="cosine of the embeddings of passage and item from which a doubtful hit stands",
    )


class Actions(FrozenModel):
    """What becomes of documents with text of one benchmark, where that differs."""

    action: Action | None = Field(None, description="of documents of which nothing else is said")
    kinds: dict[Kind, Action] = Field({}, description="by kind of document")
    sources: dict[str, Action] = Field({}, description="by source; it goes before the kind")


class Rules(NamedTuple):
    """What becomes of documents with text of one benchmark: the first that is said of a document's
    source, then of its kind, else ``usual``."""

    usual: Action
    steps: tuple[tuple[Literal["source", "kind"], Mapping[str, Action]], ...] = ()

    @property
    def possible(self) -> set[Action]:
        """The actions that some document may meet."""
        said = (action for _, named in self.steps for action in named.values())
        return {self.usual, *said}

    def on(self, *, source: str | None, kind: str | None) -> Action:
        """The action on a document of this source and kind."""
        of = {"source": source, "kind": kind}
        said = (named.get(of[column] or "") for column, named in self.steps)
        return next((action for action in said if action), self.usual)

    @property
    def taken(self) -> "pl.Expr":
        """The action on a document, by its columns source and kind."""
        import polars as pl

        said = [
            pl.col(column).replace_strict(dict(named), default=None, return_dtype=pl.String)
            for column, named in self.steps
            if named
        ]
        return pl.coalesce(*said, pl.lit(self.usual, pl.String))


def rules_of(
    own: Actions, *, usual: Action, kinds: Mapping[Kind, Action], sources: Mapping[str, Action]
) -> Rules:
    """What is said of one benchmark, before what is said of all. A benchmark's own ``action`` is
    said of every document, so nothing general is asked behind it."""

    said: list[tuple[Literal["source", "kind"], Mapping[str, Action]]] = [
        ("source", own.sources),
        ("kind", {str(kind): action for kind, action in own.kinds.items()}),
    ]
    if own.action is None:
        said += [("source", sources), ("kind", {str(kind): each for kind, each in kinds.items()})]
    return Rules(own.action or usual, tuple((column, named) for column, named in said if named))
