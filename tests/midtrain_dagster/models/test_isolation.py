"""Whether documents that share a window see each other: what a model does, not its name."""

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.families import small_model
from midtrain_dagster.models.isolation import NOISE, crossing
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.transition.attention import choose_attention

STAGE = {
    "start": "random",
    "tokens": 64,
    "batch_tokens": 64,
    "sequence_length": 32,
    "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
    "mixture": {"domains": {"web": 1.0}},
}


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "gemma3_text", "mixtral", "lfm2"])
def test_documents_are_apart(model_type: str) -> None:
    model = small_model(model_type)
    assert crossing(model) < NOISE / 10
    choose_attention(Stage.model_validate(STAGE), model, "base")


@pytest.mark.parametrize("model_type", ["falcon", "opt", "jamba", "qwen3_next", "lfm3"])
def test_documents_see_each_other(model_type: str) -> None:
    model = small_model(model_type)
    assert crossing(model) > 10 * NOISE
    with pytest.raises(TransitionError, match=r"base: .* see each other .*packing: one_document"):
        choose_attention(Stage.model_validate(STAGE), model, "base")
    choose_attention(Stage.model_validate(STAGE | {"packing": "one_document"}), model, "base")


def test_crossing_is_what_one_document_does_to_the_other() -> None:
    """By hand, on attention that is not masked: positions run on, as in one document."""
    config = LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, attn_implementation="sdpa",
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config).eval()
    assert crossing(model) < NOISE / 10
    forward, seen = model.forward, []

    def running(**given: Any) -> Any:
        ids = given["input_ids"]
        output = forward(**given | {"position_ids": torch.arange(ids.shape[1]).expand_as(ids)})
        seen.append((ids, output.logits))
        return output

    model.forward = running  # type: ignore[method-assign]
    found = crossing(model)
    by_hand = []
    for ids, logits in seen:
        for row in (1, 2):
            same = ids[row] == ids[0]
            others = torch.ones_like(same)
            if row == 1:
                others[:12] = False
            else:
                others[-11:] = False
            assert same[others].all() and not same.all()
            by_hand.append((logits[row] - logits[0])[others].abs().max() / logits.abs().max())
    assert [len(ids[0]) for ids, _ in seen] == [23, 138]
    assert found == pytest.approx(float(max(by_hand)), rel=1e-4)


def test_a_stage_says_by_what_it_attends() -> None:
    usual, long = (
        Stage.model_validate(STAGE | {"sequence_length": length, "batch_tokens": 4096})
        for length in (32, 4096)
    )
    said = choose_attention(long, small_model("llama"), "base")
    assert said.line == "base: attention by scaled dot-product attention, document by document"
    assert not said.is_quadratic
    said = choose_attention(long, small_model("doge"), "base")
    assert said.line.startswith("base: attention by a mask of 4,096 x 4,096 for each window of")
    assert "for its layers want a matrix" in said.line
    assert said.is_quadratic
    assert not choose_attention(usual, small_model("doge"), "base").is_quadratic


def test_positions_that_run_on_need_another_way_to_keep_documents_apart() -> None:
    apart, one = (
        Stage.model_validate(STAGE | {"positions": each}) for each in ("window", "one_text")
    )
    choose_attention(apart, small_model("llama"), "base")
    with pytest.raises(TransitionError, match=r"base: a DogeForCausalLM .*say positions: document"):
        choose_attention(apart, small_model("doge"), "base")
    # In one text documents are meant to be seen, by whatever state runs on.
    choose_attention(one, small_model("jamba"), "base")
