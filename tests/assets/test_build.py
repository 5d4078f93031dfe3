"""What an asset's code version and data version say, hence what the UI calls stale."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

from assets.build import Build, artifact_asset, of_the_recipe
from assets.declaration import Input, fingerprints
from definitions import recipe_assets
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.making import makings
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import ArtifactBuilder, ArtifactIOManager, ArtifactStoreResource
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

SYNTHETIC = "synthesis/question_answer"

CHANGES: dict[str, tuple[dict[tuple[str, ...], Any], set[str]]] = {
    "a threshold of prose": (
        {("curation", "prose", "thresholds", "minimum_word_count"): 25},
        {
            *("eligibility", f"{SYNTHETIC}/eligibility"),
            *("distributions", f"{SYNTHETIC}/distributions"),
        },
    ),
    "a removal ceiling": (
        {("curation", "removal_ceilings", "planted"): 0.9},
        set(),
    ),
    "a benchmark's limit": (
        {("benchmarks", "hellaswag", "evaluate", "limit"): 20},
        {"evaluation", "preflight"},
    ),
    "the key of a benchmark's answers": (
        {("benchmarks", "human_eval", "answer"): "test"},
        {"benchmark_items"},
    ),
    "where a benchmark lies": (
        {("benchmarks", "hellaswag", "paths"): ["elsewhere/cases.jsonl"]},
        set(),
    ),
    "where a source lies": (
        {("sources", "wikipedia", "paths"): ["elsewhere.jsonl"]},
        set(),
    ),
    "how much of a source is taken": (
        {("sources", "wikipedia", "take"): 100},
        {"documents"},
    ),
    "a stage's tokens": (
        {("stages", "annealed", "tokens"): "9k"},
        {"checkpoint/annealed", "checkpoint/annealed/control", "preflight"},
    ),
    "a stage's mixture, which its control replaces": (
        {("stages", "annealed", "mixture", "domains", "qa"): 0.0501},
        {"checkpoint/annealed", "preflight"},
    ),
    "a control's mixture": (
        {("stages", "annealed", "control", "mixture", "domains", "web"): 0.5001},
        {"checkpoint/annealed/control", "preflight"},
    ),
    "how many workers train, and how often they save": (
        {("stages", "extended", "workers"): 2, ("stages", "base", "checkpoint_every"): 5},
        set(),
    ),
    "the synthesis documents": (
        {("synthesis", "question_answer", "documents"): 13},
        {f"{SYNTHETIC}/documents"},
    ),
    "where the generator lies": (
        {("synthesis", "question_answer", "generator", "model"): "elsewhere/smollm2-135m-instruct"},
        set(),
    ),
    "the rater's sources": (
        {("raters", "quality", "positives"): ["docstrings"]},
        {"rater/quality"},
    ),
    "the threshold of duplicates": (
        {("duplicates",): {"threshold": 0.9}},
        {"duplicate_edges", f"{SYNTHETIC}/duplicate_edges"},
    ),
    "the n-grams of decontamination": (
        {("decontamination",): {"ngram": 10}},
        {"contamination", f"{SYNTHETIC}/contamination"},
    ),
    "the temperature of a mixture, which a stage takes late": (
        {("mixtures", "flattened", "temperature"): 3},
        {"mixture/flattened"},
    ),
    "what is held out": (
        {("held_out",): 0.1},
        {"token_shards", f"{SYNTHETIC}/documents", "held_out_leaks"},
    ),
    "how many tokens are evaluated": (
        {("evaluation", "tokens_by_domain"): 3000},
        {"held_out_losses", "preflight"},
    ),
    "a bound that is only displayed": (
        {("checks",): {"general_loss_bound": 0.2}},
        set(),
    ),
}


def code_versions(path: Path) -> dict[str, str | None]:
    return {
        "/".join(spec.key.path[1:]): spec.code_version
        for asset in recipe_assets(load_recipe(path))
        for spec in asset.specs
    }


@pytest.mark.parametrize("change", CHANGES)
def test_only_the_assets_of_a_changed_section_get_a_new_code_version(
    tiny: Path, tmp_path: Path, change: str
) -> None:
    changes, expected = CHANGES[change]
    fields = yaml.safe_load(tiny.read_text())
    for (*way, last), value in changes.items():
        section = fields
        for key in way:
            section = section[key]
        section[last] = value
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False))
    before, after = code_versions(tiny), code_versions(path)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    # The report prints the recipe, so it changes with every word of it.
    assert changed == expected | {"report"}


def test_a_new_benchmark_changes_what_speaks_of_all_benchmarks(tiny: Path, tmp_path: Path) -> None:
    fields = yaml.safe_load(tiny.read_text())
    fields["benchmarks"]["more"] = {"paths": ["more.jsonl"], "question": "q"}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False))
    before, after = code_versions(tiny), code_versions(path)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"benchmark_items", "evaluation", "preflight", "report"}


class Counter:
    """An asset of the small recipe that counts how often it is built."""

    def __init__(self, recipe: Recipe, **declared: Any) -> None:
        self.built = 0

        @artifact_asset(
            recipe,
            "counted/table",
            group="test",
            **{"versions": {"test_build": 1}, "section": {"least": 1}} | declared,
        )
        def table(build: Build) -> Any:
            """A table of one row."""
            self.built += 1
            rows = sum(artifact.rows("documents") for artifact in build.inputs.values())
            return [build.write("table", pl.DataFrame({"rows": [rows]}))], {"counted": rows}

        self.asset = table

    def make(self, shards: Any, root: Path) -> Any:
        """Materialise it, on a store of its own that hands over the shards' artifacts."""
        store = ArtifactStoreResource(root=str(root), endpoint=None, region=None)
        ray = RayCluster(mode="in_process")
        generator = TextGeneratorResource(ray=ray)
        builder = ArtifactBuilder(artifacts=store, ray=ray, text_generator=generator)
        result = dg.materialize(
            [self.asset, *(given(key) for key in self.asset.dependency_keys)],
            resources={
                "artifact_builder": builder,
                "artifact_io_manager": ArtifactIOManager(artifacts=store),
            },
        )
        (event,) = result.asset_materializations_for_node(self.asset.node_def.name)
        return event


