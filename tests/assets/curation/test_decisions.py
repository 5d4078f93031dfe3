"""Budgets, repeated text and personal data reach the decisions, and from there the shards."""

import json
from pathlib import Path

import polars as pl

PARAGRAPH = "This paragraph is the notice that every page of the site carries at its very end."
MADE = (
    *("benchmark_items", "documents", "rater/quality", "language", "signals", "ratings"),
    *("signatures", "duplicate_edges", "contamination", "eligibility", "duplicate_clusters"),
    *("personal_data", "repeated_text", "sample", "curated_documents"),
)

ASKED = (
    "A lighthouse keeper owns nine brass lanterns and lends every third one to the ferry at dusk?",
    "Which of the four bakers on the square sold the last loaf of rye before the bells had rung?",
    "If seven wet dogs cross two wooden bridges in an hour, how long do ten dry dogs need for it?",
)


def test_each_section_has_its_say(graph, folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "web.jsonl").read_text().splitlines()]
    texts = [f"{line['text']}\n\n{PARAGRAPH}" for line in lines[:10]]
    texts[4] = f"Write to jane.doe@debian.org about it. {texts[4]}"
    rows = [{"text": text} for text in texts]
    (folder / "notices.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = {
        name: {"reader": "json_lines", "domain": name, "kind": "qa", "paths": [f"{file}.jsonl"]}
        for name, file in (("web", "notices"), ("wikipedia", "wikipedia"))
    }
    budget = {"tokens": 2000, "by": "quality", "maximum_copies": 1}
    made = graph(
        sources=sources,
        personal_data={},
        repeated_text={"unit": "paragraph"},
        sampling={"domains": {"wikipedia": budget}},
    )
    made.make(*MADE)

    documents = made.artifact("documents").read("documents")
    decided = documents.join(made.artifact("curated_documents").read("decisions"), on="id")
    web = decided.filter(source="web")
    assert web["keep"].all()
    cut = [[edit["replacement"] for edit in edits] for edits in web["edits"]]
    (addressed,) = [edits for text, edits in zip(web["text"], cut, strict=True) if "jane" in text]
    assert addressed[0] == "<EMAIL>"
    assert sum(replacement == "" for edits in cut for replacement in edits) == 9

    wikipedia = decided.filter(source="wikipedia")
    assert set(wikipedia["reason"]) == {"kept", "sampling:wikipedia"}
    kept = wikipedia.filter("keep")["text"].str.len_bytes().sum() / 4
    assert 1500 < kept < 2500
    rated = made.artifact("ratings").read("ratings")
    by = dict(rated.select("id", "quality").iter_rows())
    lowest = min(by[id_] for id_ in wikipedia.filter("keep")["id"])
    assert all(by[id_] <= lowest + 0.05 for id_ in wikipedia.filter(~wikipedia["keep"])["id"])

    funnel = made.artifact("curated_documents").read("funnel")
    left = funnel.group_by("step", maintain_order=True).agg(pl.col("documents").sum())
    steps = dict(left.iter_rows())
    assert steps["collected"] == decided.height
    assert steps["repeated_text"] > steps["sampling"] == decided["keep"].sum()


def test_a_benchmark_says_what_becomes_of_its_text(graph, folder: Path) -> None:
    """Cut, dropped or only flagged; the gate on the shards lets pass what is flagged."""
    lines = [json.loads(line)["text"] for line in (folder / "web.jsonl").read_text().splitlines()]
    asked = [{"q": question, "a": "nobody knows"} for question in ASKED]
    names = ("cut", "dropped", "flagged")
    benchmarks = {}
    for name, riddle in zip(names, asked, strict=True):
        (folder / f"{name}.jsonl").write_text(json.dumps(riddle) + "\n")
        benchmarks[name] = {"paths": [f"{name}.jsonl"], "question": "q", "answer": "a"}
    texts = [f"{lines[number]} {lines[number + 20]}" for number in range(20)]
    for number, riddle in enumerate(asked):
        texts[number] += f" {riddle['q']} {riddle['a']}"
    rows = [{"text": text} for text in texts]
    (folder / "planted.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = {
        name: {"reader": "json_lines", "domain": name, "kind": "qa", "paths": [f"{file}.jsonl"]}
        for name, file in (("web", "planted"), ("wikipedia", "wikipedia"))
    }
    method = {"method": "llama3", "actions": {"cut": "cut_span", "dropped": "drop_document"}}
    made = graph(sources=sources, benchmarks=benchmarks, decontamination=method)
    made.make(*made.TO_THE_SHARDS)

    documents = made.artifact("documents").read("documents").filter(source="web")
    decisions = made.artifact("curated_documents").read("decisions")
    decided = documents.join(decisions, on="id")
    told = {}
    for name, question in zip(names, ASKED, strict=True):
        ((reason, edits),) = (
            decided.filter(pl.col("text").str.contains(question, literal=True))
            .select("reason", "edits")
            .rows()
        )
        told[name] = reason, len(edits)
    assert told == {
        "cut": ("kept", 1),
        "dropped": ("contamination:dropped", 0),
        "flagged": ("kept", 0),
    }
    scores = made.artifact("contamination", "flagged").read("item_scores")
    assert scores["contaminated"].to_list() == [True]
