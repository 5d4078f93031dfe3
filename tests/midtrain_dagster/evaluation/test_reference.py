"""Items, likelihoods, texts and scores against the tasks of lm-evaluation-harness themselves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import lm_eval
import pytest
from datasets import Dataset, DatasetDict
from lm_eval.evaluator import evaluate as run_harness
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml
from pydantic import TypeAdapter

from benchmarks.evaluation import MODEL, compared, plain_harness
from benchmarks.evaluation_tasks import CHOICES, HARNESS_ROW, measured, varied
from midtrain_dagster.evaluation.benchmark import Benchmark, documents, read_examples, read_items
from midtrain_dagster.evaluation.harness import WRITTEN_TOGETHER, evaluate
from midtrain_dagster.evaluation.method import ItemValues, Outcome
from midtrain_dagster.evaluation.methods.generated_answer import GeneratedAnswer
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice
from midtrain_dagster.evaluation.registry import BenchmarkSection
from midtrain_dagster.evaluation.text_model import text_model
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

TASKS = Path(lm_eval.__file__).parent / "tasks"
SECTION: TypeAdapter[Benchmark] = TypeAdapter(BenchmarkSection)


class Found(NamedTuple):
    """What the harness's own task makes of rows, in their order."""

    results: dict[str, Any]
    samples: list[dict[str, Any]]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [
            (args["arg_0"], args["arg_1"]) if isinstance(args, dict) else tuple(args)
            for sample in self.samples
            for args in _arguments(sample)
        ]

    @property
    def nats(self) -> list[float]:
        return [float(each[0]) for sample in self.samples for each in sample["filtered_resps"]]


class Logged(MultipleChoice):
    """Multiple choice that keeps what each choice was given."""

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        SEEN[:] = [each[0] for answers in outcome.responses for each in answers]
        return super().item_values(outcome)


SEEN: list[float] = []


class Texts(GeneratedAnswer):
    """Generated answers that are kept as they were written."""

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        WRITTEN[:] = [each[0].text for each in outcome.written]
        return super().item_values(outcome)


WRITTEN: list[str] = []


def _arguments(sample: dict[str, Any]) -> Any:
    told = sample["arguments"]
    return told.values() if isinstance(told, dict) else told


def harness(folder: Path, file: str, rows: list[dict[str, Any]], **changes: Any) -> Found:
    """The harness's own task on rows, as its command line runs it."""
    task = load_yaml(TASKS / file, resolve_func=True)
    for field in ("dataset_path", "dataset_name", "group", "tag", "repeats"):
        task.pop(field, None)
    given = Dataset.from_list(rows)
    splits = {"train", "validation", "test", "val", "dev"}
    data = DatasetDict(dict.fromkeys(splits, given))
    task |= {"num_fewshot": 0, "custom_dataset": lambda **_: data, **changes}
    loaded = TaskManager(include_defaults=False).load([task])
    # Of some folders transformers would make another tokenizer than the file says.
    tokenizer = load_tokenizer(folder)
    plain = HFLM(
        pretrained=str(folder),
        tokenizer=tokenizer,
        dtype="float32",
        batch_size=WRITTEN_TOGETHER,
        device="cpu",
    )
    made = run_harness(lm=plain, task_dict=loaded, log_samples=True)
    assert made is not None
    (name,) = made["samples"]
    samples = made["samples"][name]
    filters = {sample["filter"] for sample in samples}
    first = sorted(filters)[0] if len(filters) > 1 else filters.pop()
    kept = [sample for sample in samples if sample["filter"] == first]
    return Found(made["results"][name], sorted(kept, key=lambda each: each["doc_id"]))


def written(folder: Path, rows: list[dict[str, Any]]) -> str:
    file = folder / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    return str(file)


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_choices_are_asked_and_scored_as_the_task_does(
    name: str, roomy: Path, tmp_path: Path
) -> None:
    rows = varied(name)
    changes = {"description": ""} if name in ("cmmlu", "ceval") else {}
    found = harness(
        roomy, CHOICES[name], [HARNESS_ROW.get(name, dict)(row) for row in rows], **changes
    )
    benchmark = SECTION.validate_python(
        {
            "preset": name,
            "paths": [written(tmp_path, rows)],
            "item": None,
            "evaluate": "multiple_choice",
        }
    )
    items = read_items(name, benchmark, tmp_path)
    method = benchmark.evaluate
    assert method is not None
    asked = [tuple(ask) for each in documents(benchmark, items) for ask in method.asks(each)]
    assert asked == found.pairs
    logged = Logged(method="multiple_choice")
    scores = evaluate(roomy, items, method=logged, prompt=benchmark.prompt)["scores"]
    assert pytest.approx(found.nats, rel=1e-4) == SEEN
    values = dict(scores.select("metric", "value").iter_rows())
    assert values["acc"] == pytest.approx(found.results["acc,none"])
    if "acc_norm,none" in found.results:
        assert values["acc_norm"] == pytest.approx(found.results["acc_norm,none"])


WRITES = {
    "gsm8k": ("gsm8k/gsm8k.yaml", "answer"),
    "bbh": ("bbh/fewshot/boolean_expressions.yaml", "target"),
    "drop": ("drop/default.yaml", "answer"),
}
"""Tasks in which something is written, by preset."""

FEW = 24
"""Tokens that are written: a random model ends nothing."""


