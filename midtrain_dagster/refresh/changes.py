"""What one state of a recipe's artifacts has that another had not, document by document.

Parts are immutable and have digests, so only those that one of the two states lacks are read: the
cost follows what changed and not the corpus. Clusters are the exception, a table of all documents
that have duplicates. Texts are never read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.storage import Storage

CHANGES = pl.Schema(
    {
        "id": pl.String,
        "source": pl.String,
        "locator": pl.String,
        "before": pl.String,
        "after": pl.String,
        "keeper_before": pl.String,
        "keeper_after": pl.String,
        "tokens_before": pl.Int64,
        "tokens_after": pl.Int64,
    }
)
"""A row for each document that came or went, and for each whose decision or tokens are others.

``before`` and ``after`` are the reasons of its decision (``kept``, or why not), null where it was
not there. ``keeper_...`` is the member that stays of its duplicate cluster; tokens are those in the
token shards, each copy counted, null where no shards were made."""

SPLITS = ("train", "held_out")


@dataclass(frozen=True)
class Corpus:
    """The documents of one asset, what was decided on them, and their part of the token shards.

    Every table has a part for each part of documents, in one order. ``shards`` are those of the
    indexes, by split, and ``tokens`` how many tokens each has; empty where there are none.
    """

    documents: Sequence[Part]
    decisions: Sequence[Part]
    shards: Mapping[str, Sequence[Part]]
    tokens: Sequence[int]
    clusters: Sequence[Part]
    storage: Storage

    @cached_property
    def digests(self) -> list[tuple[str, ...]]:
        """What each part of documents is known by, with all that is said of it."""
        tables = (self.documents, self.decisions, *self.shards.values())
        return [tuple(part.digest for part in parts) for parts in zip(*tables, strict=True)]

    def without(self, other: "Corpus | None") -> pl.DataFrame:
        """The documents (id, source, locator, reason, tokens) of those parts that another state of
        the corpus lacks, or of which it says something else."""
        known = set(other.digests) if other else set()
        numbers = [number for number, digest in enumerate(self.digests) if digest not in known]
        documents = self._scan(self.documents, numbers, ("id", "source", "locator"))
        decisions = self._scan(self.decisions, numbers, ("id", "reason"))
        table = documents.join(decisions, on="id", how="left")
        if not self.shards:
            return table.with_columns(tokens=pl.lit(None, pl.Int64))
        indexes = [self._scan(parts, numbers, ("id", "length")) for parts in self.shards.values()]
        length = pl.concat(indexes).group_by(pl.col("id").str.split("#").list.first())
        tokens = length.agg(tokens=pl.col("length").cast(pl.Int64).sum())
        return table.join(tokens, on="id", how="left").with_columns(pl.col("tokens").fill_null(0))

    def keepers(self) -> pl.DataFrame:
        """The documents that have duplicates (id), each with the member that stays (keeper)."""
        every = range(len(self.clusters))
        return self._scan(self.clusters, every, ("id", "cluster")).rename({"cluster": "keeper"})

    def _scan(
        self, parts: Sequence[Part], numbers: Sequence[int], columns: Sequence[str]
    ) -> pl.DataFrame:
        """Some columns of some parts, as they lie in the store: text that stands elsewhere is not
        among them."""
        empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        if "length" in columns:
            empty = empty.cast({"length": pl.UInt32})
        uris = [self.storage.uri(parts[number].path) for number in numbers]
        if not uris:
            return empty
        options = self.storage.polars_options()
        return pl.scan_parquet(uris, storage_options=options).select(*columns).collect()


def corpora(made: Mapping[str, Artifact], pairs: Iterable[tuple[str, str]]) -> dict[str, Corpus]:
    """The corpora of a state (artifacts by asset), by their asset of documents.

    ``pairs`` are the assets of documents and of decisions in the order of the token shards; one
    that is not made yet is left out.
    """
    found: dict[str, Corpus] = {}
    shards, start = made.get("token_shards"), 0
    for documents, decisions in pairs:
        clusters = f"{documents.removesuffix('documents')}duplicate_clusters"
        if not made.keys() >= {documents, decisions, clusters}:
            continue
        parts = made[documents].parts("documents")
        stop = start + len(parts)
        own: dict[str, Sequence[Part]] = {}
        tokens: list[int] = []
        if shards is not None:
            own = {each: shards.parts(f"{each}_index")[start:stop] for each in SPLITS}
            counted = [shards.parts(f"{each}_tokens")[start:stop] for each in SPLITS]
            tokens = [sum(part.tokens for part in both) for both in zip(*counted, strict=True)]
        found[documents] = Corpus(
            parts,
            made[decisions].parts("decisions"),
            own,
            tokens,
            made[clusters].parts("clusters"),
            made[documents].storage,
        )
        start = stop
    return found


def changes(before: Corpus | None, after: Corpus) -> pl.DataFrame:
    """How a corpus changed (CHANGES), sorted by id; without ``before``, all documents came.

    Tokens are compared where both states have shards.
    """
    if before and before.shards.keys() != after.shards.keys():
        before, after = (replace(state, shards={}) for state in (before, after))
    old = after.without(None).clear() if before is None else before.without(after)
    table = old.join(after.without(before), on="id", how="full", coalesce=True, suffix="_after")
    said = [pl.col(name).ne_missing(pl.col(f"{name}_after")) for name in ("reason", "tokens")]
    table = table.filter(pl.any_horizontal(said))
    for name, state in (("keeper_before", before), ("keeper_after", after)):
        keepers = state.keepers() if state else after.keepers().clear()
        table = table.join(keepers.rename({"keeper": name}), on="id", how="left")
    return (
        table.select(
            "id",
            pl.coalesce("source_after", "source").alias("source"),
            pl.coalesce("locator_after", "locator").alias("locator"),
            "keeper_before",
            "keeper_after",
            before="reason",
            after="reason_after",
            tokens_before="tokens",
            tokens_after="tokens_after",
        )
        .select(CHANGES.names())
        .cast(CHANGES)
        .sort("id")
    )


def changed_clusters(before: Corpus | None, after: Corpus) -> int:
    """Clusters of duplicates of which another member stays than before."""
    if before is None:
        return 0
    both = before.keepers().join(after.keepers(), on="id", suffix="_after")
    moved = both.filter(pl.col("keeper") != pl.col("keeper_after"))
    return moved["keeper"].n_unique()
