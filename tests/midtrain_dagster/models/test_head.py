"""Packed documents do not see each other; and a loss is that of the model's own logits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from midtrain_dagster.models import head
from midtrain_dagster.models.head import has_plain_head, logits, next_token_losses
from midtrain_dagster.models.load import load_to_train
from midtrain_dagster.models.new import ModelConfig, new_model

VOCABULARY = 50
LENGTH = 32
SMOLLM = Path(__file__).parents[3] / "data" / "smollm2-135m-instruct"
CONFIG = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)
MODEL = new_model(CONFIG, vocabulary=VOCABULARY, sequence_length=LENGTH, seed=3).eval()


def pack(documents: list[torch.Tensor], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One window [1, length]: the documents, then padding, whose positions are all 0."""
    ids = torch.full((1, length), 1)
    positions = torch.zeros((1, length), dtype=torch.int64)
    begin = 0
    for document in documents:
        stop = begin + len(document)
        ids[0, begin:stop], positions[0, begin:stop] = document, torch.arange(len(document))
        begin = stop
    return ids, positions


def difference(model: torch.nn.Module, documents: list[torch.Tensor], length: int) -> float:
    """The largest difference of a logit between the packed window and the documents alone."""
    with torch.no_grad():
        packed = logits(model, *pack(documents, length))[0]
        assert torch.isfinite(packed).all()
        begin, largest = 0, 0.0
        for document in documents:
            alone = model(input_ids=document[None], use_cache=False).logits[0]
            here = packed[begin : begin + len(document)]
            largest = max(largest, float((here - alone).abs().max()))
            begin += len(document)
    return largest


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_packed_logits_equal_separate_logits(lengths: list[int], seed: int) -> None:
    kept = [n for n, total in zip(lengths, np.cumsum(lengths), strict=True) if total <= LENGTH]
    generator = torch.Generator().manual_seed(seed)
    documents = [torch.randint(VOCABULARY, (n,), generator=generator) for n in kept]
    assert difference(MODEL, documents, LENGTH) <= 1e-5


@pytest.mark.parametrize("lengths", [[32], [16, 16], [1, 1, 30], [5], [1] * 32])
def test_packed_logits_at_the_edges(lengths: list[int]) -> None:
    documents = [torch.arange(n) + 2 for n in lengths]
    assert difference(MODEL, documents, LENGTH) <= 1e-5


def test_packed_logits_of_a_real_model() -> None:
    # In double precision: in single, how a processor orders its sums moves the fourth digit.
    model = load_to_train(SMOLLM).eval().double()
    documents = [torch.arange(100, 100 + n) for n in (7, 1, 12)]
    assert difference(model, documents, 24) <= 1e-9


def test_next_token_losses_are_those_of_the_models_own_logits(
    family: tuple[Any, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, is_plain = family
    assert has_plain_head(model) is is_plain
    monkeypatch.setattr(head, "LOGITS", 7 * 61)
    ids = torch.randint(3, 61, (3, 25), generator=torch.Generator().manual_seed(1))
    is_real = torch.arange(24) < torch.tensor([24, 3, 11])[:, None]
    with torch.inference_mode():
        found = next_token_losses(model, ids, is_real, is_plain=is_plain)
        expected = [
            cross_entropy(
                model(ids[row : row + 1, :length], use_cache=False).logits[0],
                ids[row, 1 : length + 1],
                reduction="none",
            )
            for row, length in enumerate((24, 3, 11))
        ]
    torch.testing.assert_close(found, torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_has_plain_head_leaves_no_hook_behind(family: tuple[Any, bool]) -> None:
    model, _ = family
    has_plain_head(model)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_has_plain_head_holds_in_half_precision(family: tuple[Any, bool], dtype: Any) -> None:
    model, is_plain = family
    try:
        assert has_plain_head(model.to(dtype)) is is_plain
    finally:
        model.to(torch.float32)
