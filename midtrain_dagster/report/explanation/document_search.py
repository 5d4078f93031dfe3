"""Finding the one document that a person means: by its id, the start of it, or its place.

Only ids, sources and places are read, of the collected documents and the synthetic ones.
"""

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display.words import spoken

Artifacts = Mapping[str, Artifact | Mapping[str, Artifact]]
"""By asset, as in the graph; those partitioned by benchmark are mappings of their own."""

DOCUMENTS = "documents"
"""The asset that documents are in: those collected, and below ``synthesis/NAME/`` those that a
method wrote. What was learnt of them lies in assets with the same prefix."""

SHORTEST_PREFIX = 6
CANDIDATES = 12


class DocumentError(LookupError):
    """No document answers to what was asked, or several do; the message lists them."""


class Found(NamedTuple):
    """Where a document is: the prefix of its assets (empty for one that was collected), and the
    part of the documents that holds it."""

    prefix: str
    id: str
    source: str
    locator: str
    part: int


def corpora(artifacts: Artifacts) -> dict[str, Artifact]:
    """The documents of a recipe by the prefix of their assets; the collected ones come first."""
    found = {
        name.removesuffix(DOCUMENTS): made
        for name, made in artifacts.items()
        if re.fullmatch(rf"(synthesis/[^/]+/)?{DOCUMENTS}", name) and isinstance(made, Artifact)
    }
    return dict(sorted(found.items()))


def find(artifacts: Artifacts, asked: str) -> Found:
    """The one document that ``asked`` means: an id, the start of one, or a part of its place.

    Raises :class:`DocumentError` if there is none (saying what was searched) or several.
    """
    searched = corpora(artifacts)
    if not searched:
        raise DocumentError("no documents have been made yet; make them with `midtrain run RECIPE`")
    matches = [
        match
        for prefix, corpus in searched.items()
        for match in _matches(corpus, asked)
        for match in [match._replace(prefix=prefix)]
    ]
    by_id = [match for match in matches if _is_prefix(asked) and match.id.startswith(asked.lower())]
    exact = [match for match in matches if asked in (match.locator, _place(match))]
    chosen = by_id or exact or matches
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        shown = [f"  {match.id}  {_place(match)}" for match in chosen[:CANDIDATES]]
        more = [f"  and {len(chosen) - CANDIDATES:,} more"] if len(chosen) > CANDIDATES else []
        first = f"{asked!r} is {len(chosen):,} documents; name one of them by the start of its id:"
        raise DocumentError("\n".join([first, *shown, *more]))
    raise DocumentError(_unknown(searched, asked))


def _is_prefix(asked: str) -> bool:
    return re.fullmatch(rf"[0-9a-fA-F]{{{SHORTEST_PREFIX},32}}", asked) is not None


def _place(found: Found) -> str:
    return f"{found.source}/{found.locator}"


def _matches(corpus: Artifact, asked: str) -> list[Found]:
    place = pl.format("{}/{}", "source", "locator")
    matching = place.str.contains(asked, literal=True)
    if _is_prefix(asked):
        matching |= pl.col("id").str.starts_with(asked.lower())
    rows = (
        corpus.scan("documents")
        .select("id", "source", "locator")
        .with_row_index("row")
        .filter(matching)
        .collect()
    )
    stops = list(accumulate(part.rows for part in corpus.parts("documents")))
    places = np.searchsorted(stops, rows["row"].to_numpy(), side="right")
    return [
        Found("", identity, source, locator, int(part))
        for (_, identity, source, locator), part in zip(rows.iter_rows(), places, strict=True)
    ]


def _unknown(searched: Mapping[str, Artifact], asked: str) -> str:
    named = [
        f"{corpus.rows('documents'):,} {spoken(prefix)}{DOCUMENTS}"
        for prefix, corpus in searched.items()
    ]
    where = f"ids, sources and places of {' and '.join(named)}"
    lines = [f"no document answers to {asked!r}; searched: {where}"]
    for corpus in searched.values():
        if corpus.has("rejections"):
            refused = (
                corpus.scan("rejections")
                .filter(pl.format("{}/{}", "source", "locator").str.contains(asked, literal=True))
                .head(CANDIDATES)
                .collect()
            )
            lines += [
                f"  {source}/{locator} was not taken: {reason} ({detail})"
                for source, locator, reason, detail in refused.iter_rows()
            ]
    if re.fullmatch(rf"[0-9a-fA-F]{{1,{SHORTEST_PREFIX - 1}}}", asked):
        lines.append(f"  (the start of an id needs {SHORTEST_PREFIX} digits or more)")
    return "\n".join(lines)
