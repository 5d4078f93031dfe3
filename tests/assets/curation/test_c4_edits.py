"""What C4 cuts reaches the decisions, a generator that is asked and a tokenizer that is trained."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from assets.synthesis import _askable

MADE = (
    *("documents", "language", "signals", "c4_edits", "signatures", "duplicate_edges"),
    *("eligibility", "duplicate_clusters", "curated_documents", "tokenizer"),
)
MENU = ["Home", "Log in", "We use cookies to make this better for you."]


def test_a_policy_that_cuts_has_its_say(graph: Any, folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "web.jsonl").read_text().splitlines()]
    rows = [{"text": "\n".join([*MENU, line["text"]])} for line in lines]
    # Another menu, the same page: a duplicate of what is left, and of nothing else.
    rows.append({"text": "\n".join(["Help", "Index", lines[0]["text"]])})
    (folder / "menus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = {
        name: {"reader": "json_lines", "domain": name, "kind": "prose", "paths": [f"{file}.jsonl"]}
        for name, file in (("web", "menus"), ("wikipedia", "wikipedia"))
    }
    made = graph(
        sources=sources,
        curation={"sources": {"web": {"policy": "fineweb"}}, "removal_ceiling": 1},
        duplicates={"method": "exact"},
        raters={},
        tokenizer={"train": {"vocabulary": 1000}},
        benchmarks={},
    )
    made.make(*MADE)

    documents = made.artifact("documents").read("documents")
    decided = documents.join(made.artifact("curated_documents").read("decisions"), on="id")
    kept = decided.filter("keep", source="web")
    assert kept.height > 5
    for text, edits in kept.select("text", "edits").iter_rows():
        first = edits[0]
        assert (first["start"], first["replacement"]) == (0, "")
        assert text.encode()[: first["stop"]].decode().splitlines()[:3] == MENU
    pages = decided.filter(pl.col("text").str.contains(lines[0]["text"], literal=True))
    assert pages.height == 2
    clusters = made.artifact("duplicate_clusters").read("clusters")
    assert {*clusters["id"]} >= {*pages["id"]}
    assert decided.filter("keep", source="wikipedia")["edits"].list.len().sum() == 0

    artifacts = (made.artifact(name) for name in ("documents", "curated_documents"))
    assert made.recipe.edits_text
    asked = _askable(made.recipe, *artifacts)
    assert asked.columns == documents.columns
    assert asked.filter(source="web").height and not asked["text"].str.contains("cookies").any()

    vocabulary = json.loads(made.artifact("tokenizer").content("tokenizer.json"))["model"]["vocab"]
    assert "cookies" not in "".join(vocabulary)
