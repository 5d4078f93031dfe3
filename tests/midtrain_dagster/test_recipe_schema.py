"""What editors are told of recipes: the schema takes the recipes that run, and no field is mute."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from midtrain_dagster.recipe_schema import document_schema, fields_at, recipe_schema

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("recipes", "recipes/models", "tests/recipes")
RECIPES = sorted(path for each in FOLDERS for path in REPOSITORY.glob(f"{each}/*.yaml"))


def mistakes(fields: Any) -> list[str]:
    """Where an editor would draw a red line. Keys are strings, as in JSON."""
    as_json = json.loads(json.dumps(fields))
    return [
        error.json_path for error in Draft202012Validator(document_schema()).iter_errors(as_json)
    ]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(document_schema())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_of_the_repository_fit_and_name_their_schema(path: Path) -> None:
    assert mistakes(yaml.safe_load(path.read_text())) == []
    first = path.read_text().splitlines()[0]
    before = "# yaml-language-server: $schema="
    assert first.startswith(before)
    assert (path.parent / first.removeprefix(before)).resolve().is_file()


def test_every_field_and_every_section_is_described() -> None:
    schema = recipe_schema()
    mute = [
        f"{section}.{name}"
        for section, each in {"recipe": schema, **schema["$defs"]}.items()
        for name, field in each.get("properties", {}).items()
        if not field.get("description", "").strip()
    ]
    assert mute == []
    assert all(each.get("description") for each in schema["$defs"].values())


def minimal() -> dict[str, Any]:
    text = (REPOSITORY / "tests" / "recipes" / "minimal.yaml").read_text()
    fields: dict[str, Any] = yaml.safe_load(text)
    return fields


def test_a_document_that_extends_others_need_not_be_whole() -> None:
    part = {"extends": "minimal.yaml", "stages": {"base": None}, "evaluation": {"length": 64}}
    assert mistakes(part) == []
    assert mistakes(part | {"stages": {"base": {"tokns": 3}}}) == ["$.stages.base"]
    assert mistakes(part | {"evaluation": {"lenth": 64}}) == ["$.evaluation"]
    missing = {key: each for key, each in minimal().items() if key != "stages"}
    assert mistakes(missing) == ["$"]
    assert mistakes(minimal() | {"stages": {"base": None}}) == ["$.stages.base"]


STAGE = "$.stages.base"


@pytest.mark.parametrize("tokens", ["50B", "7.2T", "4M", "2_000", "65_536k", 16000])
def test_counts_are_written_as_people_write_them(tokens: Any) -> None:
    """``2_000`` is a number to YAML 1.1, as to the loader, and a string to YAML 1.2."""
    fields = minimal()
    fields["stages"]["base"] |= {"tokens": tokens, "sequence_length": "1_024"}
    assert mistakes(fields) == []


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"tokens": "16x"}, f"{STAGE}.tokens"),
        ({"tokens": 0}, f"{STAGE}.tokens"),
        ({"sequence_length": "64 tokens"}, f"{STAGE}.sequence_length"),
        ({"sequence_lenght": 64}, STAGE),
        ({"precision": "fp16"}, f"{STAGE}.precision"),
        ({"control": {"tokns": 3}}, f"{STAGE}.control"),
        ({"inherit": {"moments": {"rest": "why"}}}, f"{STAGE}.inherit.moments"),
    ],
)
def test_what_the_loader_refuses_has_a_red_line(wrong: dict[str, Any], where: str) -> None:
    fields = minimal()
    fields["stages"]["base"] |= wrong
    assert mistakes(fields) != []
    deepest = [
        error.json_path
        for top in Draft202012Validator(document_schema()).iter_errors(fields)
        for error in (top, *(top.context or ()))
    ]
    assert any(where.endswith(each.removeprefix("$")) or each == where for each in deepest)


def test_families_may_be_named_as_the_loader_takes_them() -> None:
    fields = minimal()
    fields["sources"]["wiki"] = {"preset": "wikipedia", "paths": ["a.parquet"], "take": 10}
    fields["sources"]["crawl"] = {
        **{"preset": "common_crawl", "paths": ["a.warc.gz"]},
        "block": {"domains": "list.gz", "words": "words.txt"},
    }
    fields["duplicates"] = {"preset": "strict"}
    items = {"paths": ["a.jsonl"], "question": "q", "answer": "a"}
    fields["benchmarks"] = {
        "named": items | {"evaluate": "answer_likelihood"},
        "spelled": items | {"evaluate": {"method": "answer_likelihood", "limit": 5}},
    }
    phases = [
        {"phase": "decay", "shape": shape, "to": 0} for shape in ("cosine", {"method": "linear"})
    ]
    fields["stages"]["base"] |= {"schedule": phases, "control": {"rope": None, "seeds": [1, 2]}}
    assert mistakes(fields) == []
    for wrong in ({"preset": "wikipdia", "paths": ["a"]}, {"reader": "txt", "paths": ["a"]}):
        assert mistakes(fields | {"sources": {"wrong": wrong}}) == ["$.sources.wrong"]


def test_merged_and_repeated_sections_fit() -> None:
    text = (REPOSITORY / "tests" / "recipes" / "minimal.yaml").read_text()
    text = text.replace("  base:\n    start: random", "  base: &base\n    start: random")
    text += "  longer:\n    <<: *base\n    start: base\n    tokens: 16k\n"
    assert mistakes(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("location", "some"),
    [
        ((), {"sources", "stages", "evaluation"}),
        (("sources", "wiki", "parquet"), {"paths", "keep", "text"}),
        (("stages", "base", "train", "control", "inherit", "moments", "mapped"), {"grow"}),
        (("stages", "base", "train", "schedule", 0, "decay"), {"shape", "to"}),
        (("curation", "prose"), {"rules", "thresholds"}),
        (("sources", "wiki", "nowhere", "at", "all"), set()),
    ],
)
def test_fields_of_a_place_are_known(location: tuple[Any, ...], some: set[str]) -> None:
    found = set(fields_at(location))
    assert some <= found
    assert bool(some) == bool(found & some)
    assert not {"folder", "file"} & found
