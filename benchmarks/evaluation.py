"""Benchmarks asked here and by lm-evaluation-harness: the same items of one model, side by side.

    python -m benchmarks.evaluation [--items 20] [--most-tokens 128] [--batch 16] [--threads 1]

Five tasks (``evaluation_tasks.measured``) are asked of one model by both, task by task in turns;
each side loads it once. The harness is its own ``HFLM`` in float32 with a fixed batch and runs its
own task files. Its ``auto`` looks for the largest batch that fits into memory, which on a CPU is
slower than none: texts of unlike lengths are padded. So likelihoods are asked of it in batches of
``--batch`` and of one, and the quicker counts; texts are written in the larger. Compared are
prompts, log-likelihoods, texts and scores. Figures are seconds of the processor, which say more
than those of the clock on a machine that others use; the clock's are in the last line, which is
JSON. Loading is in neither. ``--others`` asks the other tasks that both have, of made-up rows.

In tasks in which something is written this project also weighs the right answer (bits per byte),
which the harness does not: that is in its seconds.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.evaluation_tasks import DATA, Task, measured, others
from benchmarks.side_by_side import machine
from midtrain_dagster.evaluation import harness
from midtrain_dagster.evaluation.method import Method, Outcome, Written
from midtrain_dagster.evaluation.text_model import TextModel, text_model
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

MODEL = DATA / "smollm2-135m-instruct"

TOLERANCE = 1e-4
"""Of a log-likelihood, over its size or one nat, whichever is more."""


@dataclass(frozen=True)
class Answers:
    """What one side makes of a task, in the order of items."""

    asked: list[tuple[str, ...]]
    """Each question with a continuation, or a prompt alone."""
    nats: list[float]
    texts: list[str]
    score: float | None
    processor: float
    clock: float


class Compared(NamedTuple):
    """A task, as both sides answer it."""

    task: str
    items: int
    same_prompts: bool
    largest: float | None
    """Difference of a log-likelihood over its size, where some are asked."""
    same_texts: int | None
    scores: tuple[float | None, float | None]
    """Ours, theirs."""
    processor: tuple[float, float]
    clock: tuple[float, float]

    @property
    def is_equal(self) -> bool:
        """Whether prompts, likelihoods, texts and score are."""
        ours, theirs = self.scores
        return (
            self.same_prompts
            and (self.largest is None or self.largest <= TOLERANCE)
            and self.same_texts in (None, self.items)
            and (ours is None or theirs is None or abs(ours - theirs) < 1e-6)
        )


def plain_harness(folder: Path, batch: int = 1) -> "HFLM":
    """The harness's own model."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(
        pretrained=str(folder),
        # Of some folders transformers would make another tokenizer than the file says.
        tokenizer=load_tokenizer(folder),
        dtype="float32",
        batch_size=batch,
        device="cpu",
    )


def theirs(plain: "HFLM", task: Task, items: int) -> Answers:
    """The harness's own task on the rows."""
    import lm_eval
    from datasets import Dataset, DatasetDict
    from lm_eval.evaluator import evaluate
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml

    rows, examples = ([task.theirs(row) for row in each] for each in task.given(items))
    file = Path(lm_eval.__file__).parent / "tasks" / task.file
    config = load_yaml(file, resolve_func="filter_list" not in task.changes)
    for name in ("dataset_path", "dataset_name", "group", "tag", "repeats"):
        config.pop(name, None)
    given, shown = Dataset.from_list(rows), Dataset.from_list(examples or rows)
    splits = ("train", "dev", "val", "validation", "test")
    data = DatasetDict(dict.fromkeys(splits, given) | {"examples": shown})
    config |= {"num_fewshot": task.shots, "custom_dataset": lambda **_: data, **task.changes}
    config |= {"fewshot_split": "examples", "fewshot_config": {"sampler": "first_n"}}
    config = {name: value for name, value in config.items() if value is not None}
    loaded = TaskManager(include_defaults=False).load([config])
    start = time.process_time(), time.perf_counter()
    made = evaluate(lm=plain, task_dict=loaded, log_samples=True, bootstrap_iters=0)
    taken = time.process_time() - start[0], time.perf_counter() - start[1]
    if made is None:
        raise ValueError(f"{task.name}: the harness has no results")
    (name,) = made["samples"]
    samples = sorted(made["samples"][name], key=lambda each: each["doc_id"])
    first = "strict-match" if task.method.get("extract") else samples[0]["filter"]
    samples = [each for each in samples if each["filter"] == first]
    is_written = config["output_type"] == "generate_until"
    asked = [pair for each in samples for pair in _pairs(each["arguments"], alone=is_written)]
    responses = [each[0] for sample in samples for each in sample["resps"]]
    results = made["results"][name]
    metric = next(
        (each for each in (f"acc,{first}", f"exact_match,{first}") if each in results), ""
    )
    return Answers(
        asked,
        [] if is_written else [float(each[0]) for each in responses],
        responses if is_written else [],
        results.get(metric) if config["output_type"] != "loglikelihood" else None,
        *taken,
    )