def given(key: dg.AssetKey) -> dg.AssetSpec:
    """An asset that is not made here; its artifact is handed over."""
    return dg.AssetSpec(key).with_io_manager_key("artifact_io_manager")


def test_artifact_asset_is_built_once_for_its_causes(shards: Any, root: Path) -> None:
    documents = {"documents": "documents"}
    first = Counter(shards.recipe, inputs=documents)
    event = first.make(shards, root)
    assert event.tags["dagster/data_version"] == event.metadata["fingerprint"].value
    assert event.metadata["counted"].value == 120
    first.make(shards, root)
    same = Counter(shards.recipe, inputs=documents)
    assert same.make(shards, root).metadata["fingerprint"] == event.metadata["fingerprint"]
    assert (first.built, same.built) == (1, 0)


@pytest.mark.parametrize(
    "declared",
    [
        {"section": {"least": 2}},
        {"versions": {"test_build": 2}},
        {"versions": {"test_build": 1, "helper": 1}},
        {"external": lambda given: {"file": "abc"}},
        {"inputs": {}},
        {"inputs": {"documents": Input("documents", cause=lambda given: "another")}},
    ],
)
def test_artifact_asset_is_built_anew_for_another_cause(
    shards: Any, root: Path, declared: dict[str, Any]
) -> None:
    documents = {"documents": "documents"}
    Counter(shards.recipe, inputs=documents).make(shards, root)
    other = Counter(shards.recipe, **{"inputs": documents} | declared)
    other.make(shards, root)
    assert other.built == 1


def test_artifact_asset_does_not_look_at_an_input_that_is_no_cause(shards: Any, root: Path) -> None:
    uncaused = Counter(shards.recipe, inputs={"documents": Input("documents", cause=None)})
    uncaused.make(shards, root)
    without = Counter(shards.recipe)
    without.make(shards, root)
    assert (uncaused.built, without.built) == (1, 0)


def test_artifact_asset_asks_its_gate_also_about_what_it_found(shards: Any, root: Path) -> None:
    def refuse(build: Build, artifact: Artifact) -> None:
        raise dg.Failure(f"{artifact.rows('table')} row too many")

    Counter(shards.recipe).make(shards, root)
    gated = Counter(shards.recipe, gate=refuse)
    with pytest.raises(dg.Failure, match="1 row too many"):
        gated.make(shards, root)
    assert gated.built == 0


def test_artifact_asset_records_what_making_took_and_says_what_was_found(
    shards: Any, root: Path
) -> None:
    counted = Counter(shards.recipe, inputs={"documents": "documents"})
    first, again = counted.make(shards, root), counted.make(shards, root)
    assert [event.metadata["reused"].value for event in (first, again)] == [False, True]
    assert first.tags["midtrain/standing"] == again.tags["midtrain/standing"]
    (record,) = makings(Storage(root=str(root)), "table")
    assert (record.asset, record.rows) == ("counted/table", 1)
    assert record.amount == shards.artifact("documents").bytes
    assert record.is_of_this_machine


def test_artifact_asset_of_a_stranger_s_partition_says_what_to_add(graph: Any) -> None:
    made = graph()
    made.instance.add_dynamic_partitions("small_benchmark", ["of_a_stranger"])
    key = dg.AssetKey(["small", "benchmark_items"])
    with pytest.raises(dg.Failure, match=r"benchmarks:\n  of_a_stranger:"):
        made._materialize(recipe_assets(made.recipe), key, "of_a_stranger")


def test_artifact_asset_says_who_owns_it_and_what_it_is(shards: Any) -> None:
    known = {"owners": ["team:data"], "tags": {"tier": "small"}}
    asset = Counter(shards.recipe.model_copy(update=known), kinds=("polars",)).asset
    (spec,) = asset.specs
    assert spec.key.path == ["small", "counted", "table"]
    assert (spec.owners, spec.kinds, spec.group_name) == (["team:data"], {"polars"}, "test")
    assert spec.tags["tier"] == "small"
    assert spec.description == "A table of one row."


def test_a_fan_in_takes_the_recipes_benchmarks_and_names_one_that_lacks(shards: Any) -> None:
    items = shards.artifact("benchmark_items", "riddles")
    given = {"riddles": items, "of a stranger": items}
    assert of_the_recipe(shards.recipe, given) == {"riddles": items}
    with pytest.raises(KeyError, match="no artifact for the benchmarks riddles"):
        of_the_recipe(shards.recipe, {"of a stranger": items})


def test_fingerprints_of_a_fan_in_do_not_depend_on_the_order(shards: Any) -> None:
    one, other = shards.artifact("documents"), shards.artifact("signals")
    assert fingerprints({"x": one, "y": other}) == fingerprints({"y": other, "x": one})
    assert fingerprints(one) == one.fingerprint
