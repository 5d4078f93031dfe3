"""Runs of words that the corpus repeats are cut from all documents but one, part by part."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.tokens.edits import apply_edits

NOTICE = "This notice stands on every page of the site, and nobody has ever read it to its end."
MADE = (
    *("benchmark_items", "documents", "rater/quality", "language", "signals", "ratings"),
    *("signatures", "duplicate_edges", "contamination", "eligibility", "duplicate_clusters"),
    *("repeated_text", "curated_documents"),
)


def test_a_substring_stays_in_one_document(graph: Any, folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "web.jsonl").read_text().splitlines()]
    texts = [f"{line['text']} {NOTICE} {n}." for n, line in enumerate(lines[:8])]
    for number in range(2):
        rows = [{"text": text} for text in texts[number::2]]
        path = folder / f"pages_{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    web = {"reader": "json_lines", "domain": "web", "kind": "qa", "paths": ["pages_*.jsonl"]}
    wikipedia = web | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]}
    section = {"unit": "substring", "minimum_words": 15, "hash_ranges": 2}
    made = graph(
        sources={"web": web, "wikipedia": wikipedia},
        collection={"part_bytes": 15_000},
        repeated_text=section,
    )
    made.make(*MADE)

    assert len(made.artifact("documents").parts("documents")) > 3
    cut = made.artifact("repeated_text").read("repeated_text")
    assert set(cut["unit"]) == {"substring"}
    documents = made.artifact("documents").read("documents")
    decided = documents.join(made.artifact("curated_documents").read("decisions"), on="id")
    pages = decided.filter(source="web")
    left = apply_edits(pages["text"], pages["edits"])
    assert left.str.contains(NOTICE[:60]).sum() == 1
    assert left.str.contains(r" \d\.$").all()
    whole = pl.Series(texts).str.len_bytes().sum()
    assert left.str.len_bytes().sum() <= whole - 7 * len(NOTICE)
