"""Benchmarks by lm-evaluation-harness's model, on items that are already here.

The harness asks the model, this module only hands things over: a model object instead of a hub
name, and the texts of a method (``method.py``) instead of one of ten thousand YAML files. Nothing
is fetched: model and tokenizer are read from their folder, and the harness is entered below the
layer that asks the hub and the machine about themselves. Tests hold prompts, likelihoods and scores
against the harness's own tasks.

What the harness does is tokens: how a question and its continuation are cut into them. They are
read by ``likelihoods.py``, which reads once what is the same. What is to be written is written by
``writing.py``, since the harness cuts a prompt that is too long for its answer, and does not say
which answers never ended. A model that cannot be read so is left to the harness.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.evaluation import answers, prompts, writing
from midtrain_dagster.evaluation import cleaning as cleanings
from midtrain_dagster.evaluation import examples as worked
from midtrain_dagster.evaluation import text_model as text_models
from midtrain_dagster.evaluation.cleaning import Cleaning
from midtrain_dagster.evaluation.examples import Examples, Shots
from midtrain_dagster.evaluation.item_groups import item_groups
from midtrain_dagster.evaluation.item_tokens import ask_tokens, item_tokens
from midtrain_dagster.evaluation.judges import judges
from midtrain_dagster.evaluation.method import Document, Method, Outcome, Task
from midtrain_dagster.evaluation.prompts import PromptName
from midtrain_dagster.evaluation.text_model import TextModel, quiet, text_model
from midtrain_dagster.models.head import LOGITS, vocabulary_size
from midtrain_dagster.tokens.chat_tokens import ChatEncoder
from midtrain_dagster.tokens.specials import Bos

VERSION = 5
USES = (answers, cleanings, prompts, text_models, worked, writing)

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
        "never_ended": pl.Int64,
    }
)
"""What was run: the harness's version, the method as JSON, how many questions were cut on the left
to fit the model's length, how many items were left out since what cannot be cut does not fit (an
answer, a prompt with what is written after it), and how many answers were cut at their limit."""

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
"""Texts that the harness reads together, where it reads."""

WRITTEN_TOGETHER = 16


def evaluate(
    model: Path,
    items: pl.DataFrame,
    *,
    method: Method,
    cleaning: Cleaning | None = None,
    prompt: PromptName = "bare",
    max_length: int | None = None,
    bos: Bos = "as_tokenizer",
    shots: Mapping[str, Any] | None = None,
    examples: pl.DataFrame | None = None,
    group: str | None = None,
    judge: Path | None = None,
) -> dict[str, pl.DataFrame]:
    """Score a Hugging Face folder on the items of one benchmark, their text cleaned first and
    put by a prompt.

    ``max_length`` is the window in tokens, by default the model's own: checkpoints of different
    lengths are compared in the shortest, or they would be asked different items. ``bos`` says what
    stands before a question (``tokens/specials.py``); where there is no question, the harness puts
    BOS or EOS before the answer, which nothing else would precede. ``shots`` (the fields of
    ``examples.Examples``) says how many of the ``examples`` (default: of the other items) stand
    before an item. ``group`` is the key of rows by which items belong together (``item_groups``).
    ``judge`` is the folder of the model that rates what was written, where the method has one that
    lies on this machine.

    Returns ``scores`` (``SCORES``), a row for each metric; ``runs`` (``RUNS``), one row;
    ``by_item`` (``BY_ITEM``); and ``answers``, a few to be read (``answers.ANSWERS``). Where no
    item's answer fits the model there is no score, and the run says how many items were left out.

    Raises:
        ValueError: no items, or an item without what the method needs; the message names the
            benchmark.
    """
    if items.is_empty():
        raise ValueError("there are no benchmark items to evaluate on")
    benchmark = str(items["benchmark"][0])
    drawn_from = items if examples is None else examples
    drawn = Shots(Examples.model_validate(shots), drawn_from) if shots else None
    documents = method.documents(items, cleaning, prompt, drawn)
    lm = text_model(model, max_length, bos)
    fit = fit_documents(lm, method, documents)
    outcome = asked(lm, method, fit) if fit.documents else None
    if outcome and group is not None:
        groups = item_groups(items, group)["group"].gather(fit.rows)
        outcome = replace(outcome, groups=groups.to_numpy())
    if outcome and method.judged_by:
        outcome = replace(outcome, judge=judges(method.judged_by, judge))
    found = method.scores(outcome) if outcome else ()
    names = items["item"].gather(fit.rows)
    values = list(method.item_values(outcome)) if outcome else []
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
        for each in values
    ]
    shared = {"benchmark": benchmark, "items": len(fit.documents)}
    run = shared | {
        "method": method.method,
        "prompt": prompt,
        "harness": version("lm-eval"),
        "task": json.dumps(canonical(method), sort_keys=True),
        "cut_questions": fit.cut_questions,
        "left_out": len(documents) - len(fit.documents),
        "never_ended": sum(one.is_cut for each in outcome.written for one in each)
        if outcome
        else 0,
    }
    scores = [shared | score._asdict() for score in found]
    return {
        "scores": pl.DataFrame(scores, schema=SCORES),
        "runs": pl.DataFrame([run], schema=RUNS),
        "by_item": pl.concat([BY_ITEM.to_frame(), *by_item]),
        "answers": answers.answers(benchmark, method, outcome, names.to_list(), values)
        if outcome
        else answers.ANSWERS.to_frame(),
    }


@dataclass(frozen=True)
class Fit:
    """The documents that the model can score, and the ``rows`` of their items."""

    documents: list[Document]
    rows: list[int]
    cut_questions: int
    longest: int


def fit_documents(lm: TextModel, method: Method, documents: list[Document]) -> Fit:
    """Leave out what is longer than the model, and count what the harness will cut."""
    kept, rows, cut, longest = [], [], 0, 1
    tasks = [method.task(document) for document in documents]
    _check(lm.tokenizer, [task for task in tasks if task])
    for row, (document, task) in enumerate(zip(documents, tasks, strict=True)):
        whole, answer = item_tokens(document, method, lambda text: len(lm.tok_encode(text)))
        if task and task.chat:
            answer = max(answer, len(_encoded(lm, task)) + task.most_tokens)
        if answer > lm.max_length:
            continue
        kept.append(document)
        rows.append(row)
        cut += whole > lm.max_length + 1
        longest = max(longest, min(whole, lm.max_length))
    return Fit(kept, rows, cut, longest)


def asked(lm: TextModel, method: Method, fit: Fit) -> Outcome:
    """What the model answers to the documents that fit."""
    from lm_eval.api.instance import Instance

    logits = fit.longest * vocabulary_size(lm.model)
    lm.batch_size_per_gpu = min(max(1, 4 * LOGITS // logits), LARGEST_BATCH)
    asks = [method.asks(document) for document in fit.documents]
    flat = [ask for each in asks for ask in each]
    requests = [
        Instance("loglikelihood", {}, tuple(ask), number) for number, ask in enumerate(flat)
    ]
    tasks = [task for each in fit.documents if (task := method.task(each)) is not None]
    with quiet():
        nats = iter(lm.loglikelihood(requests, disable_tqdm=True) if requests else ())
        written = writing.write(
            lm.model,
            lm.tokenizer,
            [_encoded(lm, task) for task in tasks],
            tasks,
            batch_size=WRITTEN_TOGETHER,
            prefixes=lm.prefixes,
        )
    if lm.prefixes is not None:
        lm.prefixes.forget()

    def count(text: str) -> int:
        return len(lm.tok_encode(text))

    return Outcome(
        documents=fit.documents,
        responses=[list(islice(nats, len(each))) for each in asks],
        tokens=[[ask_tokens(ask, count).answer for ask in each] for each in asks],
        written=written,
    )


def _check(tokenizer: Any, tasks: Sequence[Task]) -> None:
    """Raise ValueError where the tokenizer has no chat template and one is asked for, or lacks a
    control token that a prompt means."""
    if any(task.chat for task in tasks) and not tokenizer.chat_template:
        raise ValueError("the tokenizer has no chat template, and `chat` asks for one: drop it")
    controls = dict.fromkeys(name for task in tasks for name in task.controls)
    known = tokenizer.get_vocab() if controls else {}
    if lacking := [name for name in controls if name not in known]:
        raise ValueError(
            f"the tokenizer has no token {', '.join(lacking)}: say the `sentinels` that it has"
        )


def _encoded(lm: TextModel, task: Task) -> list[int]:
    """The tokens of what is to be continued."""
    if not task.chat:
        return list(lm.tok_encode(task.prompt))
    if task.conversation:
        return ChatEncoder(lm.tokenizer).prompt(json.loads(task.prompt))
    messages = [{"role": "user", "content": task.prompt}]
    return ChatEncoder(lm.tokenizer).prompt({"messages": messages})
