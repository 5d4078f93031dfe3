"""What is read once is as if each text were read alone."""

from typing import Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from midtrain_dagster.models import head
from midtrain_dagster.models import shared_reading as shared_reading_module
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.models.shared_reading import (
    MORE_ROOM,
    SCORES,
    Memory,
    can_share,
    read,
    shared_reading,
    visible_by,
)

VOCABULARY = 50
CONFIG = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)
MODEL = new_model(CONFIG, vocabulary=VOCABULARY, sequence_length=512, seed=3).eval()
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
}


def alone(ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return head.hidden_states(MODEL, ids[None])[0]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 5),
    st.lists(
        st.tuples(st.integers(1, 4), st.lists(st.integers(0, 4), max_size=3)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 100, SCORES]),
)
def test_branches_of_rows_behind_a_prefix_are_read_as_if_alone(
    prefix: int, shape: list[tuple[int, list[int]]], seed: int, scores: int
) -> None:
    """However few scores are held at a time."""
    draw = torch.Generator().manual_seed(seed)

    def tokens(count: int) -> torch.Tensor:
        return torch.randint(VOCABULARY, (count,), generator=draw)

    first = tokens(prefix)
    rows = [(tokens(context), [tokens(each) for each in branches]) for context, branches in shape]
    longest = max(len(context) + sum(map(len, branches)) for context, branches in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    places, owner = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, (context, branches) in enumerate(rows):
        at = 0
        for number, part in enumerate([context, *branches]):
            stop = at + len(part)
            ids[row, at:stop], owner[row, at:stop] = part, number
            start = prefix + (len(context) if number else 0)
            places[row, at:stop] = torch.arange(start, start + len(part))
            at = stop
    with (
        torch.inference_mode(),
        shared_reading(MODEL),
        patch.object(shared_reading_module, "SCORES", scores),
    ):
        before = None
        if prefix:
            before = Memory()
            read(MODEL, first[None], torch.arange(prefix)[None], before)
        states = read(MODEL, ids, places, Memory(before), visible_by(owner))
    for row, (context, branches) in enumerate(rows):
        at = len(context)
        assert torch.allclose(
            states[row, :at], alone(torch.cat([first, context]))[prefix:], atol=1e-5
        )
        for branch in branches:
            whole = alone(torch.cat([first, context, branch]))
            found = states[row, at : at + len(branch)]
            assert torch.allclose(found, whole[prefix + len(context) :], atol=1e-5)
            at += len(branch)


def test_rows_are_read_on_in_a_buffer_that_grows_and_loses_rows() -> None:
    count = MORE_ROOM + 40
    ids = torch.randint(VOCABULARY, (3, count), generator=torch.Generator().manual_seed(1))
    places = torch.arange(count).expand(3, -1)
    kept = [0, 1, 2]
    with torch.inference_mode(), shared_reading(MODEL):
        memory = Memory()
        read(MODEL, ids[:, :5], places[:, :5], memory)
        for at in range(5, count):
            if at == 30:
                memory.select(torch.tensor([2, 0]))
                kept = [2, 0]
            states = read(MODEL, ids[kept, at : at + 1], places[kept, at : at + 1], memory)
    for state, row in zip(states, kept, strict=True):
        assert torch.allclose(state[0], alone(ids[row])[-1], atol=1e-5)


def test_the_attention_of_before_is_there_again_afterwards() -> None:
    before = MODEL.config._attn_implementation
    with pytest.raises(RuntimeError, match="inside"), shared_reading(MODEL):
        assert MODEL.config._attn_implementation != before
        raise RuntimeError("inside")
    assert MODEL.config._attn_implementation == before


def test_which_models_can_be_read_so_is_tried() -> None:
    assert can_share(MODEL, 512)
    sliding = MistralForCausalLM(MistralConfig(**SMALL, sliding_window=16)).eval()
    assert can_share(sliding, 16)
    assert not can_share(sliding, 17), "its layers would see more than their window"
    capped = Gemma2ForCausalLM(Gemma2Config(**SMALL, attn_logit_softcapping=2.0)).eval()
    assert not can_share(capped, 16)
    sinks = {"num_local_experts": 4, "num_experts_per_tok": 2}
    assert not can_share(GptOssForCausalLM(GptOssConfig(**SMALL, **sinks)).eval(), 16)
    state = {name: SMALL[name] for name in ("vocab_size", "hidden_size", "num_hidden_layers")}
    assert not can_share(MambaForCausalLM(MambaConfig(**state)).eval(), 16)
    assert can_share(Qwen3ForCausalLM(Qwen3Config(**SMALL)).eval(), 16)
