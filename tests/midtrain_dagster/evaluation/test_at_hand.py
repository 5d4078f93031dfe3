from pathlib import Path

import pytest

from midtrain_dagster.evaluation.at_hand import PACKAGED, named_benchmarks
from midtrain_dagster.evaluation.benchmark import documents, read_items
from midtrain_dagster.evaluation.item_row import BenchmarkError

DATA = Path(__file__).parents[3] / "data"
LAYOUTS = Path(__file__).parent / "layouts"
ROWS = {"gsm8k": 1319, "humaneval": 164, "hellaswag": 100, "mmlu": 1000}


def test_the_default_data_has_items_by_name_alone() -> None:
    found = named_benchmarks(list(PACKAGED), DATA, limit=3)
    for name, benchmark in found.items():
        items = read_items(name, benchmark, "/nowhere")
        assert items.height == ROWS[name]
        assert len(documents(benchmark, items)) == 3


def test_a_name_alone_is_a_file_or_a_folder_of_the_data(tmp_path: Path) -> None:
    rows = (LAYOUTS / "piqa.jsonl").read_bytes()
    folder = tmp_path / "piqa" / "data"
    folder.mkdir(parents=True)
    for name in ("test.jsonl", "train.jsonl"):
        (folder / name).write_bytes(rows)
    of_folder = named_benchmarks(["piqa"], tmp_path)["piqa"]
    assert of_folder.paths == [str(folder / "test.jsonl")]
    (tmp_path / "piqa.jsonl").write_bytes(rows)
    of_file = named_benchmarks(["piqa"], tmp_path)["piqa"]
    assert of_file.paths == [str(tmp_path / "piqa.jsonl")]
    assert read_items("piqa", of_file, tmp_path).height == 1


def test_a_folder_that_is_not_clear_lists_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "piqa").mkdir()
    (tmp_path / "piqa/train.jsonl").write_text("{}")
    with pytest.raises(BenchmarkError, match=r"no split 'test'; name the files .*train.jsonl"):
        named_benchmarks(["piqa"], tmp_path)


def test_a_path_of_no_kind_that_is_read_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"benchmark 'piqa': a.xyz: must end in one of"):
        named_benchmarks(["piqa=a.xyz"], tmp_path)
