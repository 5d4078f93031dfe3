import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.collection import collection_assets

REPOSITORY = Path(__file__).parents[2]


def manifests(root: str) -> dict[str, str]:
    folder = Path(root) / "manifests"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.json")}


def test_documents_do_not_depend_on_the_order_of_sources(graph, shards) -> None:
    sources = shards.recipe.model_dump(mode="json", exclude_unset=True)["sources"]
    turned = graph(sources=dict(reversed(sources.items())))
    assert list(turned.recipe.sources) == ["wikipedia", "web"]
    turned.make("benchmark_items", "documents")
    made = manifests(turned.artifacts.root)
    assert made.items() <= manifests(shards.artifacts.root).items()


def test_documents_carry_their_source_domain_and_kind(shards) -> None:
    documents = shards.artifact("documents").read("documents")
    counts = documents.group_by("source", "domain", "kind").len().sort("source")
    assert counts.rows() == [("web", "web", "prose", 60), ("wikipedia", "wikipedia", "prose", 60)]
    assert documents["id"].n_unique() == documents.height


def test_sources_without_documents_are_named_with_the_reasons(graph, folder: Path) -> None:
    (folder / "bad.jsonl").write_text('{"text": ""}\nnot json\n{"other": 1}\n')
    sources: dict[str, Any] = {
        "web": {"reader": "json_lines", "domain": "web", "kind": "prose", "paths": ["web.jsonl"]},
        "wikipedia": {
            "reader": "json_lines",
            "domain": "wikipedia",
            "kind": "prose",
            "paths": ["bad.jsonl"],
        },
    }
    made = graph(sources=sources)
    with pytest.raises(dg.Failure, match="wikipedia: 1 of 1 files and 3 of 3 rows") as raised:
        made.make("benchmark_items", "documents")
    message = str(raised.value.description)
    assert "it gave no document: mend its files" in message
    assert f"{made.recipe.file}, line " in message and ": sources.wikipedia" in message
    assert "bad.jsonl:2: line at byte 13: Expecting value" in message


def test_a_ceiling_of_rejections_stops_a_run_and_is_got_past_cheaply(
    graph, folder: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "good.md").write_text("# Otters\n\nThey float.\n")
    (notes / "bad.md").write_bytes("mögen".encode("latin-1"))
    (notes / "worse.md").write_bytes(b"\xffwords")
    forum = (folder / "web.jsonl").read_text().splitlines()[:6]
    (tmp_path / "forum.jsonl").write_text("\n".join([*forum, "{", "{", "{"]))
    named = {"domain": "web", "kind": "prose"}
    web = named | {"reader": "text", "paths": [str(notes)]}
    wikipedia = named | {"reader": "json_lines", "domain": "wikipedia"}
    wikipedia |= {"paths": [str(tmp_path / "forum.jsonl")]}
    made = graph(sources={"web": web, "wikipedia": wikipedia})
    with pytest.raises(dg.Failure, match="2 sources lose more than the recipe allows") as raised:
        made.make("benchmark_items", "documents")
    message = str(raised.value.description)
    assert "web: 2 of 3 files rejected (67%, at most 20%)" in message
    assert "bad.md: invalid UTF-8 at byte 1" in message
    assert "wikipedia: 3 of 9 rows rejected (33%, at most 20%)" in message
    before = written(made)
    made = graph(
        sources={"web": web | {"max_rejected": 0.67}, "wikipedia": wikipedia},
        collection={"max_rejected": 0.4},
    )
    (collected,) = made.make("documents")
    assert written(made) == before
    metadata = collected.asset_materializations_for_node("small__documents")[0].metadata
    assert metadata["dagster/row_count"].value == 7
    lost = metadata["lost"].value.splitlines()
    assert lost[0] == "2 of 3 files of `web`, 3 of 9 rows of `wikipedia` rejected"
    assert lost[1].startswith("web: invalid_encoding 2: bad.md: invalid UTF-8 at byte 1")
    assert "worse.md: invalid UTF-8 at byte 0" in lost[1]
    assert "| web | invalid_encoding | 2 | yes | bad.md:" in metadata["rejected"].value


def test_files_that_are_new_make_their_own_parts_and_no_other(
    graph, folder: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shutil.copy(folder / "web.jsonl", corpus / "a.jsonl")
    web = {"reader": "json_lines", "domain": "web", "kind": "prose", "paths": [str(corpus)]}
    wikipedia = web | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]}
    fields = {
        "sources": {"web": web, "wikipedia": wikipedia},
        "collection": {"part_bytes": 1000},
    }
    made = graph(**fields)
    made.make("benchmark_items", "documents")
    before, parts = written(made), made.artifact("documents").parts("documents")
    shutil.copy(folder / "wikipedia.jsonl", corpus / "b.jsonl")
    made.make("documents")
    after, documents = written(made), made.artifact("documents")
    assert before.items() <= after.items()
    assert set(parts) < set(documents.parts("documents"))
    assert documents.rows("documents") == 180
    new = [part for part in documents.parts("documents") if part not in parts]
    assert sum(part.rows for part in new) == 60
    assert {Path(path).parent.name for path in after.keys() - before.keys()} == {
        Path(part.path).parent.name for part in new
    }


