"""Seeds drawn towards what a probe found unknown: which documents a method asks about then.

A method says of all documents which it could ask about and in what order it draws them; each topic
gives the first of its own, as many as its quota says (``probe.knowledge``). So any method that
chooses documents can be drawn towards something, and knows nothing of it.
"""

import polars as pl

from midtrain_dagster.probe import knowledge
from midtrain_dagster.synthesis.method import Method
from midtrain_dagster.synthesis.method_config import MethodConfig

VERSION = 1
USES = (knowledge,)

DRAWN = pl.Schema(
    {"topic": pl.UInt16(), "eligible": pl.Int64(), "evenly": pl.Float64(), "drawn": pl.Int64()}
)
"""Of each topic: the documents that could be asked about, how many an even draw takes on average,
and how many were drawn."""


def choose_towards(
    method: Method, documents: pl.DataFrame, topics: pl.DataFrame, weights: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The documents that the method asks about, and ``DRAWN``.

    Args:
        documents: what may be asked about, schema ``DOCUMENTS``.
        topics: the topic of each document (``id``, ``topic``).
        weights: the weight of each topic (``topic``, ``weight``).
    """
    of_any_number = method
    if isinstance(method, MethodConfig):
        of_any_number = method.model_copy(update={"documents": max(documents.height, 1)})
    eligible = of_any_number.choose(documents)
    of_topic = eligible.select("id").join(topics, on="id", how="inner", maintain_order="left")
    sizes = of_topic.group_by("topic").agg(eligible=pl.len().cast(pl.Int64))
    sizes = sizes.join(weights, on="topic").sort("topic")
    quota = knowledge.quotas(
        sizes["eligible"].to_list(), sizes["weight"].to_list(), method.documents
    )
    told = sizes.with_columns(drawn=pl.Series(quota, dtype=pl.Int64))
    place = pl.int_range(pl.len()).over("topic")
    first = of_topic.join(told, on="topic", maintain_order="left").filter(place < pl.col("drawn"))
    picked = eligible.join(first.select("id"), on="id", how="semi", maintain_order="left")
    share = sum(quota) / max(of_topic.height, 1)
    drawn = told.select("topic", "eligible", evenly=pl.col("eligible") * share, drawn="drawn")
    return method.choose(picked), drawn.cast(DRAWN)
