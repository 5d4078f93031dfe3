"""The story of one document: where it came from, what became of it, and why.

Gathered from those artifacts of a recipe's graph that were made: what was not made is empty in the
story, and named. What prints it needs to know nothing of tables.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from midtrain_dagster.curation.distributions import Bound, bounds
from midtrain_dagster.curation.policy import CurationPolicy, KindPolicy
from midtrain_dagster.report.explanation.document_search import Artifacts, Found
from midtrain_dagster.report.explanation.document_tables import (
    ATTRIBUTES,
    READ,
    Asked,
    Cluster,
    DocumentTables,
)
from midtrain_dagster.report.explanation.training_runs import Seen

CONTEXT_BYTES = 60


class Test(NamedTuple):
    """A bound that the document's kind is asked to keep, and whether it does."""

    bound: Bound
    passed: bool


@dataclass(frozen=True)
class Measured:
    """A number that was measured. ``percentile`` is the share of its source that has less."""

    name: str
    value: float | None
    tests: tuple[Test, ...] = ()
    percentile: float | None = None


@dataclass(frozen=True)
class Passage:
    """A span of the document's text (in bytes) with what stands around it."""

    label: str
    start: int
    stop: int
    before: str
    text: str
    after: str


@dataclass(frozen=True)
class Story:
    """One document's story. What was not made is None or empty, and named in ``missing``."""

    found: Found
    document: dict[str, Any]
    metadata: dict[str, Any]
    parts: int
    policy: KindPolicy
    missing: tuple[str, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)
    """Messages of the methods that could not process it, by table."""

    language: dict[str, Any] | None = None
    signals: tuple[Measured, ...] = ()
    ratings: tuple[Measured, ...] = ()
    c4_edits: tuple[Passage, ...] = ()
    personal_data: tuple[Passage, ...] = ()
    repeated_text: tuple[Passage, ...] = ()
    cluster: Cluster | None = None
    hits: tuple[dict[str, Any], ...] = ()
    decision: dict[str, Any] | None = None
    edits: tuple[Passage, ...] = ()
    origin: dict[str, Any] | None = None
    """Of a synthetic document: the document that it was made from, and ``passage``."""

    asked: tuple[Asked, ...] = ()
    """Of a synthetic document: what a generator was asked, and what it answered."""

    checks: str | None = None
    """Of a synthetic document: what it was held against, and passed."""

    made_of_it: tuple[str, ...] = ()
    """Ids of synthetic documents that were made from it."""

    seen: tuple[Seen, ...] = ()
    """What each training run saw of it."""


def story_of(
    artifacts: Artifacts,
    found: Found,
    policy: CurationPolicy,
    missing: Iterable[str] = (),
    seen: tuple[Seen, ...] = (),
) -> Story:
    """Gather the story of a document.

    Args:
        artifacts: what the recipe's graph has made.
        found: where the document is.
        policy: what its kind has to keep.
        missing: names of assets that are not made (with ``[BENCHMARK]`` where they are
            partitioned); those that the story needs are named in it.
        seen: what training saw of the document (``training_runs.seen_by``).
    """
    tables = DocumentTables(artifacts, found)
    document = tables.document()
    text = (document["text"] or "").encode()
    rows = {name: tables.rows(name) for name in ATTRIBUTES}
    asked = [bound for bound in bounds(policy) if bound.scope.holds(document)]
    decision = _first(rows["curated_documents"])
    metadata = json.loads(document["metadata"] or "{}")
    needed = {found.prefix + name for name in READ}
    return Story(
        found,
        document,
        metadata,
        len(tables.corpus.parts("documents")),
        policy.of(document["kind"], document["format"], document["source"]),
        tuple(name for name in missing if name.split(" ")[0] in needed),
        errors={
            name: row["error"] for name, each in rows.items() for row in each if row.get("error")
        },
        language=_first(rows["language"]),
        signals=_measured(_first(rows["signals"]), asked),
        ratings=tuple(
            replace(each, percentile=tables.percentile(each.name, each.value))
            for each in _measured(_first(rows["ratings"]), asked)
        ),
        c4_edits=_passages(text, rows["c4_edits"], "replacement"),
        personal_data=_passages(text, rows["personal_data"], "type"),
        repeated_text=_passages(text, rows["repeated_text"], "unit"),
        cluster=tables.cluster(),
        hits=tables.hits(),
        decision=decision,
        edits=_passages(text, decision["edits"] if decision else [], "replacement"),
        origin=tables.origin(metadata),
        asked=tables.asked(metadata),
        checks=tables.checks,
        made_of_it=tables.made_of_it(),
        seen=seen,
    )


def _first(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return rows[0] if rows else None


def _measured(row: dict[str, Any] | None, asked: list[Bound]) -> tuple[Measured, ...]:
    """The numbers of an attribute's row, each with the bounds that it is tested against."""
    if row is None:
        return ()
    return tuple(
        Measured(
            name,
            value,
            tuple(Test(bound, _keeps(value, bound)) for bound in asked if bound.attribute == name),
        )
        for name, value in row.items()
        if name not in ("id", "error")
    )


def _keeps(value: float | None, bound: Bound) -> bool:
    """Compared as Float32, as `rules` does."""
    if value is None:
        return False
    number, limit = np.float32(value), np.float32(bound.value)
    return bool(number >= limit if bound.side == "minimum" else number <= limit)


def _passages(text: bytes, spans: list[dict[str, Any]], label: str) -> tuple[Passage, ...]:
    def cut(start: int, stop: int) -> str:
        return text[max(start, 0) : stop].decode(errors="ignore")

    return tuple(
        Passage(
            str(span[label]),
            start,
            stop,
            cut(start - CONTEXT_BYTES, start),
            cut(start, stop),
            cut(stop, stop + CONTEXT_BYTES),
        )
        for span in sorted(spans, key=lambda span: (span["start"], span["stop"]))
        for start, stop in [(span["start"], span["stop"])]
    )
