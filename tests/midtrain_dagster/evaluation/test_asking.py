"""A unit of work is named by what its scores are of, and by nothing else."""

from pathlib import Path
from typing import Any

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.evaluation.asking import items_work, read, scores_work
from midtrain_dagster.evaluation.benchmark import Benchmark

LAYOUTS = Path(__file__).parent / "layouts"
PARTS = [Part(table="items", path="items.parquet", digest="0" * 32, bytes=1)]
MODEL = {"arguments": {"model": Path("/one")}, "causes": {"model": {"model.safetensors": "ab"}}}
DROP = {
    "paths": ["drop.jsonl"],
    "question": "question",
    "answer": "answers_spans.spans",
    "evaluate": "answer_likelihood",
}


def folder_of(model: dict[str, Any] = MODEL, window: int = 64, **fields: str) -> str:
    benchmark = Benchmark.model_validate({**DROP, **fields})
    assert benchmark.evaluate is not None
    return scores_work(benchmark, benchmark.evaluate, PARTS, {"max_length": window}, **model).folder


def test_where_a_model_lies_is_no_cause_and_what_it_is_is_one() -> None:
    moved = {**MODEL, "arguments": {"model": Path("/other")}}
    other = {**MODEL, "causes": {"model": {"model.safetensors": "cd"}}}
    assert folder_of(moved) == folder_of()
    assert len({folder_of(), folder_of(other), folder_of(window=32)}) == 3


def test_what_items_share_is_a_cause_of_scores_where_they_share_something() -> None:
    grouped = {folder_of(passage="passage"), folder_of(group="section_id"), folder_of()}
    assert len(grouped) == 3


def test_items_outside_of_a_recipe_are_found_by_what_their_files_hold(tmp_path: Path) -> None:
    benchmark = Benchmark.model_validate(DROP)
    (tmp_path / "drop.jsonl").write_bytes((LAYOUTS / "drop.jsonl").read_bytes())
    here, there = (items_work("drop", benchmark, folder) for folder in (LAYOUTS, tmp_path))
    assert here.folder == there.folder
    tables = read("drop", benchmark, tmp_path)
    assert list(tables) == ["items"]
    row = (tmp_path / "drop.jsonl").read_text().splitlines()[0].replace("q1", "q2")
    (tmp_path / "drop.jsonl").write_text(row)
    assert items_work("drop", benchmark, tmp_path).folder != here.folder
