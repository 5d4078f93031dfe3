"""A benchmark: where its items lie, which keys hold what, and how it is evaluated.

A benchmark is declared once in a recipe and serves twice: its items are searched in the corpus
(``decontamination``) and asked of every checkpoint (``evaluation``). It is local files, JSON Lines
or a JSON list, because a benchmark that may change under its hub id cannot be a cause of anything.
All items are read and all are searched, however few of them are asked.

Handed over whole as a cause, a benchmark is what decides its items: what only says where its files
lie or how models are asked is marked ``NOT_A_CAUSE``. Evaluation hands over ``evaluate``,
``cleaning`` and ``prompt`` by themselves.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.filesystem import looked_at
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.source_file import SourceFile, local_file, remote_file
from midtrain_dagster.core.stream import BrokenStream, open_stream
from midtrain_dagster.evaluation.cleaning import Cleaning
from midtrain_dagster.evaluation.config import EvaluationMethod
from midtrain_dagster.evaluation.method import ROW, Column
from midtrain_dagster.evaluation.prompts import CLEANS, PromptName

VERSION = 2

BENCHMARK_ITEMS = pl.Schema(
    {
        "benchmark": pl.String(),
        "item": pl.String(),
        "question": pl.String(),
        "choices": pl.List(pl.String),
        "gold": pl.Int64(),
        "answer": pl.String(),
    }
)
"""What is searched for. ``choices`` is empty where the benchmark has none; ``gold`` is the right
choice's index."""

ITEMS = pl.Schema({**BENCHMARK_ITEMS, ROW: pl.String()})
"""What is asked: the same, and each item's row as JSON. It is there whatever the prompt, so that
another prompt changes nothing in what is searched for."""

HOW_GIVEN: dict[Column, str] = {
    "choices": "'choices' or format lettered_choices",
    "gold": "'gold' and the choices it points into",
    "answer": "'answer' (or 'gold' of choices)",
}
"""The keys by which items come to hold what a method needs of them."""

FIELDS = ("question", "choices", "gold", "answer", "item")
"""The fields of a benchmark that name a key of its items."""

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst")

_CHOICE = re.compile(r"\n+([A-Z])\. ")
_PROMPT_TAIL = re.compile(r"\n+Answer:\s*\Z")


class BenchmarkError(ValueError):
    """A benchmark cannot be read as declared; the message names it, the file and the row.

    ``key`` is the key of the items that is wrong, where it is one.
    """

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class Benchmark(FrozenModel):
    """Files of items and what their keys mean.

    ``format: lettered_choices`` splits a question that holds its choices as tests print them
    (``...\\n\\nA. ..\\nB. ..\\nAnswer:``) into question and choices.
    """

    paths: Annotated[list[str], NOT_A_CAUSE] = Field(
        min_length=1, description="files, relative to the recipe: .jsonl or .json, also .gz, .zst"
    )
    question: str = Field(description="key of the question")
    answer: str | None = Field(default=None, description="key of the answer's text")
    choices: str | None = Field(
        default=None,
        description="key of the choices: a list of texts, or lists of `text` and `label` as in ARC",
    )
    gold: str | None = Field(
        default=None,
        description="key of the right choice: its label, or an index from 0 or a letter from A",
    )
    item: str | None = Field(
        default=None, description="key of the item's id; else the row's number, from 1"
    )
    format: Literal["plain", "lettered_choices"] = Field(
        default="plain",
        description="lettered_choices: the question ends in its choices, in lines `A. ..`, `B. ..`",
    )
    cleaning: Annotated[Cleaning | None, NOT_A_CAUSE] = Field(
        default=None, description="how its text is cleaned before it is asked; none: not at all"
    )
    evaluate: Annotated[EvaluationMethod | None, NOT_A_CAUSE] = Field(
        default=None, description="how checkpoints are asked; none: it only decontaminates"
    )
    prompt: Annotated[PromptName, NOT_A_CAUSE] = Field(
        default="bare",
        description="how an item is put to a model: as the task of lm-evaluation-harness of that "
        "name does; bare: the question alone",
    )
    domain: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None, description="the domain whose ability it measures"
    )

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        for path in self.paths:
            if not path.lower().endswith(SUFFIXES):
                raise ValueError(f"{path}: must end in one of {', '.join(SUFFIXES)}")
        if self.cleaning and self.prompt in CLEANS:
            raise ValueError(f"the prompt {self.prompt!r} cleans its text itself: drop 'cleaning'")
        lettered = self.format == "lettered_choices"
        if lettered and self.choices:
            raise ValueError("'choices' and format lettered_choices are two sources of choices")
        if self.gold and not (self.choices or lettered):
            raise ValueError("'gold' needs 'choices' or format lettered_choices")
        given = {"choices": self.choices or lettered, "gold": self.gold}
        given["answer"] = self.answer or self.gold
        if self.evaluate:
            for column in self.evaluate.NEEDS:
                if not given[column]:
                    raise ValueError(f"{self.evaluate.method} needs {HOW_GIVEN[column]}")
        return self