def test_files_that_grow_keep_the_parts_of_their_beginning(graph, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(f'{{"text": "line {number} of many"}}\n' for number in range(100)))
    source = {"reader": "json_lines", "domain": "web", "kind": "prose"}
    wikipedia = source | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]}
    made = graph(
        sources={"web": source | {"paths": [str(lines)]}, "wikipedia": wikipedia},
        collection={"part_bytes": 1000},
    )
    made.make("benchmark_items", "documents")
    before = folders(made, "web")
    assert len(before) > 2
    with lines.open("a") as handle:
        handle.write('{"text": "one line more"}\n')
    made.make("documents")
    assert made.artifact("documents").rows("documents") == 161
    assert len(before - folders(made, "web")) == 1


def test_parquet_that_is_well_formed_is_not_copied(graph, folder: Path, tmp_path: Path) -> None:
    texts = pl.read_ndjson(folder / "web.jsonl").select("text")
    texts.write_parquet(tmp_path / "web.parquet")
    paths = [str(tmp_path / "*.parquet")]
    source = {"reader": "parquet", "domain": "web", "kind": "prose", "paths": paths}
    wikipedia = source | {"reader": "json_lines", "domain": "wikipedia"}
    made = graph(sources={"web": source, "wikipedia": wikipedia | {"paths": ["wikipedia.jsonl"]}})
    made.make("benchmark_items", "documents", "signals")
    documents = made.artifact("documents")
    (part,) = [part for part in documents.parts("documents") if part.label == "web"]
    assert part.text_from[0].uri == str(tmp_path / "web.parquet")
    assert "text" not in pl.read_parquet(documents.storage.uri(part.path)).columns
    web = documents.scan("documents").filter(pl.col("source") == "web").collect()
    assert web["text"].to_list() == texts["text"].to_list()
    measured = made.artifact("signals").read("signals").join(web, on="id")
    assert measured["characters"].to_list() == measured["text"].str.len_chars().to_list()


def test_documents_depend_on_what_is_in_block_lists_and_not_on_where_they_lie(
    graph, tmp_path: Path
) -> None:
    lines = ['{"text": "otters", "url": "https://kelp.org/1"}', '{"text": "seals", "url": "b.org"}']
    (tmp_path / "web.jsonl").write_text("\n".join(lines))
    named = {"reader": "json_lines", "domain": "web", "kind": "prose"}
    wikipedia = named | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]}
    fingerprints = []
    for name, blocked in (("a.txt", "kelp.org"), ("b.txt", "kelp.org"), ("b.txt", "b.org")):
        (tmp_path / name).write_text(blocked)
        web = named | {"paths": [str(tmp_path / "web.jsonl")], "url": "url"}
        web["block"] = {"domains": str(tmp_path / name)}
        made = graph(sources={"web": web, "wikipedia": wikipedia})
        made.make("benchmark_items", "documents")
        fingerprints.append(made.artifact("documents").fingerprint)
        documents = made.artifact("documents").read("documents")
        texts = documents.filter(pl.col("source") == "web")["text"].to_list()
        assert texts == ["seals" if blocked == "kelp.org" else "otters"]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_documents_depend_on_the_items_that_are_planted_alone(graph, tmp_path: Path) -> None:
    question = (
        "Which of the {} otters on the rock floats away first when the tide comes in at noon?"
    )
    named = {"reader": "json_lines", "domain": "web", "kind": "prose"}
    pages = named | {"paths": ["web.jsonl"]}
    planted = {"reader": "planted", "domain": "web", "kind": "prose", "pages": pages}
    planted |= {"benchmarks": ["riddles"], "items": 2}
    wikipedia = named | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]}

    def fingerprint(riddles: int, others: int) -> str:
        counts = {"riddles": riddles, "others": others}
        for name, count in counts.items():
            rows = [{"q": question.format(number), "a": "the last"} for number in range(count)]
            (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        made = graph(
            sources={"web": planted, "wikipedia": wikipedia},
            benchmarks={
                name: {"paths": [str(tmp_path / f"{name}.jsonl")], "question": "q", "answer": "a"}
                for name in counts
            },
        )
        made.make("benchmark_items", "documents")
        return made.artifact("documents").fingerprint

    first = fingerprint(5, 3)
    assert fingerprint(5, 4) == first
    assert fingerprint(6, 4) != first


def test_documents_are_tried_again_where_a_source_is_remote(graph) -> None:
    named = {"reader": "json_lines", "kind": "prose"}
    wikipedia = named | {"domain": "wikipedia", "paths": ["wikipedia.jsonl"]}
    for path, retried in (("web.jsonl", False), ("s3://bucket/web", True)):
        web = named | {"domain": "web", "paths": [path]}
        (asset,) = collection_assets(graph(sources={"web": web, "wikipedia": wikipedia}).recipe)
        assert (asset.op.retry_policy is not None) == retried


def folders(graph: Any, source: str) -> set[str]:
    """The units of work that made a source's documents."""
    parts = graph.artifact("documents").parts("documents")
    return {str(Path(part.path).parent) for part in parts if part.label == source}


def written(graph: Any) -> dict[str, int]:
    """Every part of documents: its path and when it was written."""
    folder = Path(graph.artifacts.root) / "parts" / "read.read"
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
