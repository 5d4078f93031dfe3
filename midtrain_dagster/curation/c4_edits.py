"""What C4 cuts, as edits: lines of few words, of javascript and of policies, and citations.

FineWeb's sequence judges and keeps the text that its C4 step leaves (`policy`). Here the text stays
as it is: the spans lie in a table, the rules that come after that step are measured on what they
leave (the signals ``_after_c4``), and they are merged into the text with all other edits where
curated text is read (`tokens.splits.curated`). What is cut is said in `signals.c4_cut`.

Duplicates are looked for in what is left, as FineWeb does: pages that share a menu only are none.
Ratings, repeated text, personal data, benchmark items and budgets of a sample go by the whole text,
so that their spans and figures mean the text that is stored.
"""

from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.tokens import edits

if TYPE_CHECKING:
    from midtrain_dagster.curation.policy import CurationPolicy

VERSION = 1
USES = (edits,)

CHUNK_BYTES = 1_000_000
"""Text looked at a time, as in `signals`."""

C4_EDITS = pl.Schema(
    {"id": pl.String(), "start": pl.UInt64(), "stop": pl.UInt64(), "replacement": pl.String()}
)
"""An edit a row, in bytes of the document's text (`tokens.edits`)."""


def c4_edits(documents: pl.DataFrame, *, policy: "CurationPolicy") -> dict[str, pl.DataFrame]:
    """List what C4 cuts of each document whose policy cuts.

    Input columns: id, text, kind, format, source. Returns ``{"c4_edits": C4_EDITS}``, in the order
    of the documents and of their text; documents that stay whole, and null texts, have no row.
    """
    from midtrain_dagster.core.text_buffer import chunks, text_buffer
    from midtrain_dagster.curation.signals.chunk import Chunk

    cut = documents.filter(policy.cuts, pl.col("text").is_not_null()).select("id", "text")
    tables = [C4_EDITS.to_frame()]
    for first, texts in chunks(cut["text"], CHUNK_BYTES):
        chunk = Chunk(text_buffer(texts))
        spans = chunk.c4_cut
        rows = pl.Series(range(len(texts))).repeat_by(spans.offsets[1:] - spans.offsets[:-1])
        row = rows.explode(empty_as_null=False).cast(pl.UInt32)
        begins = chunk.text.offsets[row.to_numpy()]
        tables.append(
            pl.DataFrame(
                {
                    "id": cut["id"].slice(first, len(texts)).gather(row),
                    "start": spans.starts - begins,
                    "stop": spans.stops - begins,
                    "replacement": pl.Series(spans.joins).replace_strict({True: "\n", False: ""}),
                }
            ).cast(C4_EDITS)
        )
    return {"c4_edits": pl.concat(tables)}


def left(documents: pl.DataFrame, c4_edits: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The documents of one part with these edits (C4_EDITS) made: ``{"documents": df}``."""
    listed = c4_edits.group_by("id").agg(edits=pl.struct("start", "stop", "replacement"))
    joined = documents.join(listed, on="id", how="left", maintain_order="left")
    text = edits.apply_edits(joined["text"], joined["edits"])
    return {"documents": documents.with_columns(text)}
