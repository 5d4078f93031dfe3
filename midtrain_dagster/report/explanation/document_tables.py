"""What the artifacts hold of one document, read by id and part.

Of an attribute only the document's own part is opened. One that was made from other documents than
those that are there now is looked through whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, scan_parts
from midtrain_dagster.curation.duplicates.method import DUPLICATE_EDGES
from midtrain_dagster.report.explanation.document_search import DOCUMENTS, Artifacts, Found, corpora
from midtrain_dagster.tokens.edits import apply_edits

ATTRIBUTES = {
    "language": "language",
    "signals": "signals",
    "ratings": "ratings",
    "c4_edits": "c4_edits",
    "personal_data": "personal_data",
    "repeated_text": "repeated_text",
    "duplicate_clusters": "clusters",
    "curated_documents": "decisions",
}
"""Assets of a group with rows that are about one document, and the table that they are in."""

READ = (*ATTRIBUTES, DUPLICATE_EDGES, "contamination")
"""Every asset of a group that a story is read from."""

MEMBERS = 6
"""Members of a duplicate cluster whose text is read."""


@dataclass(frozen=True)
class Cluster:
    """The document's duplicates: members (id, source, locator, kept, text; the one that stays
    first, texts of the first few only), how many there are, and the edges that touch the document
    (a, b, method, jaccard)."""

    members: tuple[dict[str, Any], ...]
    size: int
    edges: tuple[dict[str, Any], ...]


class Asked(NamedTuple):
    """A request that led to a synthetic document, and its answer."""

    round: int
    prompt: str
    completion: str
    finish: str


class DocumentTables:
    """Reads what the artifacts of a document's group hold of it."""

    def __init__(self, artifacts: Artifacts, found: Found) -> None:
        self.artifacts, self.found = artifacts, found
        corpus = artifacts[found.prefix + DOCUMENTS]
        assert isinstance(corpus, Artifact)
        self.corpus = corpus

    def document(self) -> dict[str, Any]:
        """The document itself."""
        part = self.corpus.parts("documents")[self.found.part]
        rows = scan_parts(self.corpus.storage, [part]).filter(id=self.found.id).collect()
        return rows.row(0, named=True)

    def artifact(self, name: str) -> Artifact | None:
        """An artifact of the document's group, if it was made."""
        made = self.artifacts.get(self.found.prefix + name)
        return made if isinstance(made, Artifact) else None

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of an attribute's table that are about the document."""
        made = self.artifact(name)
        table = ATTRIBUTES[name]
        if made is None or not made.has(table):
            return []
        return self._rows_of(made, table)

    def _rows_of(self, made: Artifact, table: str) -> list[dict[str, Any]]:
        parts = made.parts(table)
        if self._is_aligned(made, table):
            own = scan_parts(made.storage, [parts[self.found.part]])
            rows = own.filter(id=self.found.id).collect()
            of_these = made.manifest.upstream.get("documents") == self.corpus.fingerprint
            if rows.height or of_these:
                return rows.to_dicts()
        return made.scan(table).filter(id=self.found.id).collect().to_dicts()

    def _is_aligned(self, made: Artifact, table: str) -> bool:
        return len(made.parts(table)) == len(self.corpus.parts("documents"))

    def percentile(self, rater: str, rating: float | None) -> float | None:
        """The share of the rated documents of the same source that have a lower rating."""
        made = self.artifact("ratings")
        if made is None or rating is None or not self._is_aligned(made, "ratings"):
            return None
        documents = self.corpus.parts("documents")
        label = documents[self.found.part].label
        of_source = [
            part
            for document, part in zip(documents, made.parts("ratings"), strict=True)
            if document.label == label
        ]
        column = scan_parts(made.storage, of_source).select(rater).drop_nulls()
        return column.select((pl.col(rater) < rating).mean()).collect().item()

    def cluster(self) -> Cluster | None:
        """The document's duplicates and the texts of the first few."""
        clusters = self.artifact("duplicate_clusters")
        own = next(iter(self.rows("duplicate_clusters")), None)
        if clusters is None or own is None:
            return None
        members = (
            clusters.scan("clusters")
            .filter(cluster=own["cluster"])
            .sort(~pl.col("kept"), pl.col("id") != self.found.id, "id")
            .collect()
        )
        shown = members.head(MEMBERS)
        texts = (
            self.corpus.scan("documents")
            .filter(pl.col("id").is_in(shown["id"].implode()))
            .select("id", "source", "locator", "text")
            .collect()
        )
        joined = shown.join(texts, on="id", how="left", maintain_order="left")
        return Cluster(tuple(joined.to_dicts()), members.height, self._edges())

    def _edges(self) -> tuple[dict[str, Any], ...]:
        """The edges that touch the document, found by whichever method."""
        named = f"{self.found.prefix}{DUPLICATE_EDGES}"
        touching = [
            made.scan("edges")
            .filter((pl.col("a") == self.found.id) | (pl.col("b") == self.found.id))
            .select("a", "b", "method", "jaccard")
            .collect()
            for name, made in self.artifacts.items()
            if isinstance(made, Artifact) and (name == named or name.startswith(f"{named}/"))
        ]
        if not touching:
            return ()
        ordered = pl.concat(touching).sort(
            "jaccard", "a", "b", descending=[True, False, False], nulls_last=True
        )
        return tuple(ordered.to_dicts())

    def hits(self) -> tuple[dict[str, Any], ...]:
        """Benchmark text in the document, with the question of the item."""
        scans = self.artifacts.get(f"{self.found.prefix}contamination", {})
        items = self.artifacts.get("benchmark_items", {})
        assert isinstance(scans, Mapping)
        assert isinstance(items, Mapping)
        rows = []
        for benchmark, made in scans.items():
            for hit in self._rows_of(made, "hits"):
                question = None
                if benchmark in items:
                    asked = items[benchmark].scan("items").filter(item=hit["item"])
                    question = asked.select("question").head(1).collect().to_series().to_list()
                rows.append({**hit, "question": question[0] if question else None})
        return tuple(rows)

    def origin(self, metadata: dict[str, Any]) -> dict[str, Any] | None:
        """Of a synthetic document, the collected one it was made from, and the passage."""
        corpus = self.artifacts.get("documents")
        if not self.found.prefix or "document" not in metadata or not isinstance(corpus, Artifact):
            return None
        row = corpus.scan("documents").filter(id=metadata["document"]).collect().to_dicts()
        if not row:
            return None
        span = metadata.get("passage")
        text = self._curated(row[0]).encode()
        passage = text[span["start"] : span["stop"]].decode(errors="ignore") if span else None
        return {**row[0], "passage": passage}

    def _curated(self, document: dict[str, Any]) -> str:
        """The text of a collected document as a generator was asked about it: edited."""
        text = document["text"] or ""
        made = self.artifacts.get("curated_documents")
        if not isinstance(made, Artifact):
            return text
        found = made.scan("decisions").filter(id=document["id"]).select("edits").collect()
        if found.is_empty():
            return text
        edited: str = apply_edits(pl.Series([text]), found["edits"]).item()
        return edited

    def asked(self, metadata: dict[str, Any]) -> tuple[Asked, ...]:
        """Of a synthetic document, what was asked and came back, round after round."""
        wanted = metadata.get("requests")
        if not self.found.prefix or not wanted or not self.corpus.has("requests"):
            return ()
        requests = self.corpus.scan("requests").filter(pl.col("id").is_in(wanted))
        answers = self.corpus.scan("answers").select("key", "prompt", "completion", "finish")
        rows = requests.join(answers, on="key").sort("round", "id").collect()
        return tuple(Asked(*row) for row in rows.drop("key", "id").iter_rows())

    @property
    def checks(self) -> str | None:
        """The reasons for which the method that made a synthetic document rejects others."""
        said = self.corpus.manifest.figures.get("checks")
        return str(said) if self.found.prefix and said else None

    def made_of_it(self) -> tuple[str, ...]:
        """Synthetic documents that were made from this one."""
        if self.found.prefix:
            return ()
        # One of its seeds, all that were put together, or what an earlier version called its own.
        made_of = pl.col("metadata").str.contains(self.found.id, literal=True)
        rows = [
            corpus.scan("documents").filter(made_of).select("id").collect()
            for prefix, corpus in corpora(self.artifacts).items()
            if prefix
        ]
        return tuple(sorted(identity for each in rows for identity in each["id"]))
