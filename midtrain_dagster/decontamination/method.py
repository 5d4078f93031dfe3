"""What a method of decontamination offers: what it searches of the items, and what it finds.

A method is one file in ``methods/``: its ``Config`` (a section of the recipe, a subclass of
:class:`Method`), its ``VERSION`` and its functions. ``config.py`` lists the family; `scan` and the
assets know a method by this class only. All of them are presets over one mechanism: texts of items
(`item_texts`) as words, windows of words as seeds, and a measure of what a seed leads to.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol, Self

from pydantic import Field

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE, versions_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.decontamination.options import (
    Action,
    Actions,
    CommonNgrams,
    Rules,
    SecondLook,
    rules_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words


class Found(NamedTuple):
    """Where texts of items (``variant``) stand in documents; arrays have an entry an occurrence."""

    document: "NDArray[np.int64]"
    variant: "NDArray[np.int64]"
    """The text, counted over all that are searched (`searched.Searched.texts`)."""
    first_word: "NDArray[np.int64]"
    """First word of the first match, counted over all documents' words."""
    last_word: "NDArray[np.int64]"
    """Last word (inclusive) of the last match."""
    ngrams: "NDArray[np.int64]"
    """How many n-grams match."""
    score: "NDArray[np.float64]"
    """What the method's threshold was held against; it ranks occurrences."""
    common: "NDArray[np.int64]"
    """Words of the text that are there, by which occurrences of equal score are ranked."""


class Matches(Protocol):
    """What a kernel gives: texts in documents, before anything is held against a threshold."""

    @property
    def document(self) -> "NDArray[np.int64]":
        """As in :class:`Found`, and so are the others."""

    @property
    def variant(self) -> "NDArray[np.int64]":
        """The text."""

    @property
    def first_word(self) -> "NDArray[np.int64]":
        """First word of the first match."""

    @property
    def last_word(self) -> "NDArray[np.int64]":
        """Last word (inclusive) of the last match."""

    @property
    def ngrams(self) -> "NDArray[np.int64]":
        """How many n-grams match."""


def guilty_of(
    matches: Matches,
    guilty: "NDArray[Any]",
    *,
    score: "NDArray[np.float64]",
    common: "NDArray[np.int64]",
) -> Found:
    """Those of the matches that ``guilty`` names (by mask or by number)."""
    return Found(
        document=matches.document[guilty],
        variant=matches.variant[guilty],
        first_word=matches.first_word[guilty],
        last_word=matches.last_word[guilty],
        ngrams=matches.ngrams[guilty],
        score=score[guilty],
        common=common[guilty],
    )


class Scoring(NamedTuple):
    """How a method scores items over the whole corpus."""

    covered: "Callable[..., dict[str, pl.DataFrame]]"
    """Of one part of ``documents``, of ``items``, by ``config``: a table."""
    scores: "Callable[..., pl.DataFrame]"
    """Of the tables of all parts, by ``config``: the table ``item_scores``."""


def joined(*parts: Found) -> Found:
    """The occurrences of several looks, one after another."""
    import numpy as np

    return Found(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class Method(FrozenModel, ABC):
    """How documents are compared with a benchmark's items, as a recipe says it."""

    method: str
    action: Annotated[Action, NOT_A_CAUSE] = Field(
        "drop_document",
        description="what becomes of a document with benchmark text; flag_item only tells of items",
    )
    kinds: Annotated[dict[Kind, Action], NOT_A_CAUSE] = Field(
        {}, description="the same by kind of document, where it differs"
    )
    sources: Annotated[dict[str, Action], NOT_A_CAUSE] = Field(
        {}, description="the same by source, where it differs; it goes before the kind"
    )
    actions: Annotated[dict[str, Action | Actions], NOT_A_CAUSE] = Field(
        {},
        description="the same by benchmark, where it differs: an action of every document, or "
        "`action`, `kinds` and `sources` of that benchmark, before what is said of all",
    )
    common_ngrams: Annotated[CommonNgrams | None, CAUSE_IF_SET] = Field(
        None,
        description="from when an item's n-gram is common in the corpus and counts for nothing; "
        "null: none is",
    )
    second_look: Annotated[SecondLook | None, CAUSE_IF_SET] = Field(
        None, description="an embedding model that decides on doubtful passages; null: none does"
    )

    def rules(self, benchmark: str) -> Rules:
        """What becomes of documents with text of this benchmark."""
        said = self.actions.get(benchmark, Actions())
        own = said if isinstance(said, Actions) else Actions(action=said)
        return rules_of(own, usual=self.action, kinds=self.kinds, sources=self.sources)

    def action_on(
        self, benchmark: str, *, source: str | None = None, kind: str | None = None
    ) -> Action:
        """What becomes of a document with text of this benchmark."""
        return self.rules(benchmark).on(source=source, kind=kind)

    @property
    def judges_again(self) -> bool:
        """Whether what the scan of a part finds is judged once more, by what no part knows."""
        return self.common_ngrams is not None or self.second_look is not None

    @property
    def own_by_benchmark(self) -> Mapping[str, Collection[str]]:
        """Fields that this method alone has by benchmark, with the benchmarks that they name."""
        return {}

    def alone(self) -> Self:
        """The method by itself: what a part of documents is scanned by."""
        return self.model_copy(update={"common_ngrams": None, "second_look": None})

    @property
    def by_paragraph(self) -> bool:
        """Whether each line of a document is compared by itself."""
        return False

    @property
    def lines_below(self) -> int:
        """Texts of fewer words count only where they are a line by themselves (`whole_lines`)."""
        return 0

    @property
    def by_windows(self) -> bool:
        """Whether all that it finds begins where a window of `searched` that is no template stands
        in a document word for word, so that a sketch can tell which documents may hold something
        (`candidates`)."""
        return False

    @abstractmethod
    def searched(self, items: "pl.DataFrame") -> "Searched":
        """What is searched of a table of items, of one benchmark or several."""

    @abstractmethod
    def index(self, searched: "Searched") -> Any:
        """What `find` needs of it, made once for all documents."""

    @abstractmethod
    def find(self, documents: "Words", searched: "Searched", index: Any) -> Found:
        """The occurrences that convict, in documents' words."""

    @property
    def scoring(self) -> "Scoring | None":
        """How items are scored over the whole corpus, by a method that does."""
        return None

    def versions(self) -> dict[str, int]:
        """The versions that hits depend on, beside that of `scan`."""
        return versions_of(sys.modules[type(self).__module__])
