"""What ``midtrain check`` says of a recipe with which nothing is wrong."""

import re
from pathlib import Path

import pytest

from midtrain_dagster.forecast.inputs import look
from midtrain_dagster.forecast.outlook import outlook
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

from .conftest import SENTENCE, Changed, rows


def lines_of(recipe: Recipe) -> list[str]:
    return list(outlook(recipe, look(recipe)))


@pytest.fixture(scope="module")
def lines(tiny: Path) -> list[str]:
    return lines_of(load_recipe(tiny))


def test_sources_benchmarks_and_stages_are_told(tiny: Path, lines: list[str]) -> None:
    wikipedia, domain = (line.split() for line in lines if line.startswith("  wikipedia "))
    assert wikipedia[1:5] == ["1", "files", "1", "parts"]
    assert wikipedia[-2:] == ["wikipedia,", "prose"]
    data = tiny.parents[2] / "data/evals/evals/registry/data/schelling_point"
    assert f"{(data / 'wikipedia_5.jsonl').stat().st_size:,}" in wikipedia
    # The recipe samples 12k tokens of it.
    assert domain[1:] == ["150", "documents", "12,000", "tokens", "to", "train", "on"]
    assert any("hellaswag" in line and "100 items, evaluated by" in line for line in lines)
    assert any("human_eval" in line and "164 items, not evaluated" in line for line in lines)
    (extended,) = [line for line in lines if line.startswith("  extended")]
    assert "8,192 tokens in 8 steps of 1,024, length 256, from annealed" in extended
    control = next(n for n, line in enumerate(lines) if line.startswith("  annealed control"))
    assert [line.split() for line in lines[control + 1 : control + 3]] == [
        ["web", "50%"],
        ["wikipedia", "50%"],
    ]


def test_shares_that_change_are_told_from_first_to_last(changed: Changed, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(rows(200))
    source = {"reader": "json_lines", "domain": "qa", "kind": "qa", "paths": ["q.jsonl"]}
    shares = {"web": {0: 0.8, 1: 0.2}, "qa": {0: 0.2, 1: 0.8}}
    recipe = changed({"sources.asked": source, "stages.base.mixture.domains": shares})
    assert ["web", "80%", "to", "20%"] in [line.split() for line in lines_of(recipe)]


def test_lengths_and_knots_of_a_stage_are_told(changed: Changed) -> None:
    recipe = changed(
        {
            "stages.base.packing": "untie_knots",
            "stages.base.mixture.length_classes": "qwen3",
        }
    )
    lines = "\n".join(lines_of(recipe))
    assert "30% of its windows have shuffled chunks of documents" in lines
    assert "by length of document: 25% 1/8 to 1/2 window, 75% 1/2 window up" in lines


def test_documents_that_are_turned_are_told(changed: Changed) -> None:
    fill = {"domains": ["web"], "suffix_first": 0.25}
    lines = "\n".join(lines_of(changed({"stages.base.fill_in_the_middle": fill})))
    assert "50% of the documents of web have their middle at their end, 25%" in lines


def test_rate_batch_length_and_shares_are_told_by_stage(lines: list[str]) -> None:
    head = next(n for n, line in enumerate(lines) if line.split()[:2] == ["by", "stage"])
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[head : head + 4]]
    assert rows[0] == ["by stage", "tokens", "batch", "length", "positions", "rate"]
    assert rows[3][0] == "extended"
    assert rows[3][2:] == ["1,024", "256", "yarn 4", "constant 0.001"]
    shares = lines.index("", head)
    assert lines[shares + 1].split() == ["shares,", "%", "base", "annealed", "extended"]
    table = {row[0]: row[1:] for row in map(str.split, lines[shares + 2 :]) if row}
    assert table["web"][0] == "50"


def test_a_scale_is_told_with_what_it_distorts(changed: Changed) -> None:
    lines = lines_of(changed({"scale": {"tokens": 2, "minimum_steps": 2}}))
    assert any("base" in line and "2,048 tokens in 4 steps" in line for line in lines)
    assert any(line.startswith("  scaled: base: 4,096 tokens became 2,048") for line in lines)


def test_a_folder_is_told_by_its_files_and_about_how_many_parts_they_make(
    changed: Changed, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("a.txt", "b.md", "c.csv"):
        (corpus / name).write_text(SENTENCE * 100)
    (tmp_path / "large.jsonl").write_text(rows(200))
    text = {"reader": "text", "domain": "web", "kind": "prose", "paths": ["corpus"]}
    recipe = changed(
        {
            "sources.notes": text,
            "sources.pages.paths": ["large.jsonl"],
            "collection": {"part_bytes": 30_000},
        }
    )
    lines = [line.split() for line in lines_of(recipe)]
    (notes,) = [line for line in lines if line[:1] == ["notes"]]
    assert notes[1:5] == ["2", "files", "1", "parts"]
    (pages,) = [line for line in lines if line[:1] == ["pages"]]
    assert pages[3:5] == ["3", "parts"]
