"""Tasks that are asked twice: by a preset of this project, and by lm-evaluation-harness's own task
file on the same rows.

Items are real where a package of the default data has them; of other tasks they are rows in the
layout of their data set, made by hand for the tests. Prompts and stop strings are those of the task
files; what is changed of them is said here: the rows are given, examples are the first ones of rows
that are not asked (the harness draws them otherwise), and less may be written.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from midtrain_dagster.evaluation.at_hand import PACKAGED
from midtrain_dagster.evaluation.benchmark import Benchmark, read_items
from midtrain_dagster.evaluation.examples import Examples, Shots
from midtrain_dagster.evaluation.item_row import BenchmarkError, split_lettered_choices
from midtrain_dagster.evaluation.method import Document, Method
from midtrain_dagster.evaluation.registry import BenchmarkSection

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
LAYOUTS = ROOT / "tests" / "midtrain_dagster" / "evaluation" / "layouts"

Rows = list[dict[str, Any]]
_SECTION: TypeAdapter[Benchmark] = TypeAdapter(BenchmarkSection)


VARIED = 20
"""Rows that are made of a layout."""

WORDS = "boys seen outside again with one man speaking in the same spot answer A B".split()  # noqa: SIM905
KEPT = {"id", "answerKey", "label", "answer", "Answer", "gold", "_id"}
"""Keys whose values say which choice is right."""

CHOICES = {
    "arc_easy": "arc/arc_easy.yaml",
    "arc_challenge": "arc/arc_challenge.yaml",
    "piqa": "piqa/piqa.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "social_iqa": "siqa/siqa.yaml",
    "winogrande": "winogrande/default.yaml",
    "boolq": "super_glue/boolq/default.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "mmlu": "mmlu/default/mmlu_high_school_biology.yaml",
    "cmmlu": "cmmlu/cmmlu_agronomy.yaml",
    "ceval": "ceval/ceval-valid_law.yaml",
    "longbench_v2": "longbench2/detective.yaml",
}
"""Tasks of choices, by preset."""

HARNESS_ROW: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "boolq": lambda row: row | {"label": int(row["answer"])},
    "longbench_v2": lambda row: (
        row
        | {"choices": [row[f"choice_{letter}"] for letter in "ABCD"], "answer": "ABCD".index("C")}
    ),
}
"""Where the harness reads another copy of the data set, its row."""


@dataclass(frozen=True)
class Task:
    """One task, as both are asked it."""

    name: str
    preset: str
    file: str
    """The harness's, below its folder of tasks."""
    method: Mapping[str, Any]
    """How this project asks it."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What is said otherwise of the harness's file."""
    shots: int = 0
    rows: Callable[[], Rows] | None = None
    """The rows; none: those of the layout of its preset, varied."""
    theirs: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """A row as the harness reads it."""

    def given(self, items: int) -> tuple[Rows, Rows]:
        """The rows that are asked, and those of the examples."""
        rows = self.rows() if self.rows else varied(self.preset)
        return rows[:items], rows[len(rows) - self.shots :] if self.shots else []

    def documents(self, items: int, folder: Path) -> tuple[Method, pl.DataFrame, list[Document]]:
        """How this project asks it: the method, the items and what is made of them."""
        asked, examples = self.given(items)
        benchmark = _SECTION.validate_python(
            {
                "preset": self.preset,
                "paths": [_written(folder / f"{self.preset}.jsonl", asked)],
                "item": None,
                "evaluate": dict(self.method),
            }
        )
        table = read_items(self.preset, benchmark, folder)
        drawn = None
        if examples:
            path = _written(folder / f"{self.preset}-examples.jsonl", examples)
            others = benchmark.model_copy(update={"paths": [path]})
            settings = Examples.model_validate({"count": self.shots, "draw": "first"})
            drawn = Shots(settings, read_items(self.preset, others, folder))
        method = benchmark.evaluate
        if method is None:
            raise ValueError(f"{self.preset}: nothing is asked")
        made = method.documents(table, benchmark.cleaning, benchmark.prompt, drawn)
        return method, table, made


def _written(file: Path, rows: Rows) -> str:
    file.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    return str(file)


@cache
def _packaged(preset: str) -> Rows:
    file = DATA / PACKAGED[preset].path
    whole = file.read_bytes()
    text = (gzip.decompress(whole) if file.suffix == ".gz" else whole).decode()
    return [json.loads(line) for line in text.splitlines() if line]


