"""New documents cost their own pairs, and the clusters are those of a run over everything."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

PATHS = ["pages/*.jsonl"]
MADE = ("documents", "language", "signals", "quality_rater", "ratings", "signatures")
DECIDED = ("duplicate_edges", "contamination", "eligibility", "duplicate_clusters")


@pytest.fixture(scope="module")
def pages(folder: Path) -> list[str]:
    """Pages in several versions: exact copies, near copies, and pages of their own."""
    lines = (folder / "web.jsonl").read_text().splitlines()
    texts = [json.loads(line)["text"] for line in lines[:12]]
    near = [text + " And nobody was told of it until the spring." for text in texts[:6]]
    return [*texts, *near, *texts[3:5]]


def sources(folder: Path, batches: list[list[str]], name: str) -> dict[str, Any]:
    into = folder / name
    into.mkdir(exist_ok=True)
    for number, batch in enumerate(batches):
        # Later files sort first: the order of parts is not the order in which they came.
        path = into / f"{9 - number}.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in batch))
    common = {"reader": "json_lines", "kind": "prose"}
    return {
        "web": common | {"domain": "web", "paths": [f"{name}/*.jsonl"]},
        "wikipedia": common | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]},
    }


def verified(made: Any) -> int:
    """Pairs whose texts were read, over the life of the store."""
    folder = Path(made.artifacts.root) / "parts" / "duplicate_verification"
    return sum(pl.read_parquet(path).height for path in folder.rglob("verified.parquet"))


def test_what_was_verified_is_not_verified_again(graph, folder, pages, tmp_path) -> None:
    collection = {"part_bytes": 1}  # a part for each file
    batches = [pages[:9], pages[9:15], pages[15:]]
    seen = []
    for count in (1, 2, 3):
        grown = graph(sources=sources(folder, batches[:count], "grown"), collection=collection)
        grown.make("benchmark_items", *MADE, *DECIDED)
        seen.append(verified(grown))
    other = type(grown.artifacts)(root=str(tmp_path / "at_once"), endpoint=None, region=None)
    at_once = graph(other, sources=sources(folder, batches, "grown"), collection=collection)
    at_once.make("benchmark_items", *MADE, *DECIDED)
    for asset, table in (("duplicate_edges", "edges"), ("duplicate_clusters", "clusters")):
        one, other_one = grown.artifact(asset), at_once.artifact(asset)
        assert one.fingerprint == other_one.fingerprint
        assert_frame_equal(one.read(table), other_one.read(table))
    assert grown.artifact("duplicate_clusters").rows("clusters") >= 12
    assert seen[0] < seen[1] < seen[2] == verified(at_once)


def test_a_cluster_is_not_lost_with_a_member_that_a_rule_drops(graph, folder, pages) -> None:
    longer = pages[0] + " { }"  # C4 drops a page with a curly bracket
    made = graph(sources=sources(folder, [[pages[0], longer, *pages[1:4]]], "bracket"))
    made.make("benchmark_items", *MADE, *DECIDED, "curated_documents")
    documents = made.artifact("documents").read("documents").select("id", "text")
    decided = documents.join(made.artifact("curated_documents").read("decisions"), on="id")
    reasons = dict(decided.select("text", "reason").iter_rows())
    assert reasons[longer] == "c4:has_curly_bracket"
    assert reasons[pages[0]] == "kept"