def benchmark_files(name: str, benchmark: Benchmark, folder: str | Path) -> list[SourceFile]:
    """The benchmark's files in the order of ``paths``; BenchmarkError where one is missing."""
    files = []
    for path in benchmark.paths:
        address = path if "://" in path else str(Path(folder) / path)
        try:
            info = looked_at(address, lambda files, location: files.get_file_info(location))
        except OSError as error:
            raise BenchmarkError(f"benchmark {name!r}: {error}") from error
        if not info.is_file:
            advice = "correct 'paths' or put it there"
            if "data" in Path(address).parts:
                advice = "`midtrain fetch` fetches the default data"
            raise BenchmarkError(f"benchmark {name!r}: there is no file {address}; {advice}")
        title = address.rpartition("/")[2]
        if "://" in path:
            files.append(remote_file(title, address, info.size))
        else:
            files.append(local_file(title, Path(address)))
    return files


def read_items(name: str, benchmark: Benchmark, folder: str | Path) -> pl.DataFrame:
    """All items of a benchmark, as ``ITEMS``, in the order of its files and rows.

    An answer that is not given is the right choice's text. Items without an id are called by their
    row's number from 1, with the file's name before it where there are several files.

    Raises:
        BenchmarkError: a file is missing or broken, a row lacks a key or holds something else than
            declared, an id occurs twice, or there are no items at all.
    """
    files = benchmark_files(name, benchmark, folder)
    items = []
    seen: dict[str, str] = {}
    for file in files:
        for number, values in _rows(name, file):
            where = f"benchmark {name!r}, {file.name}, row {number}"
            row = _Row(values, where)
            default = str(number) if len(files) == 1 else f"{file.name}:{number}"
            item = _identity(row, benchmark.item) if benchmark.item else default
            if item in seen:
                raise BenchmarkError(f"{where}: the id {item!r} was used before ({seen[item]})")
            seen[item] = where
            items.append({"benchmark": name, "item": item, **_read_item(row, benchmark)})
            items[-1][ROW] = json.dumps(values, ensure_ascii=False)
    if not items:
        raise BenchmarkError(f"benchmark {name!r}: no items in {', '.join(benchmark.paths)}")
    return pl.DataFrame(items, schema=ITEMS)


FIRST_ROWS = 100


def absent_keys(name: str, benchmark: Benchmark, folder: str | Path) -> dict[str, str]:
    """The fields whose key none of the first rows has, each with the reason.

    Raises BenchmarkError for a file that is missing or broken.
    """
    named = {field: getattr(benchmark, field) for field in FIELDS}
    absent = {field: key for field, key in named.items() if key is not None}
    seen: dict[str, None] = {}
    files = benchmark_files(name, benchmark, folder)
    rows = (values for file in files for _, values in _rows(name, file))
    for values in islice(rows, FIRST_ROWS):
        seen |= dict.fromkeys(values)
        absent = {field: key for field, key in absent.items() if key not in values}
    known = ", ".join(seen)
    return {
        field: f"benchmark {name!r}: no item has the key {key!r}; the keys are {known}"
        for field, key in absent.items()
        if seen
    }


