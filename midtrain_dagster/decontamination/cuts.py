"""Spans that are cut where a recipe keeps the rest of a document that holds benchmark text.

The rule is GPT-3's (arXiv 2005.14165, appendix C), for every method: a match goes with ``MARGIN``
characters on each side, what is then left between two cuts goes too if it is shorter than
``SHORTEST_PIECE``, and a document left in more than ``MOST_PIECES`` pieces goes whole.
So does one in which the same method still finds an item after the cut: the gate on token shards
would stop the run for it.
"""

import sys
from pathlib import Path

import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.decontamination import acquittals, scan
from midtrain_dagster.decontamination.method import Method

VERSION = 1
USES = (scan,)

MARGIN = 200
SHORTEST_PIECE = 200
MOST_PIECES = 10

CUTS = pl.Schema(
    {"id": pl.String(), "start": pl.UInt64(), "stop": pl.UInt64(), "replacement": pl.String()}
)
"""An edit a row, in bytes of the document's text (`tokens.edits`)."""

_JOIN = "\n"
"""What stands for a cut, so that no two words become one."""


def cuts(
    documents: pl.DataFrame,
    items: pl.DataFrame,
    hits: pl.DataFrame,
    common_keys: pl.DataFrame | None = None,
    *,
    config: Method,
    look: Path | None = None,
) -> dict[str, pl.DataFrame]:
    """What is cut of the documents (columns id, text) that have ``hits``: ``cuts`` (CUTS).

    Common n-grams and the folder of the second look's model are those of `acquittals.standing`.
    """
    accused = documents.join(hits.select("id").unique(), on="id", how="semi", maintain_order="left")
    accused = accused.select("id", pl.col("text").cast(pl.String).fill_null(""))
    found = scan.occurrences(accused, items, config=config.alone(), common=common_keys)
    found = found.join(hits, on=["id", "benchmark", "item"], how="semi", maintain_order="left")
    by_id = {
        identity: list(zip(own["start"], own["stop"], strict=True))
        for (identity,), own in found.group_by("id", maintain_order=True)
    }
    spans = {
        identity: cut_spans(text, by_id.get(identity, [])) for identity, text in accused.iter_rows()
    }
    left = accused.with_columns(
        text=pl.Series([left_of(text, spans[each]) for each, text in accused.iter_rows()])
        .cast(pl.String)
    )  # fmt: skip
    found_again = acquittals.judged(left, items, common_keys, config=config, look=look)
    # Of another benchmark the document may hold what nothing is to be done about.
    again = found_again.join(hits, on=["id", "benchmark"], how="semi")["id"].unique()
    for identity, text in accused.filter(pl.col("id").is_in(again.implode())).iter_rows():
        spans[identity] = [(0, len(text.encode()))]
    rows = [(each, a, b, _JOIN) for each, own in spans.items() for a, b in own]
    return {"cuts": pl.DataFrame(rows, schema=CUTS, orient="row")}


def left_of(text: str, spans: list[tuple[int, int]]) -> str:
    """The text without sorted spans of its bytes."""
    data, at, kept = text.encode(), 0, []
    for start, stop in spans:
        kept.append(data[at:start].decode())
        at = stop
    return _JOIN.join([*kept, data[at:].decode()])


def cut_spans(text: str, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in bytes, sorted and apart, of matches in bytes: see the module's docstring."""
    if not found:
        return []
    data = text.encode()
    characters = sorted(
        (
            max(0, len(data[:start].decode()) - MARGIN),
            min(len(text), len(data[:stop].decode()) + MARGIN),
        )
        for start, stop in found
    )
    merged: list[tuple[int, int]] = []
    for start, stop in [(0, 0), *characters, (len(text), len(text))]:
        if merged and start - merged[-1][1] < SHORTEST_PIECE:
            merged[-1] = merged[-1][0], max(merged[-1][1], stop)
        else:
            merged.append((start, stop))
    spans = [(start, stop) for start, stop in merged if stop > start]
    if len(spans) + 1 > MOST_PIECES:
        spans = [(0, len(text))]
    return [(len(text[:start].encode()), len(text[:stop].encode())) for start, stop in spans]


def versions_for(config: Method) -> dict[str, int]:
    """The versions that cuts depend on."""
    return {**versions_of(sys.modules[__name__]), **acquittals.versions_for(config)}
