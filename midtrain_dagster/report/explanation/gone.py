"""What became of a document that is there no more: when it went, with which run, and why."""

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.refresh.record import last_change
from midtrain_dagster.report.explanation.document_search import (
    DOCUMENTS,
    SHORTEST_PREFIX,
    Artifacts,
)


def gone(store: ArtifactStore, recipe: str, artifacts: Artifacts, asked: str) -> str | None:
    """A few lines about a document that a removal list or its source has taken away, by its id, the
    start of that, its place, or the entry of the list; None where nothing is known of one."""
    corpus = artifacts.get(DOCUMENTS)
    if not isinstance(corpus, Artifact):
        return None
    named = _taken_down(corpus, asked)
    identity = named["id"] if named else asked.lower()
    if len(identity) < SHORTEST_PREFIX:
        return None
    went = last_change(store.storage, recipe, identity)
    if named is None and went is None:
        return None
    row = named or (went[1] if went else {})
    lines = [f"{row['id']}  {row['source']}/{row['locator']}"]
    if named:
        lines.append(f"Taken out: the removal list names it ({named['entry']}).")
    else:
        lines.append(f"Gone: {_why(corpus, row)}.")
    if went:
        record, last = went
        tokens = f", {last['tokens_before']:,} tokens" if last["tokens_before"] else ""
        lines.append(
            f"It went with the run {record.run}, {record.when}; before that it was "
            f"{last['before']}{tokens}."
        )
    else:
        lines.append("It was on the list before anything was made of it.")
    return "\n".join(lines)


def _taken_down(corpus: Artifact, asked: str) -> dict[str, str] | None:
    if not corpus.has("taken_down"):
        return None
    by_id = pl.col("id").str.starts_with(asked.lower()) & pl.lit(len(asked) >= SHORTEST_PREFIX)
    place = pl.format("{}/{}", "source", "locator")
    rows = corpus.read("taken_down").filter(
        by_id | (pl.col("entry") == asked) | place.str.contains(asked, literal=True)
    )
    return rows.row(0, named=True) if rows["id"].n_unique() == 1 else None


def _why(corpus: Artifact, row: dict[str, str]) -> str:
    """Whether its file is gone, or holds it no longer."""
    files = corpus.scan("outcomes").filter(source=row["source"]).select("file").unique().collect()
    for file in files["file"].drop_nulls():
        if row["locator"] == file or row["locator"].startswith(f"{file}:"):
            return f"{file} of the source {row['source']!r} holds it no longer"
    return f"its file is no longer in the source {row['source']!r}"
