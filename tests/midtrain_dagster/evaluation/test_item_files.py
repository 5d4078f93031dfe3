"""Where a benchmark's items may lie: on the hub, which is on loopback here, and in a package."""

import os
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.evaluation.benchmark import Benchmark, benchmark_files, read_items
from midtrain_dagster.evaluation.item_files import HUB, chosen_files, is_of_hub, split_of
from midtrain_dagster.evaluation.item_row import BenchmarkError
from tests.hub import Hub

READ = """
import sys
from midtrain_dagster.evaluation.benchmark import Benchmark, read_items
from midtrain_dagster.evaluation.item_row import BenchmarkError
for path in sys.argv[1:]:
    try:
        items = read_items("b", Benchmark(paths=[path], question="q"), ".")
        print(*items["question"])
    except BenchmarkError as error:
        print(error)
"""


UNKNOWN = "the hub has no such data set, or cannot be reached"


def read_of(address: str, *paths: str, **variables: str) -> list[str]:
    """What each path's items ask, or why they cannot be read, by a process that asks this hub."""
    said = {"HF_ENDPOINT": address, "HF_TOKEN": "", "HF_HUB_OFFLINE": "0", **variables}
    ran = subprocess.run(
        [sys.executable, "-c", READ, *paths],
        env={**os.environ, **said},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return ran.stdout.splitlines()


def test_a_data_set_of_the_hub_is_fetched() -> None:
    hub = Hub(
        {
            "toys/riddles/README.md": b"# Riddles",
            "toys/riddles/dataset_infos.json": b"{}",
            "toys/riddles/data/test-00000-of-00002.jsonl": b'{"q": "what"}\n{"q": "who"}\n',
            "toys/riddles/data/test-00001-of-00002.jsonl": b'{"q": "when"}\n',
            "toys/riddles/data/train-00000-of-00001.jsonl": b'{"q": "not this"}\n',
            "toys/two/main/test.jsonl": b'{"q": "main"}\n',
            "toys/two/other/test.jsonl": b'{"q": "other"}\n',
        }
    )
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    told = read_of(
        hub.address,
        *("toys/riddles", f"{HUB}toys/riddles", f"{HUB}toys/two/main", "toys/two", "toys/none"),
    )
    hub.shutdown()
    assert told[:3] == ["what who when", "what who when", "main"]
    assert told[3] == (
        "benchmark 'b': hf://datasets/toys/two has 2 subsets; name the one that you mean: "
        "hf://datasets/toys/two/main, hf://datasets/toys/two/other"
    )
    assert told[4].startswith(f"benchmark 'b': {UNKNOWN}: hf://datasets/toys/none: ")
    assert len(told) == 5


def test_offline_it_is_one_line_that_says_what_to_do() -> None:
    (told,) = read_of("http://127.0.0.1:9", "toys/riddles", HF_HUB_OFFLINE="1")
    assert told.startswith(f"benchmark 'b': {UNKNOWN}: hf://datasets/toys/riddles: ")
    assert "`hf download OWNER/NAME --repo-type dataset --local-dir FOLDER`" in told


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("openai/gsm8k", True),
        ("allenai/ai2_arc.v1", True),
        (f"{HUB}openai/gsm8k", True),
        (f"{HUB}openai/gsm8k/main", True),
        (f"{HUB}openai/gsm8k/main/test.parquet", False),
        ("openai/gsm8k.jsonl", False),
        ("data/items.xlsx", False),
        ("./items", False),
        ("gsm8k", False),
        ("a/b/c", False),
        ("s3://bucket/name", False),
    ],
)
def test_what_is_a_data_set_of_the_hub(path: str, expected: bool) -> None:
    assert is_of_hub(path) == expected


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("data/test-00000-of-00001.parquet", "test"),
        ("main/train-00000-of-00001.parquet", "train"),
        ("test/part.jsonl", "test"),
        ("mmlu/dev.csv", "validation"),
        ("attestation.jsonl", None),
        ("HumanEval.jsonl.gz", None),
        ("evaluation/questions.json", "test"),
    ],
)
def test_the_split_that_a_name_says(path: str, split: str | None) -> None:
    assert split_of(path) == split


def test_what_is_not_clear_is_listed() -> None:
    assert chosen_files("b", "x", ["b.jsonl", "a.csv", "c.txt", "state.json"]) == [
        "a.csv",
        "b.jsonl",
    ]
    assert chosen_files("b", "x", ["test/a.csv", "train/a.csv"]) == ["test/a.csv"]
    with pytest.raises(BenchmarkError, match=r"no split 'test'; .*x/dev.csv, x/train.csv"):
        chosen_files("b", "x", ["train.csv", "dev.csv"])
    with pytest.raises(BenchmarkError, match=r"no file that ends in one of \.jsonl"):
        chosen_files("b", "x", ["README.md", "items.py"])


STOCKS = "matplotlib/mpl-data/sample_data/msft.csv"


def test_a_file_of_an_installed_package() -> None:
    """It is read where it lies, and neither its place nor the package is a cause."""
    fields = {"paths": [STOCKS], "package": "matplotlib", "question": "Date", "answer": "Close"}
    declared = Benchmark(**fields)
    items = read_items("b", declared, "nowhere")
    assert items.height > 50 and items["question"][0]
    (file,) = benchmark_files("b", declared, "nowhere")
    assert Path(file.uri) == Path(str(metadata.distribution("matplotlib").locate_file(STOCKS)))
    assert canonical(declared) == canonical(Benchmark(**{**fields, "package": None}))


@pytest.mark.parametrize(
    ("package", "path", "message"),
    [
        (
            "matplotlb",
            STOCKS,
            r"no package 'matplotlb' is installed here; did you mean 'matplotlib'",
        ),
        (
            "matplotlib",
            STOCKS.replace("msft", "msfd"),
            r"has no file .*; did you mean '.*msft.csv'",
        ),
    ],
)
def test_what_a_package_lacks_is_said(package: str, path: str, message: str) -> None:
    declared = Benchmark(paths=[path], package=package, question="q")
    with pytest.raises(BenchmarkError, match=message):
        benchmark_files("b", declared, "nowhere")


@pytest.mark.parametrize(
    "path", ["openai/gsm8k", "/etc/a.json", "../a.json", "hf://datasets/a/b/c.json"]
)
def test_of_a_package_only_what_is_inside(path: str) -> None:
    with pytest.raises(ValidationError, match=r"must end in|the path that it has inside"):
        Benchmark(paths=[path], package="matplotlib", question="q")
