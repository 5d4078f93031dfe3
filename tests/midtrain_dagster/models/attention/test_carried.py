"""Which families attend by documents, and that it changes nothing: losses and gradients."""

from typing import Any

import pytest
import torch
import transformers

from benchmarks.families import small_model
from midtrain_dagster.models.attention.carried import (
    attend_by_documents,
    documents_of_batch,
    is_carried,
    may_be_carried,
)
from midtrain_dagster.models.attention.documents import Documents
from midtrain_dagster.models.head import logits
from midtrain_dagster.models.isolation import NOISE, crossing

LATENT: dict[str, Any] = {
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "hidden_size": 32,
    "vocab_size": 97, "intermediate_size": 48, "kv_lora_rank": 16, "q_lora_rank": 16,
    "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "moe_intermediate_size": 16, "first_k_dense_replace": 1, "n_group": 1,
    "topk_group": 1, "max_position_embeddings": 256,
}  # fmt: skip


def made(family: str) -> Any:
    if family != "deepseek_v3":
        return small_model(family)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return transformers.AutoModelForCausalLM.from_config(
            transformers.DeepseekV3Config(**LATENT), attn_implementation="sdpa"
        ).eval()


def windows() -> tuple[torch.Tensor, torch.Tensor]:
    """Two windows of 200 tokens: documents of up to 60, and one with padding."""
    lengths = [60, 7, 60, 1, 40, 32]
    packed = torch.cat([torch.arange(each) for each in lengths])
    padded = torch.cat([torch.arange(60), torch.arange(40), torch.zeros(100, dtype=torch.long)])
    places = torch.stack([packed, padded])
    return torch.randint(0, 97, places.shape, generator=torch.Generator().manual_seed(3)), places


@pytest.mark.parametrize(
    "family",
    [
        "llama",
        "gpt2",
        "gemma3_text",
        "mixtral",
        "olmo3",
        "cohere2",
        "qwen3",
        "smollm3",
        "deepseek_v3",
    ],
)
def test_losses_and_gradients_are_those_of_the_mask(family: str) -> None:
    """Sliding windows of 16 tokens, experts, layers without positions, narrow values."""
    model = made(family)
    ids, places = windows()

    def found() -> tuple[torch.Tensor, list[torch.Tensor]]:
        model.zero_grad()
        made = torch.nn.functional.cross_entropy(
            logits(model, ids, places)[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        made.mean().backward()
        gradients = [each.grad.clone() for each in model.parameters() if each.grad is not None]
        return made.detach(), gradients

    losses, gradients = found()
    assert attend_by_documents(model) is None
    assert is_carried(model)
    other, others = found()
    torch.testing.assert_close(other, losses, rtol=0, atol=1e-5)
    assert len(gradients) == len(others) > 0
    for one, same in zip(gradients, others, strict=True):
        torch.testing.assert_close(same, one, rtol=1e-3, atol=1e-6)
    assert crossing(model) < NOISE / 10
    assert "within" not in model.config.to_json_string()


@pytest.mark.parametrize(
    "family, why",
    [
        ("opt", "its documents are others than positions say"),
        ("doge", "its layers want a matrix for a mask"),
        ("llama4_text", "attends within chunks"),
        ("falcon", "does not let its attention be chosen"),
    ],
)
def test_others_keep_what_they_have(family: str, why: str) -> None:
    model = small_model(family)
    ids, places = windows()
    ids, places = ids[:, :40], places[:, :40] % 20
    before = logits(model, ids, places)
    reason = attend_by_documents(model)
    assert reason is not None and why in reason
    assert not is_carried(model)
    assert torch.equal(logits(model, ids, places), before)


def test_what_layers_are_told_beside_their_scale_is_refused_by_name() -> None:
    """As Gemma 2 and GPT-OSS are, which transformers loads with eager attention."""
    for family, why in (("gemma2", "its scores are capped"), ("gpt_oss", "it has attention sinks")):
        model = small_model_of(family)
        before = model.config._attn_implementation
        assert attend_by_documents(model) == why
        assert not is_carried(model)
        assert model.config._attn_implementation == before


def small_model_of(family: str) -> Any:
    sizes: dict[str, Any] = {
        "vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "num_local_experts": 4,
        "pad_token_id": 0,
    }  # fmt: skip
    config = transformers.CONFIG_MAPPING[family](**sizes)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def test_heads_are_divided_among_workers_or_it_is_said() -> None:
    assert attend_by_documents(small_model("llama"), workers=2) is None
    reason = attend_by_documents(small_model("llama"), workers=4)
    assert reason == "its 2 heads of keys are not divided among 4 workers"


def test_documents_may_be_others_than_positions_say() -> None:
    """Positions that run on, in documents that are apart: with RoPE the same function."""
    model = small_model("llama")
    model.config.max_position_embeddings = 256
    assert attend_by_documents(model) is None
    ids, places = windows()
    model.requires_grad_(False)
    anew = logits(model, ids, places)
    running = torch.arange(ids.shape[1]).expand_as(ids)
    with documents_of_batch(Documents.of_positions(places)):
        apart = logits(model, ids, running)
    torch.testing.assert_close(apart, anew, rtol=0, atol=1e-5 * float(anew.abs().max()))
    together = logits(model, ids, running)
    assert float((together - anew).abs().max()) > 1e-2 * float(anew.abs().max())


def test_a_model_without_numbers_is_asked_by_its_code() -> None:
    with torch.device("meta"):
        assert may_be_carried(small_model("llama"))
        assert not may_be_carried(small_model("llama4_text"))