def drop_row(row: dict[str, Any]) -> dict[str, Any]:
    """DROP as the harness reads it, with one annotator."""
    answer = {"number": "", "date": {"day": "", "month": "", "year": ""}}
    answer |= {"spans": row["answers_spans"]["spans"]}
    others = {"number": [""], "date": [answer["date"]], "spans": [answer["spans"]]}
    return row | {"answer": answer, "validated_answers": others}


@pytest.mark.parametrize("name", sorted(WRITES))
def test_what_is_written_is_what_the_task_writes(name: str, roomy: Path, tmp_path: Path) -> None:
    file, _ = WRITES[name]
    rows = varied(name)
    until = load_yaml(TASKS / file, resolve_func=False).get("generation_kwargs")
    if until is None:
        until = load_yaml(TASKS / "bbh/fewshot/_fewshot_template_yaml")["generation_kwargs"]
    stops = list(until["until"])
    found = harness(
        roomy,
        file,
        [drop_row(row) for row in rows] if name == "drop" else rows,
        description="",
        generation_kwargs={"until": stops, "max_gen_toks": FEW, "do_sample": False},
    )
    benchmark = SECTION.validate_python(
        {"preset": name, "paths": [written(tmp_path, rows)], "item": None}
    )
    items = read_items(name, benchmark, tmp_path)
    method = Texts(method="generated_answer", until=stops, most_tokens=FEW)
    made = evaluate(roomy, items, method=method, prompt=benchmark.prompt)
    asked = [method.task(each) for each in method.documents(items, None, benchmark.prompt)]
    assert [task.prompt for task in asked] == [first for first, _ in found.pairs]
    assert [sample["resps"][0][0] for sample in found.samples] == WRITTEN
    assert made["runs"]["never_ended"][0] > 0, "a random model does not end"


def test_a_last_word_is_as_likely_as_the_task_says(roomy: Path, tmp_path: Path) -> None:
    rows = varied("lambada")
    found = harness(roomy, "lambada/lambada_openai.yaml", rows)
    benchmark = SECTION.validate_python({"preset": "lambada", "paths": [written(tmp_path, rows)]})
    items = read_items("lambada", benchmark, tmp_path)
    method = benchmark.evaluate
    assert method is not None
    asked = [tuple(ask) for each in documents(benchmark, items) for ask in method.asks(each)]
    assert asked == found.pairs
    made = evaluate(roomy, items, method=method, prompt="lambada")["by_item"]
    nats = made.filter(metric="loss_per_token")["sum"].to_list()
    assert nats == pytest.approx([-each for each in found.nats], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "file", "shots"),
    [
        ("mmlu", "mmlu/default/mmlu_high_school_biology.yaml", {"alike": "subject"}),
        ("arc_easy", "arc/arc_easy.yaml", {}),
        ("gsm8k", "gsm8k/gsm8k.yaml", {}),
    ],
)
def test_first_examples_stand_before_an_item_as_in_the_task(
    name: str, file: str, shots: dict[str, Any], roomy: Path, tmp_path: Path
) -> None:
    """The task takes its first examples too, from a file of others."""
    rows = varied(name)
    items, others = rows[:8], rows[8:]
    (tmp_path / "items").mkdir()
    (tmp_path / "others").mkdir()
    task = load_yaml(TASKS / file, resolve_func=True)
    given = Dataset.from_list(others)
    split = task.get("fewshot_split") or task["training_split"]
    data = DatasetDict(
        {"train": given, "validation": given, "dev": given, "test": Dataset.from_list(items)}
    )
    for field in ("dataset_path", "dataset_name", "tag"):
        task.pop(field, None)
    task |= {"num_fewshot": 3, "custom_dataset": lambda **_: data, "fewshot_split": split}
    task |= {"fewshot_config": {"sampler": "first_n"}}
    if name == "gsm8k":
        task |= {"generation_kwargs": {"until": ["Question:"], "max_gen_toks": 4}}
    plain = HFLM(pretrained=str(roomy), dtype="float32", batch_size=4, device="cpu")
    loaded = TaskManager(include_defaults=False).load([task])
    made = run_harness(lm=plain, task_dict=loaded, log_samples=True)
    assert made is not None
    samples = next(iter(made["samples"].values()))
    first = samples[0]["filter"]
    kept = sorted((each for each in samples if each["filter"] == first), key=lambda s: s["doc_id"])
    found = Found({}, kept)

    benchmark = SECTION.validate_python(
        {
            "preset": name,
            "paths": [written(tmp_path / "items", items)],
            "item": None,
            "evaluate": "generated_answer" if name == "gsm8k" else "multiple_choice",
            "examples": {
                "count": 3,
                "draw": "first",
                "paths": [written(tmp_path / "others", others)],
                **shots,
            },
        }
    )
    method = benchmark.evaluate
    assert method is not None
    asked = documents(
        benchmark, read_items(name, benchmark, tmp_path), read_examples(name, benchmark, tmp_path)
    )
    if name == "gsm8k":
        tasks = [method.task(each) for each in asked]
        assert [task and task.prompt for task in tasks] == [first for first, _ in found.pairs]
    else:
        assert [tuple(ask) for each in asked for ask in method.asks(each)] == found.pairs


@pytest.mark.slow
def test_real_weights_answer_real_items_as_in_the_harness() -> None:
    """Prompts, likelihoods, texts and scores of five tasks, in float32 as evaluation reads on CPUs.
    `python -m benchmarks.evaluation` does the same on more items."""
    lm, plain = text_model(MODEL), plain_harness(MODEL)
    for task in measured(most_tokens=12):
        found = compared(plain, lm, task, items=2, batches=[2])
        assert found.is_equal, found
