"""``midtrain evaluate`` on a real tiny model and real items."""

import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from midtrain.command import _parser
from midtrain_dagster.evaluation.item_row import BenchmarkError
from tests.midtrain_dagster.evaluation.conftest import tiny

LAYOUTS = Path(__file__).parents[1] / "midtrain_dagster/evaluation/layouts"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model"), 512)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own; what the command says in the environment is taken back."""
    for name in ("DAGSTER_HOME", "TORCHINDUCTOR_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("MIDTRAIN_ROOT", str(tmp_path / "store"))
    return tmp_path / "store"


def evaluate(*arguments: object) -> tuple[int, str]:
    console = Console(record=True, width=250, soft_wrap=True)
    options = _parser().parse_args(["evaluate", *map(str, arguments)])
    code = options.command(options, console)
    return code, console.export_text()


def test_a_folder_is_asked_once_and_found_afterwards(model: Path, store: Path) -> None:
    asked = (model, "--benchmarks", f"arc_easy,gsm8k={LAYOUTS}/gsm8k.jsonl", "--data", LAYOUTS)
    code, table = evaluate(*asked)
    assert code == 0
    head = table.splitlines()[0].split("  ")
    assert [word.strip() for word in head if word.strip()] == [
        *("benchmark", "metric", "value", "stderr", "chance"),
        *("items", "cut", "left out", "never ended"),
    ]
    assert re.search(r"arc_easy +lettered +[\d.]+% .* at chance +2 +0 +0 +0", table)
    assert re.search(r"gsm8k +bits_per_byte +\d\.\d+ +\d\.\d+ +\N{EN DASH} +2 +0 +0 +[12]", table)
    made = {file: file.stat().st_mtime_ns for file in store.rglob("part.json")}
    assert len(made) == 4
    assert evaluate(*asked) == (code, table)
    assert {file: file.stat().st_mtime_ns for file in store.rglob("part.json")} == made

    code, limited = evaluate(*asked, "--limit", 1, "--json")
    runs = json.loads(limited)
    assert [(run["benchmark"], run["items"]) for run in runs] == [("arc_easy", 1), ("gsm8k", 1)]
    assert runs[0]["scores"][0]["metric"] == "better_form"
    # Items are found; only who is asked one item is asked anew.
    assert len(set(store.rglob("part.json")) - made.keys()) == 2


def test_an_item_that_does_not_fit_is_left_out_and_counted(
    tmp_path: Path, store: Path, model: Path
) -> None:
    row = json.loads((LAYOUTS / "lambada.jsonl").read_text().splitlines()[0])
    file = tmp_path / "lambada.jsonl"
    file.write_text(json.dumps({**row, "text": "The boys " + "x" * 3000}))
    code, table = evaluate(model, "--benchmarks", f"lambada={file}")
    assert code == 0
    assert re.search(r"lambada +no item fits the model +(\N{EN DASH} +){3}0 +0 +1 +0", table)


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("hellaswg", "there is no benchmark 'hellaswg'; did you mean 'hellaswag'?"),
        ("gsm8k,gsm8k", "benchmark 'gsm8k' is named twice"),
        ("livecodebench", "LiveCodeBench is not asked here: its tests are pickled"),
        ("tau2_bench", "tau2-Bench is not read here: "),
    ],
)
def test_a_benchmark_that_cannot_be_asked_is_told_in_one_line(
    named: str, told: str, model: Path, store: Path
) -> None:
    with pytest.raises(BenchmarkError) as error:
        evaluate(model, "--benchmarks", named, "--data", LAYOUTS)
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_that_is_no_model_are_told_in_one_line(
    tmp_path: Path, model: Path, store: Path
) -> None:
    with pytest.raises(BenchmarkError, match=r"has no file piqa.jsonl .* say piqa=PATH, or"):
        evaluate(model, "--benchmarks", "piqa", "--data", tmp_path)
    code, text = evaluate(model, "--benchmarks", "piqa=nowhere.jsonl")
    assert (code, text.count("\n")) == (2, 1)
    assert text.startswith("piqa: there is no file ")
    asked = ("--benchmarks", "piqa", "--data", LAYOUTS)
    for folder, told in (
        (tmp_path / "none", "there is no such folder"),
        (LAYOUTS, "it has no config.json"),
    ):
        assert evaluate(folder, *asked) == (2, f"{folder} is no Hugging Face folder: {told}\n")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_bytes((model / "config.json").read_bytes())
    code, text = evaluate(bare, *asked)
    assert (code, text) == (2, f"{bare} has no weights: there is no model.safetensors\n")
    (bare / "model.safetensors").write_bytes(b"broken")
    code, text = evaluate(bare, *asked)
    assert (code, text.count("\n")) == (2, 1)
    assert "no tokenizer here" in text
    (bare / "tokenizer.json").write_bytes((model / "tokenizer.json").read_bytes())
    code, text = evaluate(bare, *asked)
    assert (code, text.count("\n")) == (2, 1)
    assert not list(store.rglob("*harness.evaluate*/**/part.json"))


def test_no_benchmark_at_all_is_said(model: Path, store: Path) -> None:
    code, told = evaluate(model, "--benchmarks", ",")
    assert (code, told.strip()) == (
        2,
        "--benchmarks names none: say presets, or preset=path of items",
    )
