"""Patches that a model writes, tried by SWE-bench's own runner where that is installed.

Jimenez et al., *SWE-bench: Can Language Models Resolve Real-World GitHub Issues?* (arXiv
2310.06770). Each item's tests need a container of its repository, which nothing here makes. So
predictions are written in the benchmark's format (``instance_id``, ``model_name_or_path``,
``model_patch``), beside the items' own rows; ``python -m swebench.harness.run_evaluation`` runs
their tests by Docker; and its report is read back. An item is resolved where the report says so.
One that the runner could not try, or whose failure it lays on the machine (``infra_failure_ids``,
since its version 5), is counted apart (``not_tried``): it has failed, and it may be the machine's
doing.

What is written is a patch in a block of ``<patch>``, ``<diff>`` or backticks, as the benchmark
reads it, or all of it. Data sets with the repository's files in their prompt
(``SWE-bench_oracle``) have that under ``text``.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from subprocess import SubprocessError, run
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal

from pydantic import Field

from midtrain_dagster.core.machine import usable_cores
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import (
    BITS,
    Ask,
    Document,
    ItemValues,
    Method,
    Outcome,
    Task,
    mean_of,
)
from midtrain_dagster.evaluation.methods import answer_likelihood
from midtrain_dagster.evaluation.methods.answer_likelihood import answer_bits, answer_document

VERSION = 2
USES = (answer_likelihood,)

RUNNER = "swebench.harness.run_evaluation"
NAME = "midtrain"
"""Of the model, in predictions, and of the run: no path or host stands in a report."""

_TAGGED = re.compile(r"<(patch|diff)>(.*?)(?:</\1>|\Z)", re.DOTALL)
"""A tag that nothing closes counts: what closes it is what ends the text (``until``)."""
_FENCED = re.compile(r"```(patch|diff)\n(.*?)(?:```|\Z)", re.DOTALL)
_ANY = re.compile(r"```(\w*)\n(.*?)(?:```|\Z)", re.DOTALL)


class RunnerError(RuntimeError):
    """The runner did not say what became of the patches; the message says how it ended."""


class Patches(Method):
    """Patches that the model writes are tried by SWE-bench's own runner."""

    NEEDS = ("answer",)
    UNITS: ClassVar = {
        "bits_per_byte": BITS,
        "no_patch": "share of texts without a patch",
        "not_tried": "share of patches that the runner could not try",
    }
    HEADLINE = "resolved"

    method: Literal["patches"]
    until: tuple[str, ...] = ("</patch>", "</diff>")
    """Texts that end what is written."""
    most_tokens: int = Field(default=2048, gt=0, description="after which what is written is cut")
    chat: bool = False
    """Whether the prompt is put by the model's chat template."""
    seconds: int = Field(default=1800, gt=0, description="that an item's tests may take")

    def unavailable(self, documents: Sequence[Document] = ()) -> str | None:
        """Why the runner cannot be called here; none: it can."""
        if find_spec(RUNNER.partition(".")[0]) is None:
            return "SWE-bench's runner is not installed: pip install swebench"
        try:
            asked = run(["docker", "info"], capture_output=True, check=False, timeout=60)
        except (OSError, SubprocessError) as error:
            return f"SWE-bench's runner needs Docker, which does not answer: {error}"
        return (
            None if asked.returncode == 0 else "SWE-bench's runner needs Docker's daemon: start it"
        )

    def document(self, item: Item) -> Document:
        """Prompt, patch and row. Raises ValueError for an item without an id."""
        if not item.row.get("instance_id"):
            raise ValueError("patches need the key 'instance_id'")
        row = dict(item.row)
        return answer_document(item, self.method) | {"prompt": item.question, "row": row}

    def asks(self, document: Document) -> list[Ask]:
        """The right patch."""
        return [Ask(document["question"], document["answer"])]

    def task(self, document: Document) -> Task:
        """The prompt as it stands."""
        return Task(document["prompt"], self.until, self.most_tokens, chat=self.chat)

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Resolved or not, no patch at all, what was not tried, and bits by bytes of the right
        patch. Raises RunnerError."""
        rows = [document["row"] for document in outcome.documents]
        patches = [patch_of(each[0].text) for each in outcome.written]
        report = outcome.once("patches", lambda: self._tried(rows, patches))
        names = [row["instance_id"] for row in rows]
        yield mean_of("resolved", [name in report["resolved_ids"] for name in names])
        yield mean_of("no_patch", [not patch for patch in patches])
        untried = {*report["error_ids"], *report.get("infra_failure_ids", ())}
        yield mean_of("not_tried", [name in untried for name in names])
        yield answer_bits(outcome)

    def _tried(self, rows: Sequence[Mapping[str, Any]], patches: Sequence[str]) -> dict[str, Any]:
        with TemporaryDirectory() as place:
            folder = Path(place)
            _write(folder / "instances.jsonl", rows)
            _write(folder / "predictions.jsonl", predictions(rows, patches))
            command = [
                *(sys.executable, "-m", RUNNER, "--dataset_name", "instances.jsonl"),
                *("--predictions_path", "predictions.jsonl", "--run_id", NAME),
                *("--max_workers", str(usable_cores()), "--timeout", str(self.seconds)),
            ]
            made = run(command, cwd=folder, capture_output=True, text=True, check=False)
            report = folder / f"{NAME}.{NAME}.json"
            if made.returncode or not report.is_file():
                said = (made.stderr or made.stdout).strip().splitlines()
                last = said[-1] if said else "it said nothing"
                raise RunnerError(f"{RUNNER} ended with {made.returncode} and no report: {last}")
            return read_report(report.read_text("utf-8"), [row["instance_id"] for row in rows])


def predictions(rows: Sequence[Mapping[str, Any]], patches: Sequence[str]) -> list[dict[str, str]]:
    """The patches in SWE-bench's format."""
    return [
        {
            "instance_id": row["instance_id"],
            "model_name_or_path": NAME,
            "model_patch": patch,
        }
        for row, patch in zip(rows, patches, strict=True)
    ]


def read_report(text: str, asked: Sequence[str]) -> dict[str, Any]:
    """The runner's report. Raises RunnerError for one that does not speak of all items asked."""
    kinds = ("resolved_ids", "unresolved_ids", "error_ids", "empty_patch_ids")
    try:
        report = json.loads(text)
        told = {item for kind in kinds for item in report[kind]}
    except (ValueError, KeyError, TypeError) as error:
        raise RunnerError(f"the report of {RUNNER} is none: {error!r}") from error
    if silent := sorted(set(asked) - told):
        raise RunnerError(
            f"the report of {RUNNER} says nothing of {len(silent)} items ({silent[0]}, ..)"
        )
    return dict(report)


def patch_of(text: str) -> str:
    """The patch in what was written; empty where there is nothing that could be one."""
    for pattern in (_TAGGED, _FENCED, _ANY):
        if found := pattern.search(text):
            text = found[2]
            if not text.lstrip().startswith("```"):
                break
    return text.strip("\n") + "\n" if text.strip() else ""


def _write(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