def _pairs(arguments: Any, *, alone: bool) -> list[tuple[str, ...]]:
    """Questions with continuations, or ``alone`` what is written on, without how."""
    told = arguments.values() if isinstance(arguments, dict) else arguments
    pairs = [tuple(each.values()) if isinstance(each, dict) else tuple(each) for each in told]
    return [each[: 1 if alone else None] for each in pairs]


def _quickest(plain: "HFLM", task: Task, items: int, batches: Sequence[int]) -> Answers:
    found: list[Answers] = []
    for batch in sorted(batches, reverse=True):
        plain.batch_size_per_gpu = batch
        found.append(theirs(plain, task, items))
        if found[0].texts:
            break
    return min(found, key=lambda each: each.processor)


def ours(lm: "TextModel", task: Task, items: int) -> tuple[Answers, Method, Outcome]:
    """The same by this project."""
    with TemporaryDirectory() as folder:
        start = time.process_time(), time.perf_counter()
        method, _, documents = task.documents(items, Path(folder))
        fit = harness.fit_documents(lm, method, documents)
        outcome = harness.asked(lm, method, fit)
        taken = time.process_time() - start[0], time.perf_counter() - start[1]
    if fit.cut_questions or len(fit.documents) != len(documents):
        raise ValueError(f"{task.name}: an item is longer than the model's window")
    texts = [each[0].text for each in outcome.written]
    tasks = [method.task(each) for each in documents]
    asks = [ask for each in documents for ask in method.asks(each)]
    prompts: list[tuple[str, ...]] = (
        [(each.prompt,) for each in tasks if each] if texts else [tuple(each) for each in asks]
    )
    nats = [] if texts else [nats for each in outcome.responses for nats, _ in each]
    score = _score(method, outcome)
    return Answers(prompts, nats, texts, score, *taken), method, outcome


def _score(method: Method, outcome: Outcome) -> float | None:
    """The score that the harness has too."""
    named = {score.metric: score.value for score in method.scores(outcome)}
    return next((named[each] for each in ("acc", "right", "pass_at_1") if each in named), None)


def compared(
    plain: "HFLM", lm: "TextModel", task: Task, items: int, batches: Sequence[int] = (1,)
) -> Compared:
    """One task, asked by both; of the harness's ``batches`` the quickest counts. What is written is
    written in the largest."""
    reference = _quickest(plain, task, items, batches)
    made, method, outcome = ours(lm, task, items)
    score = reference.score
    if reference.texts and score is None:
        # The harness runs programs without a sandbox; here its texts are scored as ours are.
        texts = [[Written(text, is_cut=False)] for text in reference.texts]
        score = _score(method, replace(outcome, written=texts))
    pairs = list(zip(made.nats, reference.nats, strict=True))
    same = sum(one == other for one, other in zip(made.texts, reference.texts, strict=True))
    return Compared(
        task.name,
        items,
        made.asked == reference.asked,
        max((abs(one - other) / max(1, abs(other)) for one, other in pairs), default=None),
        same if reference.texts else None,
        (made.score if score is not None else None, score),
        (made.processor, reference.processor),
        (made.clock, reference.clock),
    )


def table(found: Sequence[Compared]) -> str:
    """What was found, as Markdown."""
    columns = ("task", "items", "prompts", "largest difference of a likelihood", "texts")
    head = (*columns, "score here, there", "s here, there")
    lines = [f"| {' | '.join(head)} |", "|---|---:|---|---:|---:|---:|---:|"]
    for each in found:
        largest = "" if each.largest is None else f"{each.largest:.0e}"
        texts = "" if each.same_texts is None else f"{each.same_texts} of {each.items} the same"
        scores = ", ".join("" if score is None else f"{score:.3f}" for score in each.scores)
        seconds = ", ".join(f"{each:.1f}" for each in each.processor)
        same = "the same" if each.same_prompts else "DIFFER"
        row = (each.task, each.items, same, largest, texts, scores.strip(", "), seconds)
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def result(found: Sequence[Compared], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of all tasks together."""
    here, there = (sum(each.processor[side] for each in found) for side in (0, 1))
    by_clock = [sum(each.clock[side] for each in found) for side in (0, 1)]
    return {
        "ratio": round(there / here, 2),
        "ratio_by_clock": round(by_clock[1] / by_clock[0], 2),
        "ratios": {each.task: round(each.processor[1] / each.processor[0], 2) for each in found},
        "processor_seconds": {"here": round(here, 1), "there": round(there, 1)},
        "equal": [each.task for each in found if each.is_equal],
        "differ": [each.task for each in found if not each.is_equal],
        **settings,
        "machine": machine(),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20, help="of each task")
    parser.add_argument("--most-tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=harness.WRITTEN_TOGETHER, help="the harness's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--others", action="store_true")
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(options.threads)
    lm, plain = text_model(MODEL), plain_harness(MODEL)
    found = []
    for task in others() if options.others else measured(options.most_tokens):
        found.append(compared(plain, lm, task, options.items, sorted({1, options.batch})))
        print(table(found[-1:]).splitlines()[-1], flush=True)
    print(f"\n{table(found)}\n")
    print(json.dumps(result(found, vars(options) | {"model": MODEL.name})))


if __name__ == "__main__":
    main()