def varied(name: str) -> list[dict[str, Any]]:
    """Twenty rows in a layout: those of its file with words of a model behind their texts."""
    rows = [json.loads(line) for line in (LAYOUTS / f"{name}.jsonl").read_text().splitlines()]
    draw = np.random.default_rng(5)

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return f"{value} {' '.join(draw.choice(WORDS, draw.integers(2, 6)))}"
        if isinstance(value, list):
            return [changed(each) for each in value]
        if isinstance(value, dict):
            return {key: each if key in KEPT else changed(each) for key, each in value.items()}
        return value

    kept = {*KEPT, "subject", "activity_label", "type", "level"}
    return [
        {
            key: value if key in kept else changed(value)
            for key, value in rows[number % len(rows)].items()
        }
        for number in range(VARIED)
    ]


def _hellaswag() -> Rows:
    """As the data set has them: the last sentence's beginning apart, and the label as text."""
    rows = []
    for row in _packaged("hellaswag"):
        # The package has the context whole; the data set's second part is what begins in lower
        # case after the last full stop.
        first, stop, second = row["ctx"].rpartition(". ")
        if not stop or not second[:1].islower():
            first, stop, second = row["ctx"], "", ""
        parts = {
            "ctx_a": first + stop.strip(),
            "ctx_b": second,
            "label": str(row["expected_index"]),
        }
        rows.append(row | parts)
    return rows


def _mmlu() -> Rows:
    """The sample's lettered questions as the data set has them, without a subject, which it does
    not say."""
    rows = []
    for row in _packaged("mmlu"):
        with suppress(BenchmarkError):
            question, choices = split_lettered_choices(row["question"])
            gold = "ABCD".index(row["answer"])
            rows.append({"question": question, "choices": choices, "answer": gold})
    return rows


CHOICE: Mapping[str, Any] = {"method": "multiple_choice"}
GSM8K_STOPS = ("Question:", "</s>", "<|im_end|>")
CODE_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


def measured(most_tokens: int) -> list[Task]:
    """The five tasks that are timed; of the two in which something is written it is so much at
    most."""
    writes = {"generation_kwargs": {"do_sample": False, "max_gen_toks": most_tokens}}
    likely = {
        "output_type": "loglikelihood",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        # Of a task of this kind the harness puts nothing between the question and what follows it.
        "doc_to_target": " {{answer}}",
        "target_delimiter": "",
    }
    code = {"metric_list": [{"metric": "bypass"}], "filter_list": None, "unsafe_code": None}
    return [
        Task("hellaswag", "hellaswag", "hellaswag/hellaswag.yaml", CHOICE, rows=_hellaswag),
        Task(
            "mmlu",
            "mmlu",
            "mmlu/default/mmlu_high_school_biology.yaml",
            CHOICE,
            {"description": ""},
            rows=_mmlu,
        ),
        Task(
            "gsm8k, likelihood",
            "gsm8k",
            "gsm8k/gsm8k.yaml",
            {"method": "answer_likelihood"},
            {**likely, "generation_kwargs": None, "filter_list": None},
            shots=5,
            rows=lambda: _packaged("gsm8k"),
        ),
        Task(
            "gsm8k, written",
            "gsm8k",
            "gsm8k/gsm8k.yaml",
            {
                "method": "generated_answer",
                "extract": "pattern",
                "pattern": r"#### (\-?[0-9\.\,]+)",
                "compare": "words",
                "until": GSM8K_STOPS,
                "most_tokens": most_tokens,
            },
            {"generation_kwargs": writes["generation_kwargs"] | {"until": list(GSM8K_STOPS)}},
            shots=5,
            rows=lambda: _packaged("gsm8k"),
        ),
        Task(
            "humaneval",
            "humaneval",
            "humaneval/humaneval.yaml",
            {"until": CODE_STOPS, "most_tokens": most_tokens},
            {
                **code,
                "generation_kwargs": writes["generation_kwargs"] | {"until": list(CODE_STOPS)},
            },
            rows=lambda: _packaged("humaneval"),
        ),
    ]


def others() -> list[Task]:
    """The other tasks of choices that both have, of rows that are made up in their layouts."""
    return [
        Task(
            name,
            name,
            file,
            CHOICE,
            {"description": ""},
            theirs=HARNESS_ROW.get(name, dict),
        )
        for name, file in CHOICES.items()
        if name not in ("hellaswag", "mmlu")
    ]
