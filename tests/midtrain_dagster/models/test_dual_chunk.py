"""Dual chunk attention against the paper's table of relative positions, written out naively."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, CohereConfig, Gemma3TextConfig, LlamaConfig

from midtrain_dagster.models.dual_chunk import (
    BLOCK,
    Chunks,
    DualChunkError,
    _attended,
    dual_chunk_attention,
)
from midtrain_dagster.models.head import hidden_states

SIZES: dict[str, Any] = {
    "vocab_size": 20,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 32,
}


def distance(query: int, key: int, chunks: Chunks) -> int:
    """What a query's position is beyond a key's (arXiv 2402.17463, equations 2 to 7)."""
    s, c = chunks.stride, chunks.largest + 1
    if query // s == key // s:
        place = query % s
    elif query // s - key // s == 1:
        place = min(s + query % s, c - 1)
    else:
        place = c - 1
    return place - key % s


def rotary(x: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    size = x.shape[-1]
    angles = places[..., None] * 100.0 ** (-2 * torch.arange(size // 2) / size)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def turned(heads: torch.Tensor, place: int) -> torch.Tensor:
    cos, sin = (each[0, 0] for each in rotary(heads, torch.tensor([[place]])))
    low, high = heads.chunk(2, dim=-1)
    return heads * cos + torch.cat([-high, low], dim=-1) * sin


@settings(max_examples=25)
@given(length=st.integers(1, 40), window=st.integers(8, 48), seed=st.integers(0, 99))
def test_it_is_attention_by_the_paper_s_relative_positions(
    length: int, window: int, seed: int
) -> None:
    torch.manual_seed(seed)
    chunks = Chunks.of(window)
    query = torch.randn(1, 2, length, 8)
    key, value = torch.randn(2, 1, 1, length, 8)
    found = _attended(query, key, value, None, chunks, rotary)
    for at in range(length):
        far = [distance(at, other, chunks) for other in range(at + 1)]
        assert max(far) < window
        for head in range(2):
            scores = torch.stack(
                [
                    turned(query[0, head, at], each) @ key[0, 0, other]
                    for other, each in enumerate(far)
                ]
            )
            weights = (scores * 8**-0.5).softmax(dim=0)
            expected = weights @ value[0, 0, : at + 1]
            assert torch.allclose(found[0, at, head], expected, atol=1e-5)


def test_chunks_are_the_paper_s_parts_of_a_window() -> None:
    # Llama 2 of 4,096: a chunk with its local window is 3,072, the local window 512.
    assert Chunks.of(4096) == Chunks(stride=2560, largest=3071)
    with pytest.raises(ValueError, match="8 at least"):
        Chunks.of(7)


@torch.no_grad()
def test_a_model_reads_beyond_its_window_with_angles_that_it_knows() -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**SIZES)).eval()
    ids = torch.arange(3 * BLOCK)[None] * 7 % 20
    own = hidden_states(model, ids)
    with dual_chunk_attention(model, 32):
        read = hidden_states(model, ids)
        short = hidden_states(model, ids[:, :20])
    assert torch.allclose(short, own[:, :20], atol=1e-5)  # within the first chunk
    # All distances of the first 12 tokens of the next chunk are true as well, within its window.
    assert not torch.allclose(read[:, 30:], own[:, 30:], atol=1e-3)
    assert torch.equal(hidden_states(model, ids), own)  # as it was before


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (Gemma3TextConfig(**SIZES, head_dim=16), "do not all rotate alike and see everything"),
        (CohereConfig(**SIZES, pad_token_id=0), "rotates otherwise than by halves of a head"),
    ],
)
def test_other_attention_is_refused_and_left_as_it_was(config: Any, reason: str) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    ids = torch.arange(20)[None]
    with torch.no_grad():
        before = hidden_states(model, ids)
        with pytest.raises(DualChunkError, match=reason), dual_chunk_attention(model, 32):
            raise AssertionError("it was taken")
        assert torch.equal(hidden_states(model, ids), before)
