"""New documents cost their own pairs, and the edges are those of a run over everything."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

EDGES = ("benchmark_items", "documents", "signatures", "duplicate_edges")
DECIDED = (
    *("rater/quality", "language", "signals", "ratings", "contamination", "eligibility"),
    *("duplicate_clusters", "curated_documents"),
)


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
    folder = Path(made.artifacts.root) / "parts" / "verification.verify"
    return sum(pl.read_parquet(path).height for path in folder.rglob("verified.parquet"))


def test_what_was_verified_is_not_verified_again(graph, folder, pages, tmp_path) -> None:
    collection = {"part_bytes": 1}  # a part for each file
    batches = [pages[:9], pages[9:15], pages[15:]]
    read = []
    for count in (1, 2, 3):
        grown = graph(sources=sources(folder, batches[:count], "grown"), collection=collection)
        grown.make(*EDGES)
        read.append(verified(grown))
    other = type(grown.artifacts)(root=str(tmp_path / "at_once"), endpoint=None, region=None)
    at_once = graph(other, sources=sources(folder, batches, "grown"), collection=collection)
    at_once.make(*EDGES)
    one, other_one = (made.artifact("duplicate_edges") for made in (grown, at_once))
    assert one.fingerprint == other_one.fingerprint
    assert_frame_equal(one.read("edges"), other_one.read("edges"))
    assert one.rows("edges") >= 8
    assert read[0] < read[1] < read[2] == verified(at_once)


def test_a_cluster_is_not_lost_with_a_member_that_a_rule_drops(graph, folder, pages) -> None:
    longer = pages[0] + " { }"  # C4 drops a page with a curly bracket
    made = graph(sources=sources(folder, [[pages[0], longer, *pages[1:4]]], "bracket"))
    made.make(*EDGES, *DECIDED)
    documents = made.artifact("documents").read("documents").select("id", "text")
    decided = documents.join(made.artifact("curated_documents").read("decisions"), on="id")
    reasons = dict(decided.select("text", "reason").iter_rows())
    assert reasons[longer] == "c4:has_curly_bracket"
    assert reasons[pages[0]] == "kept"


def test_another_method_finds_exact_copies_only(graph, folder, pages) -> None:
    exact = {"method": "exact", "keep": "oldest"}
    made = graph(sources=sources(folder, [pages], "exact"), duplicates=exact)
    made.make(*EDGES)
    assert made.artifact("signatures").read("signatures").columns == [
        *("id", "bytes", "text_hash", "error")
    ]
    edges = made.artifact("duplicate_edges").read("edges")
    assert edges["method"].to_list() == ["exact"] * 2
    texts = dict(made.artifact("documents").read("documents").select("id", "text").iter_rows())
    assert all(texts[a] == texts[b] for a, b in edges.select("a", "b").iter_rows())


@pytest.mark.parametrize("beside", [False, True])
def test_pages_of_one_url_are_one_whatever_they_say(graph, folder, pages, beside) -> None:
    """Also beside another method: then pages of one text are one, too."""
    said = [
        ("https://www.example.com/a?utm_source=feed", "2024-01-02"),
        ("http://example.com/a", "2024-01-01"),
        ("http://example.com/b", "2024-01-01"),
        (None, "2024-01-01"),
        (None, "2024-01-01"),
    ]
    rows = [
        {"text": text, "url": url, "date": date}
        for text, (url, date) in zip(pages, said, strict=False)
    ]
    copy = {"text": pages[3], "url": "http://example.com/copy", "date": "2023-12-31"}
    (folder / "crawled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, copy]))
    crawled = {
        **{"reader": "json_lines", "kind": "qa", "domain": "web", "paths": ["crawled.jsonl"]},
        "keep": ["url", "date"],
    }
    wikipedia = crawled | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]}
    by_url = {"method": "url", "keep": "oldest"}
    made = graph(
        sources={"web": crawled, "wikipedia": wikipedia},
        duplicates=[{"method": "exact", "keep": "oldest"}, {"method": "url"}] if beside else by_url,
    )
    further = ("signatures/url", "duplicate_edges/url") if beside else ()
    made.make(*EDGES, *further, *DECIDED)
    documents = made.artifact("documents").read("documents").select("id", "text", "locator")
    decided = documents.join(made.artifact("curated_documents").read("decisions"), on="id")
    web = decided.filter(pl.col("locator").str.starts_with("crawled")).sort("locator")
    reasons = web["reason"].to_list()
    assert reasons == ["duplicate", *["kept"] * 2, "duplicate" if beside else "kept", *["kept"] * 2]
