"""What a checkpoint finds in long contexts: by likelihood, and by what it writes.

*Rank accuracy* is the share of questions whose right answer is likelier than each wrong one, the
log-likelihoods being sums over the answer's tokens; with n right answers it is the share of them
among the n likeliest. A guess reaches n of all answers, which is the chance level.

*Exact match* is RULER's (arXiv 2404.06654; ``string_match_all``): the share of the references that
stand in what the model writes, case aside. Of QA one reference is enough (``string_match_part``,
the maximum over references); lm-evaluation-harness 0.4.13 takes the mean there, so that an answer
that is one of three names scores a third, and its figures are lower than these.

Standard errors are over items, whose questions hang together.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.evaluation.method import at_chance
from midtrain_dagster.long_context import answers as answered
from midtrain_dagster.long_context import items as made
from midtrain_dagster.long_context.answers import Answered, answers
from midtrain_dagster.long_context.items import Item

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

VERSION = 1
USES = (answered, made)

BY_ITEM = pl.Schema(
    {
        "task": pl.String,
        "length": pl.Int64,
        "depth": pl.Float64,
        "item": pl.Int64,
        "tokens": pl.Int64,
        "rank": pl.Float64,
        "chance": pl.Float64,
        "exact_match": pl.Float64,
        "written": pl.String,
    }
)
"""A row an item: ``tokens`` of its context, ``rank`` the share of its right answers that are among
the likeliest, ``chance`` what a guess reaches. ``depth`` is null where a task has none."""

FOUND = pl.Schema(
    {
        "task": pl.String,
        "length": pl.Int64,
        "depth": pl.Float64,
        "items": pl.Int64,
        "rank_accuracy": pl.Float64,
        "stderr": pl.Float64,
        "chance": pl.Float64,
        "at_chance": pl.Boolean,
        "exact_match": pl.Float64,
        "exact_match_stderr": pl.Float64,
    }
)
"""A row a task, length and depth. Errors are null of one item; ``at_chance`` as for benchmarks."""


def score(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", items: Sequence[Item]
) -> pl.DataFrame:
    """The table of a model's scores (:data:`FOUND`), a row a task, length and depth."""
    return by_cell(by_item(model, tokenizer, items))


def by_item(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", items: Sequence[Item]
) -> pl.DataFrame:
    """What a model makes of each item (:data:`BY_ITEM`). The model is in eval mode."""
    end = tokenizer.eos_token_id
    ends = [] if end is None else [int(end)]
    rows = []
    for item, found in zip(items, answers(model, items, ends=ends), strict=True):
        written = str(tokenizer.decode(found.written, skip_special_tokens=True))
        rows.append(
            (
                *(item.task, item.length, item.depth, item.number, len(item.context)),
                rank(item, found),
                float(np.mean([each.right / len(each.answers) for each in item.ranked])),
                matched(written, item.references, any_reference=item.any_reference),
                written,
            )
        )
    return pl.DataFrame(rows, schema=BY_ITEM, orient="row")


def rank(item: Item, found: Answered) -> float:
    """The share of an item's right answers that are among the likeliest, over its questions.

    A right answer counts where fewer wrong ones than there are right ones are as likely as it or
    likelier, so that a model to which all are alike finds none.
    """
    shares = []
    for question, likelihoods in zip(item.ranked, found.likelihoods, strict=True):
        right, wrong = likelihoods[: question.right], likelihoods[question.right :]
        order = np.concatenate([wrong, right])
        # Stable, wrong ones first: a tie is lost.
        likeliest = np.argsort(-order, kind="stable")[: question.right]
        shares.append(float(np.mean(likeliest >= len(wrong))))
    return float(np.mean(shares))


def matched(written: str, references: Sequence[str], *, any_reference: bool) -> float:
    """The share of references in what was written, or of QA whether any is in it."""
    found = [reference.lower() in written.lower() for reference in references]
    return float(any(found)) if any_reference else float(np.mean(found))


def by_cell(items: pl.DataFrame, keys: Sequence[str] = ("task", "length", "depth")) -> pl.DataFrame:
    """The scores (:data:`FOUND`) of a table ``BY_ITEM``, by the columns of ``keys``."""
    rows = []
    for names, cell in items.group_by(keys, maintain_order=True):
        named = dict(zip(keys, names, strict=True))
        accuracy, chance = float(cell["rank"].mean()), float(cell["chance"].mean())  # type: ignore[arg-type]
        error = _stderr(cell["rank"])
        rows.append(
            {
                **named,
                "items": cell.height,
                "rank_accuracy": accuracy,
                "stderr": error,
                "chance": chance,
                "at_chance": at_chance(accuracy, error, chance=chance, items=cell.height),
                "exact_match": cell["exact_match"].mean(),
                "exact_match_stderr": _stderr(cell["exact_match"]),
            }
        )
    schema = {name: items.schema[name] for name in keys}
    rest = {name: kind for name, kind in FOUND.items() if name not in ("task", "length", "depth")}
    return pl.DataFrame(rows, schema={**schema, **rest})


def _stderr(values: pl.Series) -> float | None:
    deviation = values.std()
    return None if deviation is None else float(deviation) / values.len() ** 0.5  # type: ignore[arg-type]
