"""A benchmark: where its items lie, which keys hold what, and how it is evaluated.

A benchmark is declared once in a recipe and serves twice: its items are searched in the corpus
(``decontamination``) and asked of every checkpoint (``evaluation``). It is files, JSON Lines, a
JSON list or a table, wherever they lie (`item_files`): what they hold is a cause, and a hub id or a
package, under which it may change, is none. All items are read and all are searched, however few of
them are asked.

Handed over whole as a cause, a benchmark is what decides its items: what only says where its files
lie or how models are asked is marked ``NOT_A_CAUSE``. Evaluation hands over ``evaluate``,
``cleaning`` and ``prompt`` by themselves.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import PASSAGE
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import BrokenStream, open_stream
from midtrain_dagster.evaluation.cleaning import Cleaning
from midtrain_dagster.evaluation.config import EvaluationMethod
from midtrain_dagster.evaluation.examples import Examples, Shots
from midtrain_dagster.evaluation.item_files import SUFFIXES, is_of_hub, item_files
from midtrain_dagster.evaluation.item_row import BenchmarkError, Row, found, identity, read_item
from midtrain_dagster.evaluation.method import ROW, Column, Document
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
another prompt changes nothing in what is searched for; under the key PASSAGE also with its passage,
where the benchmark has one."""

HOW_GIVEN: dict[Column, str] = {
    "choices": "'choices', 'fixed_choices' or format lettered_choices",
    "gold": "'gold' and the choices it points into",
    "answer": "'answer' (or 'gold' of choices)",
}
"""The keys by which items come to hold what a method needs of them."""

FIELDS = ("question", "choices", "gold", "answer", "passage", "item", "group")
"""The fields of a benchmark that name a key of its items."""


class Benchmark(FrozenModel):
    """Files of items and what their keys mean.

    ``format: lettered_choices`` splits a question that holds its choices as tests print them
    (``...\\n\\nA. ..\\nB. ..\\nAnswer:``) into question and choices.
    """

    paths: Annotated[list[str], NOT_A_CAUSE] = Field(
        min_length=1,
        description="files, relative to the recipe: .jsonl, .json, .csv or .tsv, also .gz, .zst; "
        ".parquet; or `OWNER/NAME`, a data set of the hub, whose split `test` is read",
    )
    package: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None,
        description="an installed Python package that has the files: `paths` are then those that "
        "`pip show --files` lists",
    )
    question: str = Field(
        description="key of the question; as the others, a path in nested objects and lists too "
        "(`doc.question`, `turns.0.content`)"
    )
    passage: Annotated[str | None, CAUSE_IF_SET] = Field(
        default=None,
        description="key of the passage that the question is about, which is put before it; it is "
        "searched for by the method `decon` alone, which weighs it apart",
    )
    answer: str | None = Field(
        default=None,
        description="key of the answer's text, or of a list of texts, of which the first is it",
    )
    choices: str | tuple[str, ...] | None = Field(
        default=None,
        description="key of the choices: a list of texts, lists of `text` and `label` as in ARC, "
        "texts by label, or one of these as JSON in a text; or a list of keys, one a choice",
    )
    fixed_choices: Annotated[tuple[str, ...], CAUSE_IF_SET] = Field(
        default=(), description="the choices themselves, where all items have the same"
    )
    gold: str | None = Field(
        default=None,
        description="key of the right choice: its label, an index, a letter from A, or its text",
    )
    first_gold: Annotated[Literal[0, 1], CAUSE_IF_SET] = Field(
        default=0, description="the index of the first choice, where `gold` is one"
    )
    item: str | None = Field(
        default=None, description="key of the item's id; else the row's number, from 1"
    )
    joined: Annotated[bool, CAUSE_IF_SET] = Field(
        default=False,
        description="whether files hold parts of the same items (questions, answers), which are "
        "put together by `item`",
    )
    group: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None,
        description="key of what items share that belong together (a text, a template): standard "
        "errors go by it; none: the passage, or each item by itself",
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
    examples: Annotated[Examples | None, CAUSE_IF_SET] = Field(
        default=None, description="worked examples that stand before an item; none: it stands alone"
    )
    domain: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None, description="the domain whose ability it measures"
    )
    ability: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None,
        description="what it measures, in a few words (`mathematical reasoning`), under which the "
        "report's profile has it; by default what its preset says",
    )

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        for path in self.paths:
            inside = self.package is not None
            if not path.lower().endswith(SUFFIXES) and (inside or not is_of_hub(path)):
                hub = "" if inside else ", or be a data set of the hub, OWNER/NAME"
                raise ValueError(f"{path}: must end in one of {', '.join(SUFFIXES)}{hub}")
            if inside and ("://" in path or PurePosixPath(path).is_absolute() or ".." in path):
                raise ValueError(f"{path}: of a package name the path that it has inside")
        if self.cleaning and self.prompt in CLEANS:
            raise ValueError(f"the prompt {self.prompt!r} cleans its text itself: drop 'cleaning'")
        lettered = self.format == "lettered_choices"
        sources = {
            "'choices'": bool(self.choices),
            "'fixed_choices'": bool(self.fixed_choices),
            "format lettered_choices": lettered,
        }
        told = [name for name, is_said in sources.items() if is_said]
        if len(told) > 1:
            raise ValueError(f"{' and '.join(told)} are sources of choices: say one")
        if self.gold and not told:
            raise ValueError("'gold' needs 'choices', 'fixed_choices' or format lettered_choices")
        if self.joined and not self.item:
            raise ValueError("'joined' puts parts of items together by 'item': say its key")
        given = {"choices": told, "gold": self.gold}
        given["answer"] = self.answer or self.gold
        if self.evaluate:
            for column in self.evaluate.NEEDS:
                if not given[column]:
                    raise ValueError(f"{self.evaluate.method} needs {HOW_GIVEN[column]}")
        return self


