"""Benchmarks by lm-evaluation-harness, on items that are already here.

The harness scores, this module only hands things over: a model object instead of a hub name, the
items as an in-memory dataset instead of a download, and one task made here instead of an index of
ten thousand YAML files (which takes nine seconds). Nothing is fetched: the model and tokenizer are
read from their folder, and the harness is entered below the layer that asks the hub and the machine
about themselves. (A JSON file read by ``datasets`` would make a request to count downloads.)

What is asked and what is read from the answers is the method's matter (``method.py``), zero-shot.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from midtrain_dagster.evaluation import cleaning as cleanings
from midtrain_dagster.evaluation import prompts
from midtrain_dagster.evaluation.cleaning import Cleaning
from midtrain_dagster.evaluation.item_tokens import item_tokens
from midtrain_dagster.evaluation.method import Document, Method, Outcome
from midtrain_dagster.evaluation.prompts import PromptName
from midtrain_dagster.models.head import LOGITS, vocabulary_size
from midtrain_dagster.models.load import load_to_evaluate
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.specials import Bos, opening

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

VERSION = 3
USES = (cleanings, prompts, text_encoder)

SCORES = pl.Schema(
    {
        "benchmark": pl.String,
        "metric": pl.String,
        "value": pl.Float64,
        "stderr": pl.Float64,
        "items": pl.Int64,
        "chance": pl.Float64,
        "at_chance": pl.Boolean,
        "unit": pl.String,
        "headline": pl.Boolean,
    }
)
"""The fields of ``method.Score``. ``chance`` is what guessing reaches (null where one cannot
guess), and ``at_chance`` says that ``value`` does not differ from it (``method.at_chance``)."""

RUNS = pl.Schema(
    {
        "benchmark": pl.String,
        "method": pl.String,
        "prompt": pl.String,
        "harness": pl.String,
        "task": pl.String,
        "items": pl.Int64,
        "cut_questions": pl.Int64,
        "left_out": pl.Int64,
    }
)
"""What was run: the harness's version, its task as JSON, how many questions were cut on the left
to fit the model's length, and how many items were left out since an answer alone does not fit."""

BY_ITEM = pl.Schema(
    {
        "benchmark": pl.String,
        "item": pl.String,
        "metric": pl.String,
        "sum": pl.Float64,
        "count": pl.Int64,
    }
)
"""What each item that was scored contributes to each metric (``method.ItemValues``): of them the
score of any part of the items can be computed (``clean_part``)."""

LARGEST_BATCH = 64


def evaluate(
    model: Path,
    items: pl.DataFrame,
    *,
    method: Method,
    cleaning: Cleaning | None = None,
    prompt: PromptName = "bare",
    max_length: int | None = None,
    bos: Bos = "as_tokenizer",
) -> dict[str, pl.DataFrame]:
    """Score a Hugging Face folder on the items of one benchmark, their text cleaned first and
    put by a prompt.

    ``max_length`` is the window in tokens, by default the model's own: checkpoints of different
    lengths are compared in the shortest, or they would be asked different items. ``bos`` says what
    stands before a question (``tokens/specials.py``); where there is no question, the harness puts
    BOS or EOS before the answer, which nothing else would precede.

    Returns ``scores`` (``SCORES``), a row for each metric; ``runs`` (``RUNS``), one row; and
    ``by_item`` (``BY_ITEM``). Where no item's answer fits the model there is no score, and the run
    says how many items were left out.

    Raises:
        ValueError: no items, or an item without what the method needs; the message names the
            benchmark.
    """
    if items.is_empty():
        raise ValueError("there are no benchmark items to evaluate on")
    benchmark = str(items["benchmark"][0])
    documents = method.documents(items, cleaning, prompt)
    lm = _harness_model(model, max_length, bos)
    fit = _fit(lm, method, documents)
    task = _task(benchmark, method)
    outcome = _run_harness(lm, task, fit, method.METRICS) if fit.documents else None
    found = method.scores(outcome) if outcome else ()
    names = items["item"].gather(fit.rows)
    by_item = [
        pl.DataFrame({"item": names, "sum": each.sums, "count": each.counts})
        .select(
            pl.lit(benchmark).alias("benchmark"),
            "item",
            pl.lit(each.metric).alias("metric"),
            "sum",
            "count",
        )
        .cast(BY_ITEM)
        for each in (method.item_values(outcome) if outcome else ())
    ]
    shared = {"benchmark": benchmark, "items": len(fit.documents)}
    run = shared | {
        "method": method.method,
        "prompt": prompt,
        "harness": version("lm-eval"),
        "task": json.dumps(task, sort_keys=True),
        "cut_questions": fit.cut_questions,
        "left_out": len(documents) - len(fit.documents),
    }
    scores = [shared | score._asdict() for score in found]
    return {
        "scores": pl.DataFrame(scores, schema=SCORES),
        "runs": pl.DataFrame([run], schema=RUNS),
        "by_item": pl.concat([BY_ITEM.to_frame(), *by_item]),
    }


