"""What a checkpoint makes of cloze questions (``probe.cloze``), as a unit of work.

Each answer is read after what stands before the blank, with the rest of its sentence behind it: a
word in the middle is also known by what follows. Its score is the log-likelihood of answer and rest
by their bytes, so that a longer answer is not worse for being longer: what it has more may cost
what the text does on average.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from midtrain_dagster.evaluation import next_token
from midtrain_dagster.evaluation.next_token import next_token_losses
from midtrain_dagster.models.load import load_to_evaluate
from midtrain_dagster.probe import cloze, knowledge
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.specials import opening

VERSION = 1
USES = (next_token, cloze)


def measure(
    *, model: Path, items: pl.DataFrame, checkpoint: str, held_out: bool, window: int
) -> dict[str, pl.DataFrame]:
    """One checkpoint's ``answers`` (``knowledge.ANSWERS``) to the questions (``cloze.ITEMS``) that
    are of held-out documents, or of the others. ``model`` is a folder with weights and tokenizer;
    of what is longer than ``window`` tokens the beginning is not read."""
    tokenizer, loaded = load_tokenizer(model), load_to_evaluate(model)
    encoder = text_encoder.text_encoder(tokenizer)
    before = list(opening(tokenizer, encoder))
    asked = items.filter(held_out=held_out)
    windows: list[np.ndarray] = []
    scored: list[int] = []
    sizes: list[int] = []
    for shown, after, answers in asked.select("before", "after", "answers").iter_rows():
        for answer in answers:
            ids, tokens = _encoded(encoder, before, shown, f" {answer}{after}")
            windows.append(np.array(ids[-window:], np.int64))
            scored.append(min(tokens, len(windows[-1]) - 1))
            sizes.append(len(f" {answer}{after}".encode()))
    losses = next_token_losses(loaded, windows)
    nats = [-float(each[len(each) - n :].sum()) for each, n in zip(losses, scored, strict=True)]
    scores = np.array(nats) / np.array(sizes)
    counts = asked["answers"].list.len().to_list()
    by_item = [each.tolist() for each in np.split(scores, np.cumsum(counts)[:-1])] if counts else []
    rights = [
        int(np.argmax(each)) == right for each, right in zip(by_item, asked["right"], strict=True)
    ]
    table = asked.select(
        pl.lit(checkpoint).alias("checkpoint"),
        "document",
        "topic",
        pl.Series("scores", by_item, dtype=pl.List(pl.Float64)),
        pl.Series("is_right", rights, dtype=pl.Boolean),
    )
    return {"answers": table.cast(knowledge.ANSWERS)}


def _encoded(encoder: Any, before: list[int], shown: str, answer: str) -> tuple[list[int], int]:
    """The tokens of a text with its answer, and how many of them are the answer's: what the text
    alone leaves over, as lm-evaluation-harness counts."""
    text = encoder.encode(shown, add_special_tokens=False).ids
    whole = encoder.encode(shown + answer, add_special_tokens=False).ids
    return [*before, *whole], max(1, len(whole) - len(text))