class _Row(NamedTuple):
    """One row of a file and where it stands, for messages."""

    values: dict[str, Any]
    where: str

    def value(self, key: str) -> Any:
        """The value of a key that must be there."""
        if self.values.get(key) is None:
            keys = ", ".join(self.values)
            reason = f"{self.where}: no value for the key {key!r}; the keys are {keys}"
            raise BenchmarkError(reason, key)
        return self.values[key]

    def text(self, key: str) -> str:
        """The value of a key that must be text, or a number as text."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            kind = type(value).__name__
            raise BenchmarkError(f"{self.where}: {key!r} holds a {kind}, not a text", key)
        return str(value)


def _identity(row: _Row, key: str) -> str:
    identity = row.text(key).strip()
    if not identity:
        raise BenchmarkError(f"{row.where}: the id in {key!r} is empty")
    return identity


def _read_item(row: _Row, benchmark: Benchmark) -> dict[str, Any]:
    question = row.text(benchmark.question)
    choices: list[str] = []
    labels: list[str] | None = None
    if benchmark.format == "lettered_choices":
        question, choices = split_lettered_choices(question, row.where)
    elif benchmark.choices:
        choices, labels = _choices(row, benchmark.choices)
    if not question.strip():
        raise BenchmarkError(f"{row.where}: the question in {benchmark.question!r} is empty")
    gold = _gold(row, benchmark.gold, len(choices), labels) if benchmark.gold else None
    answer = row.text(benchmark.answer) if benchmark.answer else None
    if answer is None and gold is not None:
        answer = choices[gold]
    return {"question": question, "choices": choices, "gold": gold, "answer": answer}


def _choices(row: _Row, key: str) -> tuple[list[str], list[str] | None]:
    """The texts of the choices, and their labels where they have some."""
    held = row.value(key)
    labelled = isinstance(held, dict) and held.keys() == {"text", "label"}
    texts, labels = (held["text"], held["label"]) if labelled else (held, None)
    for each in (texts, *([labels] if labelled else [])):
        if not isinstance(each, list) or not all(isinstance(one, str) for one in each):
            raise BenchmarkError(
                f"{row.where}: {key!r} is not a list of texts, nor one of `text` and one of "
                "`label` in an object",
                key,
            )
    if labels is not None and not len(labels) == len(set(labels)) == len(texts):
        raise BenchmarkError(f"{row.where}: {key!r} has not a label of its own for each text", key)
    return texts, labels


def _gold(row: _Row, key: str, choices: int, labels: list[str] | None) -> int:
    text = row.text(key).strip()
    if labels is not None:
        if text not in labels:
            known = ", ".join(labels)
            raise BenchmarkError(f"{row.where}: {key!r} is {text!r}, none of: {known}", key)
        return labels.index(text)
    index = ord(text.upper()) - ord("A") if re.fullmatch("[A-Za-z]", text) else None
    if re.fullmatch("[0-9]+", text):
        index = int(text)
    if index is None or index >= choices:
        raise BenchmarkError(
            f"{row.where}: {key!r} is {text!r}, neither an index below {choices} nor its letter",
            key,
        )
    return index


def split_lettered_choices(text: str, where: str = "text") -> tuple[str, list[str]]:
    """Question and choices of a text that ends in lines ``A. ..``, ``B. ..`` (and ``Answer:``).

    The last run of lines A, B, .. is taken, so a list inside the question stays in it.
    """
    text = _PROMPT_TAIL.sub("", text)
    marks = list(_CHOICE.finditer(text))
    first = max((index for index, mark in enumerate(marks) if mark[1] == "A"), default=len(marks))
    run = marks[first:]
    expected = [chr(ord("A") + index) for index in range(len(run))]
    if len(run) < 2 or [mark[1] for mark in run] != expected:
        found = ", ".join(mark[1] for mark in marks) or "none"
        raise BenchmarkError(f"{where}: no choices in lines 'A. ..', 'B. ..' (letters: {found})")
    ends = [mark.start() for mark in run[1:]] + [len(text)]
    choices = [text[mark.end() : end].strip() for mark, end in zip(run, ends, strict=True)]
    return text[: run[0].start()], choices


def _rows(name: str, file: SourceFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with their numbers, from 1; blank lines are counted and passed over."""
    where = f"benchmark {name!r}, {file.name}"
    number = 0
    try:
        with open_stream(file) as stream:
            lines = file.name.lower().rpartition(".jsonl")[1] != ""
            for number, data in enumerate(stream if lines else [stream.read()], start=1):
                if not data.strip():
                    continue
                parsed = json.loads(data.decode("utf-8-sig"))
                if lines:
                    yield number, _mapping(parsed, f"{where}, row {number}")
                elif isinstance(parsed, list):
                    for row, value in enumerate(parsed, start=1):
                        yield row, _mapping(value, f"{where}, row {row}")
                else:
                    raise BenchmarkError(f"{where}: a .json file must hold a list of objects")
    except (BrokenStream, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BenchmarkError(f"{where}, row {number}: {error}") from error


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BenchmarkError(f"{where}: a {type(value).__name__}, not an object")
    return value