def benchmark_files(name: str, benchmark: Benchmark, folder: str | Path) -> list[SourceFile]:
    """The benchmark's files in the order of ``paths``; BenchmarkError where one is missing."""
    return item_files(name, benchmark.paths, folder, benchmark.package)


def example_files(name: str, benchmark: Benchmark, folder: str | Path) -> list[SourceFile]:
    """The files of its worked examples; none where they are its other items."""
    paths = benchmark.examples.paths if benchmark.examples else None
    return item_files(name, paths, folder, benchmark.package) if paths else []


def read_examples(name: str, benchmark: Benchmark, folder: str | Path) -> pl.DataFrame | None:
    """The worked examples in files of their own, as ``ITEMS``; none where they have no files.

    Raises as :func:`read_items` does.
    """
    files = example_files(name, benchmark, folder)
    return _items(name, benchmark, files) if files else None


def documents(
    benchmark: Benchmark, items: pl.DataFrame, examples: pl.DataFrame | None = None
) -> list[Document]:
    """A benchmark's items as its method asks them, after ``examples`` (none: its other items).

    Raises ValueError for an item that cannot be asked, and where the benchmark asks none.
    """
    if benchmark.evaluate is None:
        raise ValueError("no method is said by which checkpoints are asked")
    drawn_from = items if examples is None else examples
    shots = Shots(benchmark.examples, drawn_from) if benchmark.examples else None
    return benchmark.evaluate.documents(items, benchmark.cleaning, benchmark.prompt, shots)


def read_items(name: str, benchmark: Benchmark, folder: str | Path) -> pl.DataFrame:
    """All items of a benchmark, as ``ITEMS``, in the order of its files and rows.

    An answer that is not given is the right choice's text. Items without an id are called by their
    row's number from 1, with the file's name before it where there are several files.

    Raises:
        BenchmarkError: a file is missing or broken, a row lacks a key or holds something else than
            declared, an id occurs twice, or there are no items at all.
    """
    return _items(name, benchmark, benchmark_files(name, benchmark, folder))


def _items(name: str, benchmark: Benchmark, files: Sequence[SourceFile]) -> pl.DataFrame:
    items = []
    seen: dict[str, str] = {}
    rows = ((file, number, values) for file in files for number, values in _rows(name, file))
    for file, number, values in _joined(name, benchmark, rows) if benchmark.joined else rows:
        where = f"benchmark {name!r}, {file.name}, row {number}"
        row = Row(values, where)
        default = str(number) if len(files) == 1 else f"{file.name}:{number}"
        item = identity(row, benchmark.item) if benchmark.item else default
        if item in seen:
            raise BenchmarkError(f"{where}: the id {item!r} was used before ({seen[item]})")
        seen[item] = where
        items.append({"benchmark": name, "item": item, **read_item(row, benchmark)})
        passage = {PASSAGE: row.text(benchmark.passage)} if benchmark.passage else {}
        whole = {**values, **passage}
        items[-1][ROW] = _as_json(whole, where)
    if not items:
        raise BenchmarkError(
            f"benchmark {name!r}: no items in {', '.join(file.name for file in files)}"
        )
    return pl.DataFrame(items, schema=ITEMS)


