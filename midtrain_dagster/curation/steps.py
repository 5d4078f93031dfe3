"""The steps of curation in their order, and which of them drops a document for which reason."""

import polars as pl

from midtrain_dagster.curation.signals.rules import RULES

STEPS = (
    "collected",
    "language",
    "rules",
    "ratings",
    "contamination",
    "duplicates",
    "repeated_text",
    "sampling",
)

_STEP_OF: dict[str, str | None] = {
    "kept": None,
    "language": "language",
    "error:language": "language",
    "error:signals": "rules",
    "minimum_characters": "rules",
    **{str(rule): "rules" for rule in RULES},
    "rating": "ratings",
    "error:ratings": "ratings",
    "contamination": "contamination",
    "duplicate": "duplicates",
    "repeated_text": "repeated_text",
    "sampling": "sampling",
}


def step_of(reason: pl.Expr) -> pl.Expr:
    """The step of the funnel that drops a document for ``reason``; null if it is kept."""
    parts = reason.str.split(":")
    first = parts.list.first()
    prefix = pl.when(first == "error").then(reason).otherwise(first)
    return prefix.replace_strict(_STEP_OF, return_dtype=pl.String)
