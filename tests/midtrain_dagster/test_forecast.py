"""What ``midtrain check`` says, and that it finds what is not there."""

import shutil
from pathlib import Path

import pytest
import yaml

from midtrain_dagster.core.source_file import SourceError
from midtrain_dagster.evaluation.benchmark import BenchmarkError
from midtrain_dagster.forecast import forecast, require_inputs
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

REPOSITORY = Path(__file__).parents[2]


def changed(tiny: Path, folder: Path, *way: str, value: object) -> Recipe:
    """The tiny recipe with one field changed."""
    text = tiny.read_text().replace("../../data", str(REPOSITORY / "data"))
    fields = yaml.safe_load(text)
    section = fields
    for key in way[:-1]:
        section = section.setdefault(key, {})
    section[way[-1]] = value
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False))
    return load_recipe(path)


def test_sources_benchmarks_and_stages_are_told(tiny: Path) -> None:
    lines = list(forecast(load_recipe(tiny)))
    (wikipedia,) = [line.split() for line in lines if line.startswith("  wikipedia ")]
    assert wikipedia[1:5] == ["1", "files", "1", "parts"]
    assert wikipedia[-2:] == ["wikipedia,", "prose"]
    size = (REPOSITORY / "data/evals/evals/registry/data/schelling_point/wikipedia_5.jsonl").stat()
    assert f"{size.st_size:,}" in wikipedia
    assert any("hellaswag" in line and "100 items, evaluated by" in line for line in lines)
    assert any("human_eval" in line and "164 items, not evaluated" in line for line in lines)
    (extended,) = [line for line in lines if line.startswith("  extended")]
    assert "8,192 tokens in 8 steps of 1,024, length 256, from annealed" in extended
    control = next(n for n, line in enumerate(lines) if line.startswith("  annealed control"))
    assert [line.split() for line in lines[control + 1 : control + 3]] == [
        ["web", "50%"],
        ["wikipedia", "50%"],
    ]


def test_shares_that_change_are_told_from_first_to_last(tiny: Path, tmp_path: Path) -> None:
    domains = {"web": {0: 0.8, 1: 0.2}, "wikipedia": {0: 0.2, 1: 0.8}}
    recipe = changed(tiny, tmp_path, "stages", "base", "mixture", "domains", value=domains)
    lines = [line.split() for line in forecast(recipe)]
    assert ["web", "80%", "to", "20%"] in lines


def test_a_scale_is_told_with_what_it_distorts(tiny: Path, tmp_path: Path) -> None:
    recipe = changed(tiny, tmp_path, "scale", value={"tokens": 4, "minimum_steps": 2})
    lines = list(forecast(recipe))
    assert any("base" in line and "4,096 tokens in 4 steps" in line for line in lines)
    assert any(line.startswith("  scaled: base: 16,000 tokens became 4,000") for line in lines)


def test_everything_that_the_recipe_names_is_there(tiny: Path) -> None:
    require_inputs(load_recipe(tiny))


@pytest.mark.parametrize(
    ("way", "value", "error", "told"),
    [
        (("language_model",), "none.ftz", SourceError, "language_model: there is no file"),
        (
            ("synthesis", "question_answer", "generator", "model"),
            "nowhere",
            SourceError,
            "synthesis.question_answer.generator.model: there is no file",
        ),
        (("sources", "wikipedia", "paths"), ["no*.jsonl"], SourceError, "source 'wikipedia'"),
        (("benchmarks", "hellaswag", "paths"), ["no.jsonl"], BenchmarkError, "hellaswag"),
    ],
)
def test_what_is_missing_is_named(tiny: Path, tmp_path: Path, way, value, error, told) -> None:
    recipe = changed(tiny, tmp_path, *way, value=value)
    with pytest.raises(error, match=told):
        require_inputs(recipe)


def test_a_given_base_that_is_missing_is_named_unless_the_hub_may_have_it(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    del fields["stages"]["base"]
    recipe = Recipe.model_validate(fields | {"base": {"checkpoint": "./none"}})
    with pytest.raises(SourceError, match=r"base.checkpoint: there is no file"):
        require_inputs(recipe)
    require_inputs(Recipe.model_validate(fields | {"base": {"checkpoint": "owner/model"}}))


def test_a_folder_is_told_file_by_file(tiny: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("a.txt", "b.md", "c.csv"):
        shutil.copy(tiny, corpus / name)
    source = {"reader": "text", "domain": "web", "kind": "prose", "paths": [str(corpus)]}
    recipe = changed(tiny, tmp_path, "sources", "notes", value=source)
    (notes,) = [line.split() for line in forecast(recipe) if line.startswith("  notes ")]
    assert notes[1:3] == ["2", "files"]
