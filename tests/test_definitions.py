"""What Dagster is given: the whole graph of a recipe, as the UI shows it."""

import os
import subprocess
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from definitions import build_definitions, defs, recipe_assets
from jobs.sequence import ancestry
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

REPOSITORY = Path(__file__).parents[1]
GRAPH = REPOSITORY / "tests" / "golden" / "graph.txt"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(REPOSITORY / "tests" / "recipes" / "tiny.yaml")


@pytest.fixture(scope="module")
def graph(recipe: Recipe) -> Any:
    return build_definitions([recipe]).resolve_asset_graph()


def picture(graph: Any) -> str:
    """The graph as text: by group, each asset with what it is made from."""
    lines: list[str] = []
    for group in sorted({node.group_name for node in graph.asset_nodes}):
        lines += ["", group] if lines else [group]
        for node in sorted(graph.asset_nodes, key=lambda node: node.key.path):
            if node.group_name == group:
                partitioned = " [benchmark]" if node.partitions_def else ""
                kinds = ", ".join(sorted(node.kinds))
                lines.append(f"  {shown(node.key)}{partitioned} ({kinds})")
                lines += [f"    from {each}" for each in sorted(map(shown, node.parent_keys))]
                checks = sorted(check.name for check in node.check_keys)
                lines += [f"    check {check}" for check in checks]
    return "\n".join(lines) + "\n"


def shown(key: dg.AssetKey) -> str:
    return "/".join(key.path)


def test_graph_is_the_one_on_record(graph: Any) -> None:
    """``tests/golden/graph.txt``: change it by hand, with the graph."""
    assert picture(graph) == GRAPH.read_text()


def test_assets_tell_what_they_are_and_whose(graph: Any) -> None:
    for node in graph.asset_nodes:
        assert node.tags.items() >= {"purpose": "tests"}.items(), node.key
        assert list(node.owners) == ["team:midtrain"], node.key
        assert node.description and node.description == cleandoc(node.description), node.key
        assert node.kinds, node.key
        assert node.code_version, node.key
        assert node.group_name != "default", node.key
        assert node.key.path[0] == "tiny"


def test_checks_tell_what_must_hold(graph: Any) -> None:
    keys = [key for node in graph.asset_nodes for key in node.check_keys]
    assert keys
    for key in keys:
        assert graph.get_check_spec(key).description, key


def test_jobs_and_sensors_are_tagged_as_the_assets(recipe: Recipe) -> None:
    repository = build_definitions([recipe]).get_repository_def()
    named = (*repository.get_all_jobs(), *repository.sensor_defs)
    for each in (each for each in named if each.name.startswith("tiny_")):
        assert each.tags["purpose"] == "tests", each.name
    assert {sensor.default_status for sensor in repository.sensor_defs} == {
        dg.DefaultSensorStatus.RUNNING
    }


def test_recipe_of_one_stage_is_a_graph_too(recipe: Recipe) -> None:
    fields = recipe.model_dump(mode="json", exclude_unset=True)
    fields["stages"] = {"base": fields["stages"]["base"]}
    graph = build_definitions([Recipe.model_validate(fields)]).resolve_asset_graph()
    checks = {key.name for node in graph.asset_nodes for key in node.check_keys}
    of_benchmarks = {"items_can_be_found", "told_from_guessing"}
    assert checks == {"base_loss_falls", "base_natural_floor", *of_benchmarks}


def test_checks_have_the_partitions_of_their_asset(graph: Any) -> None:
    for node in graph.asset_nodes:
        for key in node.check_keys:
            assert graph.get_check_spec(key).partitions_def == node.partitions_def, key


def test_checks_read_nothing_that_a_run_up_to_their_asset_does_not_make(recipe: Recipe) -> None:
    assets = recipe_assets(recipe)
    graph = build_definitions([recipe]).resolve_asset_graph()
    read = {
        (node.key, dependency.asset_key)
        for node in graph.asset_nodes
        for key in node.check_keys
        for dependency in graph.get_check_spec(key).additional_deps
    }
    assert read
    for asset, other in read:
        assert other in ancestry(assets, "/".join(asset.path[1:])), (asset, other)


def test_recipes_stand_side_by_side(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(recipe.text.replace("name: tiny", "name: other"))
    paths = [REPOSITORY / "tests" / "recipes" / "tiny.yaml", other]
    monkeypatch.setenv("MIDTRAIN_RECIPE", os.pathsep.join(map(str, paths)))
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    graph = loaded.resolve_asset_graph()
    by_recipe = {
        name: {tuple(node.key.path[1:]) for node in graph.asset_nodes if node.key.path[0] == name}
        for name in ("tiny", "other")
    }
    assert by_recipe["tiny"] == by_recipe["other"]
    for node in graph.asset_nodes:
        assert {key.path[0] for key in node.parent_keys} <= {node.key.path[0]}
    sets = {node.partitions_def.name for node in graph.asset_nodes if node.partitions_def}
    assert sets == {"tiny_benchmark", "other_benchmark"}


def test_recipes_of_one_name_are_refused(recipe: Recipe) -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError):
        dg.Definitions.validate_loadable(build_definitions([recipe, recipe]))


def test_definitions_are_the_demo_s_unless_a_recipe_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MIDTRAIN_RECIPE", raising=False)
    graph = defs().resolve_asset_graph()
    assert {node.key.path[0] for node in graph.asset_nodes} == {"demo"}


def test_definitions_import_nothing_heavy() -> None:
    """So that ``dagster dev`` and every run it launches start in a second or two."""
    program = """
import sys
import definitions
definitions.defs()
heavy = {"ray", "torch", "transformers", "fasttext", "trafilatura", "lm_eval", "numba",
         "matplotlib", "datasets", "pandas", "scipy", "sklearn", "sympy"}
print(sorted(heavy & sys.modules.keys()))
"""
    output = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    assert output.stdout.strip() == "[]", output.stderr
