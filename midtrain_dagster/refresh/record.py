"""The record of what a run has changed: what came, what went, what was kept, and how long it took.

Such a record compares two states of a store, so it is another in each history that ends in the same
artifacts. It lies beside them, ``refreshes/RECIPE/TIME-RUN.json`` with the documents that changed
in a table beside it, and is a cause of nothing.
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from pydantic import Field

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.storage import Storage

FOLDER = "refreshes"

STATE = "state.json"
"""The artifacts that the last record compared with those before."""


class Amount(FrozenModel):
    """Documents, and their tokens in the shards; none where no shards were made."""

    documents: int = 0
    tokens: int | None = None


class Moved(FrozenModel):
    """What became of one source."""

    came: Amount
    went: Amount
    kept: Amount
    """There before and now."""


class Decided(FrozenModel):
    """Documents that were there before and now, and of which something else is decided."""

    before: str
    after: str
    documents: int


class Refreshed(FrozenModel):
    """What a run has changed. Times are UTC, ISO 8601."""

    run: str
    """The invocation's id."""
    when: str
    sources: dict[str, Moved] = Field(default_factory=dict)
    decisions: tuple[Decided, ...] = ()
    new_reasons: dict[str, int] = Field(default_factory=dict)
    """Of the documents that came, by the reason of their decision."""
    changed_clusters: int = 0
    """Clusters of duplicates of which another member stays."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """What each asset took that was executed."""
    first: bool = False
    """Whether there was nothing to compare with."""

    @property
    def came(self) -> int:
        """Documents that are new."""
        return sum(each.came.documents for each in self.sources.values())

    @property
    def went(self) -> int:
        """Documents that are gone."""
        return sum(each.went.documents for each in self.sources.values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing came, went or was decided otherwise."""
        return not (self.came or self.went or self.decisions)

    def lines(self) -> Iterator[str]:
        """The record in words, for a terminal and a log."""
        kept = sum(each.kept.documents for each in self.sources.values())
        yield f"{self.came:,} documents came, {self.went:,} went, {kept:,} stayed as they are"
        for each in self.decisions:
            yield f"  {each.documents:,} that stayed: {each.before} before, {each.after} now"
        if self.changed_clusters:
            yield f"  another member stays of {self.changed_clusters:,} clusters of duplicates"


def summary(
    table: pl.DataFrame, totals: Mapping[str, Amount]
) -> tuple[dict[str, Moved], tuple[Decided, ...], dict[str, int]]:
    """Amounts by source, other decisions, and the reasons of new documents, of CHANGES.

    ``totals`` are the documents and tokens of each source as they are.
    """
    came, went = pl.col("before").is_null(), pl.col("after").is_null()
    sources: dict[str, Moved] = {}
    for source in sorted({*totals, *table["source"].unique()}):
        own = table.filter(source=source)
        new, gone = (
            _amount(own.filter(rows), column)
            for rows, column in ((came, "tokens_after"), (went, "tokens_before"))
        )
        total = totals.get(source, Amount())
        tokens = None if total.tokens is None else total.tokens - (new.tokens or 0)
        kept = Amount(documents=total.documents - new.documents, tokens=tokens)
        sources[source] = Moved(came=new, went=gone, kept=kept)
    other = table.filter(~came, ~went, pl.col("before") != pl.col("after"))
    counted = (
        other.group_by("before", "after").len().sort("len", "before", "after", descending=True)
    )
    decisions = tuple(
        Decided(before=before, after=after, documents=count)
        for before, after, count in counted.iter_rows()
    )
    reasons = table.filter(came).group_by("after").len().sort("len", "after", descending=True)
    return sources, decisions, dict(reasons.iter_rows())


def _amount(rows: pl.DataFrame, column: str) -> Amount:
    known = rows[column].drop_nulls()
    return Amount(
        documents=rows.height, tokens=int(known.sum()) if len(known) or not rows.height else None
    )


def write_record(storage: Storage, recipe: str, record: Refreshed, table: pl.DataFrame) -> None:
    """Store a record with its table of CHANGES; the record last."""
    path = f"{FOLDER}/{recipe}/{record.when}-{record.run}".replace(":", "")
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    storage.write(f"{path}.parquet", buffer.getbuffer())
    storage.write(f"{path}.json", record.model_dump_json(indent=1).encode())


def records(storage: Storage, recipe: str) -> list[Refreshed]:
    """The records of a recipe, the latest last."""
    return [Refreshed.model_validate_json(storage.read(path)) for path in _paths(storage, recipe)]


def last_change(
    storage: Storage, recipe: str, identity: str
) -> tuple[Refreshed, dict[str, str]] | None:
    """The latest record in which a document went that ``identity`` is the beginning of, and its
    row."""
    for path in reversed(_paths(storage, recipe)):
        data = storage.read(str(Path(path).with_suffix(".parquet")))
        went = pl.col("after").is_null() & pl.col("id").str.starts_with(identity)
        rows = pl.read_parquet(io.BytesIO(data)).filter(went)
        if rows.height:
            return Refreshed.model_validate_json(storage.read(path)), rows.row(0, named=True)
    return None


def _paths(storage: Storage, recipe: str) -> list[str]:
    folder = f"{FOLDER}/{recipe}"
    return [
        path
        for path in storage.list(folder)
        if path.endswith(".json") and not path.endswith(f"/{STATE}")
    ]


class _State(FrozenModel):
    artifacts: dict[str, tuple[str, str]]
    """Method and fingerprint, by asset."""


def write_state(storage: Storage, recipe: str, made: Mapping[str, Artifact]) -> None:
    """Remember the artifacts (by asset) that the next record is compared with."""
    state = _State(
        artifacts={name: (each.manifest.method, each.fingerprint) for name, each in made.items()}
    )
    storage.write(f"{FOLDER}/{recipe}/{STATE}", state.model_dump_json(indent=1).encode())


def read_state(store: ArtifactStore, recipe: str) -> dict[str, Artifact]:
    """The artifacts of the last record; none where there is none, or a part of them is gone.

    Text that lies outside the store may have changed: it is not asked for.
    """
    path = f"{FOLDER}/{recipe}/{STATE}"
    if store.storage.size(path) is None:
        return {}
    found: dict[str, Artifact] = {}
    for name, entry in _State.model_validate_json(store.storage.read(path)).artifacts.items():
        manifest = store.manifest(*entry)
        if manifest is None:
            return {}
        sizes = store.storage.sizes([part.path for part in manifest.parts])
        if sizes != [part.bytes for part in manifest.parts]:
            return {}
        found[name] = Artifact(store.storage, manifest)
    return found


def compared(storage: Storage) -> set[tuple[str, str]]:
    """Method and fingerprint of the artifacts that the next record of any recipe compares with."""
    return {
        entry
        for path in storage.list(FOLDER)
        if path.endswith(f"/{STATE}")
        for entry in _State.model_validate_json(storage.read(path)).artifacts.values()
    }
