"""What an asset's code version and data version say, hence what the UI calls stale."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assets.graph import fingerprints, materialized, require_benchmarks
from definitions import recipe_assets
from midtrain_dagster.recipe_file import load_recipe

CHANGES: dict[str, tuple[dict[tuple[str, ...], Any], set[str]]] = {
    "a threshold of prose": (
        {("curation", "prose", "thresholds", "minimum_word_count"): 25},
        {
            *("eligibility", "synthetic/eligibility"),
            *("distributions", "synthetic/distributions"),
        },
    ),
    "a removal ceiling": (
        {("curation", "removal_ceilings", "planted"): 0.9},
        set(),
    ),
    "a benchmark's limit": (
        {("benchmarks", "hellaswag", "limit"): 20},
        {"evaluation"},
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
        {"annealed", "annealed_control"},
    ),
    "a stage's mixture, which its control replaces": (
        {("stages", "annealed", "mixture", "domains", "qa"): 0.0501},
        {"annealed"},
    ),
    "a control's mixture": (
        {("stages", "annealed", "control", "mixture", "domains", "web"): 0.5001},
        {"annealed_control"},
    ),
    "how many workers train, and how often they save": (
        {("stages", "extended", "workers"): 2, ("stages", "base", "checkpoint_every"): 5},
        set(),
    ),
    "the synthesis documents": (
        {("synthesis", "documents"): 13},
        {"synthetic_documents"},
    ),
    "where the generator lies": (
        {("synthesis", "generator", "model"): "elsewhere/smollm2-135m-instruct"},
        set(),
    ),
    "the rater's sources": (
        {("raters", "quality", "positives"): ["docstrings"]},
        {"quality_rater"},
    ),
    "the threshold of duplicates": (
        {("duplicates",): {"threshold": 0.9}},
        {"duplicate_edges", "synthetic/duplicate_edges"},
    ),
    "the n-grams of decontamination": (
        {("decontamination",): {"ngram": 10}},
        {"contamination", "synthetic/contamination"},
    ),
    "what is held out": (
        {("held_out",): 0.1},
        {"token_shards", "synthetic_documents"},
    ),
    "how many tokens are evaluated": (
        {("evaluation", "tokens_by_domain"): 3000},
        {"held_out_losses"},
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
    assert changed == {"benchmark_items", "evaluation", "report"}


def test_the_data_version_is_the_fingerprint_and_the_ui_is_told_the_size(shards) -> None:
    artifact = shards.artifact("documents")
    output = materialized(artifact, "documents", more=3)
    assert output.value is artifact
    assert output.data_version == dg.DataVersion(artifact.fingerprint)
    assert output.metadata["fingerprint"].value == artifact.fingerprint
    assert output.metadata["dagster/row_count"].value == 120
    assert output.metadata["bytes"].value == artifact.bytes
    assert output.metadata["more"].value == 3


def test_a_fan_in_that_lacks_a_benchmark_of_the_recipe_names_it(shards) -> None:
    items = shards.artifact("benchmark_items", "riddles")
    given = {"riddles": items, "of another recipe": items}
    assert require_benchmarks(shards.recipe, given) == {"riddles": items}
    with pytest.raises(KeyError, match="no artifact for the benchmarks riddles"):
        require_benchmarks(shards.recipe, {"of another recipe": items})


def test_fingerprints_of_a_fan_in_do_not_depend_on_the_order(shards) -> None:
    one, other = shards.artifact("documents"), shards.artifact("signals")
    assert fingerprints(a={"x": one, "y": other}) == fingerprints(a={"y": other, "x": one})
    assert fingerprints(b=one) == {"b": one.fingerprint}
