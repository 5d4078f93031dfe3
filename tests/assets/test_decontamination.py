import shutil

import pytest

from midtrain_dagster.evaluation.benchmark import BenchmarkError


def test_the_items_are_read_as_declared(shards) -> None:
    items = shards.artifact("benchmark_items", "riddles").read("items")
    assert items["item"].to_list() == ["1", "2", "3"]
    assert set(items["benchmark"]) == {"riddles"}
    assert items["answer"][0] == "There are 14 lanterns left"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"evaluate": {"method": "answer_likelihood", "limit": 2}}, True),
        ({"domain": "web"}, True),
        ({"paths": ["copy/riddles.jsonl"]}, True),
        ({"answer": None}, False),
        ({"question": "a"}, False),
    ],
)
def test_how_models_are_asked_is_no_cause_of_the_items(graph, folder, shards, change, same) -> None:
    (folder / "copy").mkdir(exist_ok=True)
    shutil.copy(folder / "riddles.jsonl", folder / "copy" / "riddles.jsonl")
    declared = {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"} | change
    made = graph(benchmarks={"riddles": declared})
    made.make("benchmark_items")
    found = made.artifact("benchmark_items", "riddles")
    before = shards.artifact("benchmark_items", "riddles")
    assert (found.fingerprint == before.fingerprint) == same


def test_a_benchmark_without_items_is_an_error(graph, folder) -> None:
    (folder / "none.jsonl").write_text("\n")
    made = graph(benchmarks={"none": {"paths": ["none.jsonl"], "question": "q"}})
    with pytest.raises(BenchmarkError, match="none"):
        made.make("benchmark_items")
