"""A plan says what a run then does: what it reuses, makes, and makes anew, and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assets.plan import LOST, Plan, Planner
from assets.plan_lines import plan_lines, summary
from definitions import recipe_assets

RIDDLE = {"q": "A riddle that stands in no document of this corpus, does it?", "a": "It does not"}


def plan_of(graph: Any) -> Plan:
    return Planner(graph.artifacts.store(), recipe_assets(graph.recipe)).plan()


def outcomes(plan: Plan) -> dict[str, str]:
    return {step.name: step.outcome for step in plan.steps}


def reasons(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {step.name: step.reasons for step in plan.made_anew}


def manifests(root: Path) -> set[str]:
    return {path.parent.name for path in (root / "manifests").rglob("*.json")}


def new_manifests(root: Path, before: Mapping[Path, float]) -> set[str]:
    return {path.parent.name for path in (root / "manifests").rglob("*.json") if path not in before}


def there(root: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime for path in (root / "manifests").rglob("*.json")}


def test_plan_after_a_run_reuses_all_of_it(tiny_run: Any) -> None:
    plan = Planner(tiny_run.store, recipe_assets(tiny_run.recipe)).plan()
    assert set(outcomes(plan).values()) == {"reuse"}
    assert all(step.is_latest and step.standing for step in plan.steps)
    assert summary(plan) == f"{len(plan.steps)} reuse"


def test_plan_makes_what_was_never_made_and_gives_no_reason(shards: Any) -> None:
    plan = plan_of(shards)
    there = {"benchmark_items [riddles]", "contamination [riddles]", *shards.TO_THE_SHARDS}
    for step in plan.steps:
        assert step.outcome == ("reuse" if step.name in there else "make"), step.name
        assert step.reasons == ()
        assert (step.cost is not None) == (step.outcome == "make")


def test_plan_names_the_field_that_changed_and_is_what_is_then_made(graph: Any, root: Path) -> None:
    changed = graph(curation={"prose": {"thresholds": {"minimum_word_count": 25}}})
    plan = plan_of(changed)
    why = reasons(plan)
    assert why["eligibility"] == ("policy.prose.thresholds.minimum_word_count: 20 → 25",)
    assert why["duplicate_clusters"] == ("eligibility changed",)
    assert why["token_shards"] == ("tokenizer changed", "curated_documents changed")
    assert summary(plan).endswith("minimum_word_count: 20 → 25 (eligibility)")
    lines = list(plan_lines(plan, changed.artifacts.storage()))
    (line,) = [line for line in lines if line.split()[0] == "eligibility"]
    assert "make anew: policy.prose" in line and "*" not in line, "it has a record of its making"
    before = there(root)
    made = [name for name in changed.TO_THE_SHARDS if outcomes(plan).get(name) == "make"]
    changed.make(*changed.TO_THE_SHARDS)
    assert new_manifests(root, before) == set(made)
    assert all(outcomes(plan_of(changed))[name] == "reuse" for name in made)


def test_plan_of_a_new_benchmark_is_its_scan_and_says_what_decides_the_rest(
    graph: Any, root: Path, folder: Path
) -> None:
    (folder / "more.jsonl").write_text(json.dumps(RIDDLE) + "\n")
    benchmarks = {
        name: {"paths": [f"{name}.jsonl"], "question": "q", "answer": "a"}
        for name in ("riddles", "more")
    }
    more = graph(benchmarks=benchmarks)
    plan = plan_of(more)
    found = outcomes(plan)
    assert {name for name, what in found.items() if what == "make"} >= {
        "benchmark_items [more]",
        "contamination [more]",
    }
    assert {found[name] for name in ("documents", "signals", "contamination [riddles]")} == {
        "reuse"
    }
    waiting = {step.name: step.waits_for for step in plan.having("undecided")}
    for name in ("eligibility", "duplicate_clusters", "curated_documents", "token_shards"):
        assert waiting[name] == "contamination [more]"
    assert "as contamination [more] turns out" in summary(plan)
    more.make("benchmark_items", "contamination")
    after = outcomes(plan_of(more))
    assert {after[name] for name in waiting if name in more.TO_THE_SHARDS} == {"reuse"}


def test_plan_names_a_source_s_file_that_changed(graph: Any, root: Path, folder: Path) -> None:
    text = (folder / "web.jsonl").read_text()
    (folder / "grown.jsonl").write_text(text)
    sources = {
        name: {"reader": "json_lines", "domain": name, "kind": "prose", "paths": [f"{name}.jsonl"]}
        for name in ("web", "wikipedia")
    }
    sources["web"]["paths"] = ["grown.jsonl"]
    plan = plan_of(graph(sources=sources))
    assert reasons(plan)["documents"] == (
        "files/web/web.jsonl is gone",
        "files/web/grown.jsonl is new",
    )
    (rater,) = [step for step in plan.steps if step.name == "rater/quality"]
    assert (rater.outcome, rater.waits_for) == ("undecided", "documents")


@pytest.mark.parametrize("lost", ["parts", "manifests"])
def test_plan_makes_anew_what_the_store_lost(graph: Any, root: Path, lost: str) -> None:
    same = graph()
    artifact = same.artifact("signals")
    if lost == "parts":
        (root / artifact.manifest.parts[0].path).unlink()
    else:
        (root / f"manifests/signals/{artifact.fingerprint}.json").unlink()
    assert reasons(plan_of(same)) == {"signals": (LOST,)}
