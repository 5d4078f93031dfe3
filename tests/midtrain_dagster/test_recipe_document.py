"""Recipes that extend others: one document comes out, and mistakes are told where they stand."""

from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.recipe_document import RecipeError, document, values
from midtrain_dagster.recipe_file import field_in_file, load_recipe, parse_recipe

SOURCES = """
name: parts
sources:
  web: {reader: json_lines, paths: [web.jsonl]}   # a comment
  code: {reader: json_lines, paths: [code.jsonl]}
stages:
  base: {start: random, tokens: 10}
  late: {start: base, tokens: 3}
held_out: 5e-2
seed: 1
"""
ANSWERS = """
sources:
  code: {reader: parquet}
seed: 2
"""
OWN = """
extends: [parts/sources.yaml, parts/answers.yaml]
sources:
  mine: &mine {reader: text}
  again: *mine
stages:
  base: {start: random}
  late: null
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/sources.yaml").write_text(SOURCES)
    (tmp_path / "parts/answers.yaml").write_text(ANSWERS)
    return tmp_path


def said(path: Path, text: str) -> Any:
    return values(path, document(path, text)[0])


def test_sections_are_merged_and_entries_replaced(folder: Path) -> None:
    path = folder / "own.yaml"
    assert said(path, OWN) == {
        "sources": {
            "web": {"reader": "json_lines", "paths": ["web.jsonl"]},
            "code": {"reader": "parquet"},
            "mine": {"reader": "text"},
            "again": {"reader": "text"},
        },
        "stages": {"base": {"start": "random"}},
        "held_out": 0.05,
        "seed": 2,
    }
    # The text that comes out says the same by itself.
    text = document(path, OWN)[1]
    assert "extends" not in text
    assert said(folder / "elsewhere" / "own.yaml", text) == said(path, OWN)


def test_a_document_that_extends_none_is_as_it_was_read(folder: Path) -> None:
    assert document(folder / "own.yaml", SOURCES)[1] == SOURCES


def test_extended_recipes_extend_others(folder: Path) -> None:
    (folder / "parts/answers.yaml").write_text("extends: sources.yaml\n" + ANSWERS)
    found = said(folder / "own.yaml", "extends: parts/answers.yaml\nname: own\n")
    assert found["name"] == "own"
    assert found["sources"] == {
        "web": {"reader": "json_lines", "paths": ["web.jsonl"]},
        "code": {"reader": "parquet"},
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("extends: lost.yaml", "line 1: extends: {folder}/lost.yaml is not there"),
        (
            "seed: 1\nextends:\n- parts/a.yaml",
            "line 3: extends: {folder}/parts/a.yaml is no recipe",
        ),
        (
            "extends: parts/b.yaml",
            "b.yaml, line 1: extends: {folder}/parts/../own.yaml extends this",
        ),
        ("extends: {a: b}", "line 1: extends: a path, or a list of them"),
        ("extends: []", "extends: the list is empty"),
    ],
)
def test_what_cannot_be_extended_is_told(folder: Path, text: str, reason: str) -> None:
    (folder / "parts/a.yaml").write_text("- a\n")
    (folder / "parts/b.yaml").write_text("extends: ../own.yaml\n")
    path = folder / "own.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as refused:
        document(path, text)
    assert reason.format(folder=folder) in str(refused.value)


def test_mistakes_are_told_in_the_file_where_they_stand(tiny: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text(tiny.read_text().replace("../../data", str(tiny.parents[2] / "data")))
    own = tmp_path / "own.yaml"
    own.write_text("extends: whole.yaml\nstages:\n  annealed: null\n  extended: null\n")
    recipe = load_recipe(own)
    assert (recipe.name, list(recipe.stages)) == ("own", ["base"])
    base = 1 + whole.read_text().splitlines().index("  base:")
    assert field_in_file(recipe, ("stages", "base", "x")) == f"{whole}, line {base}: stages.base.x"
    # A run's recipe is read again without the files that it extends.
    again = parse_recipe(tmp_path / "elsewhere.yaml", recipe.text)
    assert again.stages == recipe.stages
    assert field_in_file(again, ("stages", "base")).startswith(f"{tmp_path}/elsewhere.yaml, line ")
    own.write_text("extends: whole.yaml\nstages:\n  annealed: {start: bse}\n")
    with pytest.raises(RecipeError) as refused:
        load_recipe(own)
    assert f"{own}, line 3: stages.annealed: the field 'tokens' is required" in str(refused.value)
