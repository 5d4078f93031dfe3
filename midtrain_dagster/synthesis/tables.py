"""What is made of completions, as tables, and the words that documents are described by."""

from typing import Literal, NamedTuple

import polars as pl

Family = Literal["distillation", "extraction", "evolution"]
"""The survey's three (section 3.2): a stronger model writes; what is in the corpus is taken out;
what there is becomes harder, longer or another."""

Thought = Literal["none", "short", "long", "reflective"]
"""How much reasoning stands before an answer: none; a line or some steps; pages; with mistakes that
are found and mended on the way."""

REQUESTS = pl.Schema({"id": pl.String(), "round": pl.UInt16(), "key": pl.String()})
"""Who asked what: a request's id, the round (from 1), and the key of its answer
(``answers.ANSWERS``)."""

REJECTS = pl.Schema({"id": pl.String, "reason": pl.String, "completion": pl.String})
"""A completion that was not taken: the prompt's id, and why (a fixed word to count by)."""

_FIELD = pl.Struct({"label": pl.String, "text": pl.String, "generated": pl.Boolean})

EXAMPLES = pl.Schema({"id": pl.String(), "fields": pl.List(_FIELD)})
"""A synthetic document taken apart for people, one row a document: its id, and its fields in the
order to show them. A field has a label (``Question``), a text, and whether the generator chose that
text; otherwise it is copied from the source document."""

EXAMPLES_KEPT = 100
"""Examples that an artifact keeps, of the first documents: enough to look at."""


class Accepted(NamedTuple):
    """What became of completions: each is in ``documents`` or in ``rejects``, in their order."""

    documents: pl.DataFrame
    """With the schema ``DOCUMENTS``."""
    rejects: pl.DataFrame
    """With the schema ``REJECTS``."""
    examples: pl.DataFrame
    """With the schema ``EXAMPLES``: a row for each document."""
