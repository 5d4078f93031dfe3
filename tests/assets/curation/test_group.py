import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.curation.removal import RemovalCeilingError
from midtrain_dagster.tokens.held_out import is_held_out

DECISION = ("eligibility", "duplicate_clusters", "curated_documents")


def begun(graph: Any, shards: Any, tmp_path: Path, **changes: Any) -> Any:
    """A graph over a copy of the store in which the small recipe is made already."""
    if not (tmp_path / "store").exists():
        shutil.copytree(shards.artifacts.root, tmp_path / "store")
    return graph(**changes)


def methods(root: str) -> dict[str, str]:
    """Every part: its path to its method."""
    folder = Path(root) / "parts"
    return {str(path.parent): path.parts[len(folder.parts)] for path in folder.rglob("part.json")}


def benchmarks(folder: Path, **questions: list[str]) -> dict[str, Any]:
    """The riddles, and more benchmarks that ask these questions."""
    declared: dict[str, Any] = {
        "riddles": {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"}
    }
    for name, asked in questions.items():
        rows = [json.dumps({"question": question}) + "\n" for question in asked]
        (folder / f"{name}.jsonl").write_text("".join(rows))
        declared[name] = {"paths": [f"{name}.jsonl"], "question": "question"}
    return declared


def kept_in_training(shards: Any) -> dict[str, Any]:
    """A document that is kept, trained on, and long enough to be recognised."""
    decisions = shards.artifact("curated_documents").read("decisions").filter("keep")
    documents = shards.artifact("documents").read("documents")
    kept = documents.join(decisions, on="id", how="semi").filter(domain="wikipedia")
    trained = kept.filter(~is_held_out(kept["id"], share=0.2, seed=shards.recipe.seed))
    return trained.sort("id").row(0, named=True)


def test_every_document_has_one_decision(shards) -> None:
    decisions = shards.artifact("curated_documents").read("decisions")
    documents = shards.artifact("documents").read("documents")
    assert sorted(decisions["id"]) == sorted(documents["id"])
    assert decisions["keep"].sum() > 60
    assert set(decisions.filter("keep")["reason"]) == {"kept"}


def test_another_language_model_judges_anew(graph, shards, folder, tmp_path) -> None:
    """The model lies outside the store, under any name: its digest is the cause."""
    import fasttext

    text = folder / "labelled.txt"
    text.write_text("__label__xx the of and in\n__label__yy zu der die das\n" * 20)
    model = fasttext.train_supervised(str(text), epoch=5, verbose=0)
    model.save_model(str(tmp_path / "model.bin"))
    made = begun(
        graph,
        shards,
        tmp_path,
        language_model=str(tmp_path / "model.bin"),
        # It knows no English, so that every document is dropped.
        curation={"removal_ceilings": {"web": 1.0, "wikipedia": 1.0}},
    )
    made.make("language")
    assert set(made.artifact("language").read("language")["language"]) <= {"xx", "yy", "und"}
    assert "en" in set(shards.artifact("language").read("language")["language"])


def test_a_new_threshold_makes_new_decisions_and_nothing_else(graph, shards, tmp_path) -> None:
    made = begun(
        graph, shards, tmp_path, curation={"prose": {"thresholds": {"minimum_word_count": 60}}}
    )
    before = methods(made.artifacts.root)
    made.make(*DECISION)
    new = methods(made.artifacts.root).keys() - before.keys()
    assert {methods(made.artifacts.root)[path] for path in new} <= {
        *("eligibility.eligibility", "clusters.clusters", "clusters.by_part", "decisions.curate")
    }
    old, now = (each.artifact("curated_documents").read("decisions") for each in (shards, made))
    assert now["keep"].sum() < old["keep"].sum()


def test_a_benchmark_that_is_found_nowhere_leaves_the_decisions_alone(
    graph, shards, folder, tmp_path
) -> None:
    question = (
        "How many violet umbrellas did the cartographer of Uqbar leave under the orrery, and why?"
    )
    made = begun(graph, shards, tmp_path, benchmarks=benchmarks(folder, unknown=[question]))
    made.make("benchmark_items", "documents", "contamination", *DECISION)
    assert made.artifact("contamination", "unknown").rows("hits") == 0
    now, before = (each.artifact("curated_documents") for each in (made, shards))
    assert now.fingerprint == before.fingerprint


def test_a_benchmark_that_is_found_drops_its_document_by_name(
    graph, shards, folder, tmp_path
) -> None:
    page = kept_in_training(shards)
    question = page["text"][:300]
    made = begun(graph, shards, tmp_path, benchmarks=benchmarks(folder, leaked=[question]))
    made.make("benchmark_items", "documents", "contamination", *DECISION)
    decisions = made.artifact("curated_documents").read("decisions")
    (decided,) = decisions.filter(id=page["id"]).to_dicts()
    assert (decided["keep"], decided["reason"]) == (False, "contamination:leaked")


def test_sources_that_lose_more_than_their_ceilings_stop_the_run_as_soon_as_that_is_known(
    graph, shards, tmp_path
) -> None:
    strict = {"prose": {"thresholds": {"minimum_word_count": 10_000}}}
    made = begun(graph, shards, tmp_path, curation=strict)
    with pytest.raises(RemovalCeilingError) as raised:
        made.make("signals")
    message = str(raised.value)
    assert message.startswith("2 sources lose more than the recipe allows:")
    for source in ("web", "wikipedia"):
        assert f"{source}: 60 of 60 documents dropped (100%, at most 90%)" in message
        assert f": curation.removal_ceilings.{source}: 1.00" in message
    line = made.recipe.text.splitlines().index("curation:") + 1
    field = f"{made.recipe.file}, line {line}: curation.sources.web.without: "
    assert (
        f"gopher_quality:word_count 57 (95.0%) - see {field}[gopher_quality:word_count]" in message
    )
    assert "web.jsonl:" in message
    before = methods(made.artifacts.root)
    ceilings = strict | {"removal_ceilings": {"web": 1.0, "wikipedia": 1.0}}
    made = begun(graph, shards, tmp_path, curation=ceilings)
    made.make("signals")
    assert methods(made.artifacts.root) == before
    made.make("eligibility")
    (decided,) = made.make("duplicate_clusters", "curated_documents")[1:]
    (event,) = decided.asset_materializations_for_node("small__curated_documents")
    kept, *sources = event.metadata["told"].value.splitlines()
    assert kept == "0 of 120 kept"
    dropped = "wikipedia: 60 of 60 dropped: gopher_quality:word_count 57 (95.0%), language:und 3"
    assert any(line.startswith(dropped) for line in sources)


def test_what_the_message_says_to_change_is_a_recipe_that_keeps_the_documents(
    graph, shards, tmp_path
) -> None:
    strict = {"thresholds": {"minimum_word_count": 10_000}}
    own = {source: {"without": ["gopher_quality:word_count"]} for source in ("web", "wikipedia")}
    made = begun(graph, shards, tmp_path, curation={"prose": strict, "sources": own})
    made.make(*DECISION)
    assert made.artifact("curated_documents").read("decisions")["keep"].sum() > 60
