"""Cloze questions are scored as one does by hand: each answer with the rest, by its bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.checkpoint_cloze import measure
from midtrain_dagster.probe.cloze import ITEMS
from midtrain_dagster.probe.knowledge import ANSWERS

ROWS = [
    ("a", 0, "name", "The boys are seen outside with", " again.", ["man", "spot", "Answer"], 1),
    ("b", 1, "word", "One man speaking in", ".", ["outside", "same"], 0),
    ("c", 1, "word", "One man speaking in", ".", ["outside", "same"], 0),
]
ITEMS_ASKED = pl.DataFrame([(*row, row[0] == "c") for row in ROWS], schema=ITEMS, orient="row")


def test_the_likeliest_by_bytes_is_the_answer(model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    asked: dict[str, Any] = {"items": ITEMS_ASKED, "checkpoint": "base", "window": 64}
    made = measure(model=model, held_out=False, **asked)["answers"]
    assert made.schema == ANSWERS and made["document"].to_list() == ["a", "b"]
    loaded, tokenizer = (
        AutoModelForCausalLM.from_pretrained(model),
        AutoTokenizer.from_pretrained(model),
    )
    for row, (_, _, _, before, after, answers, right) in zip(
        made.iter_rows(named=True), ROWS, strict=False
    ):
        for score, answer in zip(row["scores"], answers, strict=True):
            told = f" {answer}{after}"
            ids = tokenizer(before + told, add_special_tokens=False)["input_ids"]
            given = len(tokenizer(before, add_special_tokens=False)["input_ids"])
            with torch.inference_mode():
                logits = loaded(torch.tensor([ids])).logits[0].log_softmax(-1)
            nats = sum(float(logits[at - 1, each]) for at, each in enumerate(ids) if at >= given)
            assert score == pytest.approx(nats / len(told.encode()), rel=1e-4)
        assert row["is_right"] == (int(np.argmax(row["scores"])) == right)
    held_out = measure(model=model, held_out=True, **asked)["answers"]
    assert held_out["document"].to_list() == ["c"]


def test_what_is_longer_than_the_window_loses_its_beginning(model: Path) -> None:
    long = ITEMS_ASKED.with_columns(before=pl.lit("One man. " * 60) + pl.col("before"))
    asked: dict[str, Any] = {"model": model, "checkpoint": "base", "held_out": False, "window": 32}
    made = measure(items=long, **asked)["answers"]
    assert all(np.isfinite(each).all() for each in made["scores"].to_list())
    again = measure(items=long.with_columns(before="One " + pl.col("before")), **asked)["answers"]
    assert np.allclose(made["scores"][0].to_numpy(), again["scores"][0].to_numpy(), atol=1e-6)