@dataclass(frozen=True)
class _Fit:
    """The documents that the model can score, and the ``rows`` of their items; ``answer_tokens`` of
    each one's longest answer."""

    documents: list[Document]
    rows: list[int]
    answer_tokens: np.ndarray
    cut_questions: int
    longest: int


def _fit(lm: "HFLM", method: Method, documents: list[Document]) -> _Fit:
    """Leave out what is longer than the model, and count what the harness will cut."""
    kept, rows, tokens, cut, longest = [], [], [], 0, 1
    for row, document in enumerate(documents):
        whole, answer = item_tokens(document, method, lambda text: len(lm.tok_encode(text)))
        if answer > lm.max_length:
            continue
        kept.append(document)
        rows.append(row)
        tokens.append(answer)
        cut += whole > lm.max_length + 1
        longest = max(longest, min(whole, lm.max_length))
    return _Fit(kept, rows, np.array(tokens, np.int64), cut, longest)


def _task(benchmark: str, method: Method) -> dict[str, Any]:
    """The harness's task: the columns of the documents by their names, and how to score them."""
    metrics = [
        {"metric": metric, "aggregation": "mean", "higher_is_better": True}
        for metric in method.METRICS
    ]
    return {
        "task": benchmark,
        "test_split": "test",
        "num_fewshot": 0,
        "doc_to_text": "question",
        "metric_list": metrics,
        **method.TASK,
    }


def _harness_model(folder: Path, max_length: int | None, bos: Bos) -> "HFLM":
    from lm_eval.models.huggingface import HFLM

    model = load_to_evaluate(folder)
    tokenizer = load_tokenizer(folder)
    encoder = text_encoder.text_encoder(tokenizer)
    before = opening(tokenizer, encoder, bos)

    class TextModel(HFLM):
        """The harness's model, which reads items as text: none spells a control token, and none
        has an end of text behind it."""

        def tok_encode(
            self,
            string: str,
            add_special_tokens: bool | None = None,
            left_truncate_len: int | None = None,
            **_: Any,
        ) -> list[int]:
            ids = encoder.encode(string, add_special_tokens=False).ids
            if add_special_tokens is not False:
                ids = [*before, *ids]
            return ids[-left_truncate_len:] if left_truncate_len else ids

    with _quiet():
        # The stored weights may be bf16 on a GPU; likelihoods are summed in float32 anyhow.
        return TextModel(
            pretrained=model,
            tokenizer=tokenizer,
            backend="causal",
            softmax_dtype="float32",
            max_length=max_length,
        )


def _run_harness(lm: "HFLM", task: dict[str, Any], fit: _Fit, metrics: Sequence[str]) -> Outcome:
    """What the harness finds with one task."""
    from datasets import Dataset, DatasetDict
    from lm_eval.evaluator import evaluate as run
    from lm_eval.tasks import TaskManager

    data = DatasetDict({"test": Dataset.from_list(fit.documents)})
    logits = fit.longest * vocabulary_size(lm.model)
    lm.batch_size_per_gpu = min(max(1, 4 * LOGITS // logits), LARGEST_BATCH)
    with _quiet():
        loaded = TaskManager(include_defaults=False).load(
            [task | {"custom_dataset": lambda **_: data}]
        )
        found = run(lm=lm, task_dict=loaded, log_samples=True)
    if found is None:
        raise RuntimeError("lm-evaluation-harness returned no results: it is not on rank 0")
    samples = sorted(found["samples"][task["task"]], key=lambda sample: sample["doc_id"])
    return Outcome(
        documents=fit.documents,
        results=found["results"][task["task"]],
        responses=[sample["filtered_resps"] for sample in samples],
        answer_tokens=fit.answer_tokens,
        values={
            metric: np.array([sample[metric] for sample in samples], np.float64)
            for metric in metrics
        },
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no advice from the harness; exceptions and results pass as they are."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logger.setLevel(level)
