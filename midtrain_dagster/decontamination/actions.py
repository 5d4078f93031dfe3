"""The hits that lead to one action, where that depends on the document: its source, or its kind.

A recipe says what becomes of a document with a benchmark's text, by benchmark, source and kind of
document (`options.Rules`). Of a benchmark that is treated alike everywhere all hits lead to one
action, and nobody asks a document.
"""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.decontamination.options import Action, Rules

VERSION = 1


def of_action(
    hits: pl.DataFrame,
    documents: pl.LazyFrame,
    *,
    rules: Mapping[str, Rules],
    action: Action,
    strangers: bool = True,
) -> dict[str, pl.DataFrame]:
    """Those of the ``hits`` (``scan.HITS``) for which a document meets the ``action``, in order.

    ``rules`` are those of each benchmark among them; ``documents`` (id, source, kind) may hold
    others than those with hits. A hit in a document that is not there counts if ``strangers`` do.
    """
    accused = hits["id"].unique().implode()
    known = documents.select("id", "source", "kind").filter(pl.col("id").is_in(accused)).collect()
    joined = hits.join(known.unique("id"), on="id", how="left", maintain_order="left")
    meets = pl.any_horizontal(
        pl.lit(False),
        *(
            (pl.col("benchmark") == benchmark) & (own.taken == action)
            for benchmark, own in rules.items()
        ),
    )
    is_there = pl.col("source").is_not_null()
    return {
        "hits": joined.filter(pl.when(is_there).then(meets).otherwise(strangers)).select(
            hits.columns
        )
    }


def told(rules: Rules) -> str:
    """What becomes of documents with text of a benchmark, in a line of words."""
    exceptions = (
        f"{SPOKEN[action]} where the {column} is {name}"
        for column, named in rules.steps
        for name, action in named.items()
        if action != rules.usual
    )
    return "; ".join((SPOKEN[rules.usual], *exceptions))


SPOKEN: dict[Action, str] = {
    "drop_document": "the whole document is dropped",
    "cut_span": "the passage is cut, with what is around it",
    "flag_item": "nothing is removed, the item is flagged",
}
