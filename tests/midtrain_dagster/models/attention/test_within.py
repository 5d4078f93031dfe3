"""Attention within documents, against scores of all tokens with a mask, in float64."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from midtrain_dagster.models.attention.documents import Documents
from midtrain_dagster.models.attention.within import SHORT, attention_within, backend


def naive(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    text: Tensor,
    sliding: int | None,
    scale: float | None,
) -> Tensor:
    """Softmax over all scores, those of what is not seen set to minus infinity."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * (scale or query.shape[-1] ** -0.5)
    place = torch.arange(query.shape[2])
    back = place[:, None] - place
    seen = (back >= 0) & (back < (sliding or len(place)))
    mask = seen & (text[:, :, None] == text[:, None, :])
    scores = scores.masked_fill(~mask[:, None], float("-inf"))
    return (scores.softmax(-1) @ value).transpose(1, 2)


@st.composite
def packed(draw: st.DrawFn) -> dict[str, Any]:
    """Windows of documents; short ones, that keep their mask, and others."""
    rows = draw(st.integers(1, 3))
    length = draw(st.sampled_from([1, 5, 40, SHORT, SHORT + 1, SHORT + 30]))
    cuts = [draw(st.sets(st.integers(0, length - 1), max_size=8)) for _ in range(rows)]
    kv_heads = draw(st.integers(1, 2))
    return {
        "numbers": np.array([np.cumsum([at in cut for at in range(length)]) for cut in cuts]),
        "heads": kv_heads * draw(st.integers(1, 3)),
        "kv_heads": kv_heads,
        "width": draw(st.sampled_from([4, 8])),
        "sliding": draw(st.none() | st.integers(1, length + 3)),
        "scale": draw(st.none() | st.just(0.3)),
        "seed": draw(st.integers(0, 99)),
    }


@settings(max_examples=60, deadline=None)
@given(packed())
def test_outputs_and_gradients_are_those_of_a_mask(case: dict[str, Any]) -> None:
    numbers = case["numbers"]
    documents = Documents.numbered(numbers)
    rows, length = numbers.shape
    generator = torch.Generator().manual_seed(case["seed"])
    shapes = ((case["heads"], 8), (case["kv_heads"], 8), (case["kv_heads"], case["width"]))
    tensors = [
        torch.randn(rows, length, heads, width, generator=generator, dtype=torch.float64)
        for heads, width in shapes
    ]
    found: list[Any] = []
    wanted: list[Any] = []
    for out in (found, wanted):
        leaves = [each.clone().requires_grad_() for each in tensors]
        q, k, v = (each.transpose(1, 2) for each in leaves)
        if out is found:
            made = attention_within(
                q, k, v, documents, sliding=case["sliding"], scale=case["scale"]
            )
        else:
            made = naive(q, k, v, torch.from_numpy(numbers), case["sliding"], case["scale"])
        weights = torch.randn(made.shape, generator=torch.Generator().manual_seed(1)).double()
        (made * weights).sum().backward()
        out += [made.detach(), *(leaf.grad for leaf in leaves)]
    assert found[0].shape == (rows, length, case["heads"], case["width"])
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def test_no_number_that_is_kept_grows_with_the_square_of_a_window() -> None:
    """What the backward pass keeps, of windows of one document and of many, full and sliding."""

    def kept(length: int, documents: Documents, sliding: int | None) -> int:
        q, k, v = (torch.randn(1, 2, length, 8, requires_grad=True) for _ in range(3))
        storages: dict[int, int] = {}

        def note(tensor: Tensor) -> Tensor:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            attention_within(q, k, v, documents, sliding=sliding).sum()
        return sum(storages.values())

    for sliding in (None, 32):
        for each in (1, 4):
            small, large = (
                kept(size, Documents((size // each,) * each, size), sliding)
                for size in (1024, 4096)
            )
            assert large < 5 * small  # and not 16 times


def test_documents_are_what_transformers_makes_of_positions() -> None:
    from transformers.masking_utils import find_packed_sequence_indices

    places = torch.tensor([[0, 1, 2, 0, 1, 0, 0, 0], [5, 6, 7, 8, 9, 10, 11, 12]])
    theirs = find_packed_sequence_indices(places)
    assert theirs is not None
    documents = Documents.of_positions(places)
    assert documents == Documents.numbered(theirs.numpy())
    assert documents.lengths == (3, 2, 1, 1, 1, 8)
    assert documents.runs == [(1, 3), (1, 2), (3, 1), (1, 8)]
    assert documents.bounds(torch.device("cpu")).tolist() == [0, 3, 5, 6, 7, 8, 16]
    assert documents.longest == 8
    assert Documents.whole(2, 8).lengths == (8, 8)


def test_an_evaluation_before_does_not_stop_training() -> None:
    q, k, v = (torch.randn(1, 1, 200, 4, requires_grad=True) for _ in range(3))
    documents = Documents.whole(1, 200)
    with torch.inference_mode():
        before = attention_within(q, k, v, documents, sliding=21)
    after = attention_within(q, k, v, documents, sliding=21)
    after.sum().backward()
    assert torch.equal(before, after)
    assert q.grad is not None


def test_autocast_reaches_it() -> None:
    q, k, v = (torch.randn(1, 2, 200, 8) for _ in range(3))
    documents = Documents((150, 50), 200)
    with torch.autocast("cpu", torch.bfloat16):
        found = attention_within(q, k, v, documents)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(
        found.float(), attention_within(q, k, v, documents), atol=0.03, rtol=0
    )


@pytest.mark.parametrize(
    "accelerator, precision, flash",
    [("gpu", "bf16", True), ("cpu", "bf16", False), ("gpu", "fp32", False)],
)
def test_it_says_what_computes_it(accelerator: str, precision: str, flash: bool) -> None:
    assert ("flash" in backend(accelerator, precision)) is flash
