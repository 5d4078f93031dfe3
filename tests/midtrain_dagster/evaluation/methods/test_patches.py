"""The runner needs Docker and images of repositories, which are not here: a stand-in under its name
checks what it is given and leaves a report as version 5.0 of swebench writes it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.input_problems import benchmark_problems
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import Outcome, Written
from midtrain_dagster.evaluation.methods.patches import (
    VERSION,
    Patches,
    RunnerError,
    patch_of,
    read_report,
)

LAYOUTS = Path(__file__).parents[1] / "layouts"
ROW = json.loads((LAYOUTS / "swe_bench.jsonl").read_text().splitlines()[0])
METHOD = Patches(method="patches", seconds=7)
DIFF = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
REPORT = {
    "total_instances": 4,
    "submitted_instances": 4,
    "completed_instances": 2,
    "resolved_instances": 1,
    "unresolved_instances": 1,
    "infra_failure_instances": 0,
    "ambiguous_failure_instances": 0,
    "empty_patch_instances": 1,
    "error_instances": 1,
    "completed_ids": ["made-0", "made-1"],
    "incomplete_ids": [],
    "empty_patch_ids": ["made-2"],
    "submitted_ids": ["made-0", "made-1", "made-2", "made-3"],
    "resolved_ids": ["made-0"],
    "unresolved_ids": ["made-1"],
    "infra_failure_ids": [],
    "ambiguous_failure_ids": [],
    "failure_reasons": {},
    "error_ids": ["made-3"],
    "schema_version": 2,
}
RUNNER = """
import json, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert given["--timeout"] == "7" and given["--run_id"] == "midtrain"
rows = [json.loads(line) for line in open(given["--dataset_name"])]
made = [json.loads(line) for line in open(given["--predictions_path"])]
assert [row["instance_id"] for row in rows] == [each["instance_id"] for each in made]
assert rows[0]["base_commit"] and {each["model_name_or_path"] for each in made} == {"midtrain"}
assert made[0]["model_patch"].startswith("--- a/a.py") and made[2]["model_patch"] == ""
pathlib.Path("midtrain.midtrain.json").write_text(REPORT)
"""


def outcome() -> Outcome:
    items = [
        Item(ROW["problem_statement"], [], None, DIFF, row=ROW | {"instance_id": f"made-{n}"})
        for n in range(4)
    ]
    texts = [f"I see.\n<patch>\n{DIFF}", f"```diff\n{DIFF}```", "", DIFF]
    return Outcome(
        documents=[METHOD.document(item) for item in items],
        responses=[[(-1.0, False)]] * 4,
        tokens=[[1]] * 4,
        written=[[Written(text, False)] for text in texts],
    )


def installed(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the runner's name, for the processes that are started."""
    place = folder / "swebench" / "harness"
    place.mkdir(parents=True)
    for package in (place.parent, place):
        (package / "__init__.py").touch()
    (place / "run_evaluation.py").write_text(f"REPORT = {json.dumps(REPORT)!r}\n{program}")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_predictions_are_handed_over_and_the_report_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert VERSION == 2
    installed(tmp_path, RUNNER, monkeypatch)
    made: dict[str, Any] = {
        each.metric: each.sums.tolist() for each in METHOD.item_values(outcome())
    }
    assert made["resolved"] == [1, 0, 0, 0]
    assert made["no_patch"] == [0, 0, 1, 0]
    assert made["not_tried"] == [0, 0, 0, 1]
    assert "bits_per_byte" in made


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit('no space left')", "ended with 1 and no report: no space left"),
        ("pass", "ended with 0 and no report: it said nothing"),
        ("open('midtrain.midtrain.json', 'w').write('{')", "the report of .* is none"),
    ],
)
def test_a_runner_that_fails_is_an_error_and_no_score(
    program: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, program, monkeypatch)
    with pytest.raises(RunnerError, match=message):
        list(METHOD.item_values(outcome()))


def test_a_report_speaks_of_every_item() -> None:
    asked = ["made-0", "made-3"]
    assert read_report(json.dumps(REPORT), asked)["resolved_ids"] == ["made-0"]
    with pytest.raises(RunnerError, match=r"says nothing of 1 items \(made-9"):
        read_report(json.dumps(REPORT), [*asked, "made-9"])
    with pytest.raises(RunnerError, match="KeyError"):
        read_report("{}", asked)


@pytest.mark.parametrize(
    ("text", "patch"),
    [
        (f"<patch>\n{DIFF}\n</patch> and more", DIFF),
        (f"<diff>\n{DIFF}", DIFF),
        (f"So:\n```patch\n{DIFF}```\n", DIFF),
        (f"```\n{DIFF}\n```", DIFF),
        (f"The code:\n```python\nx = 1\n```\nSo:\n<patch>\n{DIFF}", DIFF),
        (f"```python\nx = 1\n```\n```diff\n{DIFF}", DIFF),
        (f"<patch>\n```diff\n{DIFF}```\n", DIFF),
        (f"<patch>\n{DIFF}+```diff\n+x\n+```\n</patch>", f"{DIFF}+```diff\n+x\n+```\n"),
        (DIFF, DIFF),
        ("<patch>\n</patch>", ""),
        ("  \n", ""),
    ],
)
def test_a_patch_is_read_as_the_benchmark_reads_it(text: str, patch: str) -> None:
    assert patch_of(text) == patch


def test_what_the_runner_lays_on_the_machine_is_counted_as_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"REPORT = json.dumps({REPORT | {'infra_failure_ids': ['made-1']}!r})"
    first, _, rest = RUNNER.partition("given =")
    installed(tmp_path, f"{first}{program}\ngiven ={rest}", monkeypatch)
    made: dict[str, Any] = {
        each.metric: each.sums.tolist() for each in METHOD.item_values(outcome())
    }
    assert made["not_tried"] == [0, 1, 0, 1]


def test_without_the_runner_the_benchmark_is_refused_in_one_line() -> None:
    assert "swebench" not in sys.modules
    benchmark = Benchmark(
        paths=["swe_bench.jsonl"], question="problem_statement", answer="patch", evaluate=METHOD
    )
    _, findings = benchmark_problems("s", benchmark, LAYOUTS)
    (found,) = findings
    assert found.stops
    assert found.reason == "SWE-bench's runner is not installed: pip install swebench"


def test_an_item_has_its_id() -> None:
    with pytest.raises(ValueError, match="patches need the key 'instance_id'"):
        METHOD.document(Item("q", [], None, "p", row={}))