def _as_json(row: dict[str, Any], where: str) -> str:
    """A row as JSON. Raises BenchmarkError for half of a surrogate pair, which no UTF-8 has."""

    def written(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, default=str)

    text = written(row)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start]
        key = next(key for key, value in row.items() if half in key + written(value))
        raise BenchmarkError(
            f"{where}: {key!r} holds \\u{ord(half):04x}, half of a pair that is one character: "
            "write it whole, or leave it out",
            key,
        ) from error
    return text


_FileRow = tuple[SourceFile, int, dict[str, Any]]


def _joined(name: str, benchmark: Benchmark, rows: Iterable[_FileRow]) -> Iterator[_FileRow]:
    """Each item's first row, with what rows of its id in other files add to it.

    Raises BenchmarkError for an id that is twice in a file, and for a row that says otherwise what
    another of its id has said.
    """
    whole: dict[str, _FileRow] = {}
    seen: set[tuple[int, str]] = set()
    for file, number, values in rows:
        where = f"benchmark {name!r}, {file.name}, row {number}"
        item = identity(Row(values, where), benchmark.item or "")
        if (id(file), item) in seen:
            raise BenchmarkError(f"{where}: the id {item!r} was used before", benchmark.item)
        seen.add((id(file), item))
        _, _, held = whole.setdefault(item, (file, number, values))
        if other := [key for key in values.keys() & held.keys() if values[key] != held[key]]:
            raise BenchmarkError(f"{where}: {other[0]!r} is otherwise in another file", other[0])
        held |= values
    yield from whole.values()


FIRST_ROWS = 100


def absent_keys(name: str, benchmark: Benchmark, folder: str | Path) -> dict[str, str]:
    """The fields whose key none of the first rows has, each with the reason.

    Raises BenchmarkError for a file that is missing or broken.
    """
    absent = [(field, key) for field in FIELDS for key in keys_of(getattr(benchmark, field))]
    seen: dict[str, None] = {}
    files = benchmark_files(name, benchmark, folder)
    rows = (values for file in files for _, values in _rows(name, file))
    for values in islice(rows, FIRST_ROWS):
        seen |= dict.fromkeys(values)
        absent = [(field, key) for field, key in absent if not found(values, key)]
    known = ", ".join(seen)
    return {
        field: f"benchmark {name!r}: no item has the key {key!r}; the keys are {known}"
        for field, key in absent
        if seen
    }


def keys_of(named: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The keys that a field names."""
    return (named,) if isinstance(named, str) else named or ()


def _rows(name: str, file: SourceFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with their numbers, from 1; blank lines are counted and passed over."""
    where = f"benchmark {name!r}, {file.name}"
    number = 0
    lower = file.name.lower()
    try:
        with open_stream(file) as stream:
            if not re.search(r"\.jsonl?(\.gz|\.zst)?$", lower):
                yield from enumerate(_table(lower, stream.read()).iter_rows(named=True), start=1)
                return
            parts: Iterable[bytes] = stream
            lines = lower.rpartition(".jsonl")[1] != ""
            if not lines:
                whole = stream.read()
                lines = _is_of_lines(whole)
                parts = whole.splitlines() if lines else [whole]
            for number, data in enumerate(parts, start=1):
                if not data.strip():
                    continue
                parsed = _parsed(data, f"{where}, row {number}")
                if lines:
                    yield number, _mapping(parsed, f"{where}, row {number}")
                elif isinstance(parsed, list):
                    for row, value in enumerate(parsed, start=1):
                        yield row, _mapping(value, f"{where}, row {row}")
                else:
                    raise BenchmarkError(f"{where}: a .json file must hold a list of objects")
    except BrokenStream as error:
        raise BenchmarkError(f"{where}, row {number}: {error}") from error
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise BenchmarkError(f"{where}: it cannot be read as its name says: {reason}") from error


def _parsed(data: bytes, where: str) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{where}: {error}") from error


def _is_of_lines(data: bytes) -> bool:
    """Whether a file is of lines of JSON although its name says JSON (BFCL's)."""
    first, _, rest = data.strip().partition(b"\n")
    return first.startswith(b"{") and first.rstrip().endswith(b"}") and rest.startswith(b"{")


def _table(name: str, data: bytes) -> pl.DataFrame:
    """The table of a Parquet file, or of one with a line of names; there all values are texts, and
    an empty one is null."""
    if not data.strip():
        return pl.DataFrame()
    if name.endswith(".parquet"):
        return pl.read_parquet(BytesIO(data))
    separator = "\t" if ".tsv" in name else ","
    return pl.read_csv(BytesIO(data), separator=separator, infer_schema=False)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BenchmarkError(f"{where}: a {type(value).__name__}, not an object")
    return value
