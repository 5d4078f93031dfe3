"""Whether documents that share a window see each other: what a model does, not its name."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.families import small_model
from midtrain_dagster.models.head import logits
from midtrain_dagster.models.isolation import NOISE, PROBE, crossing
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.transition.isolation import check_isolation

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
    check_isolation(Stage.model_validate(STAGE), model, "base")


@pytest.mark.parametrize("model_type", ["falcon", "opt", "jamba", "qwen3_next", "lfm3"])
def test_documents_see_each_other(model_type: str) -> None:
    model = small_model(model_type)
    assert crossing(model) > 10 * NOISE
    with pytest.raises(TransitionError, match=r"base: .* see each other .*packing: one_document"):
        check_isolation(Stage.model_validate(STAGE), model, "base")
    check_isolation(Stage.model_validate(STAGE | {"packing": "one_document"}), model, "base")


def test_crossing_is_what_one_document_does_to_the_other() -> None:
    """By hand, on attention that is not masked: eager attention of a model that was made so."""
    config = LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, attn_implementation="sdpa",
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config).eval()
    assert crossing(model) < NOISE / 10
    forward = model.forward
    running = torch.arange(2 * PROBE)[None]
    # Positions that run on: one document of what were two.
    model.forward = lambda **given: forward(**given | {"position_ids": running.expand(3, -1)})  # type: ignore[method-assign]
    places = torch.arange(PROBE)
    first, second, other = (
        (start + places * step) % 50 for start, step in ((3, 1), (5, 2), (7, 3))
    )
    with torch.no_grad():
        one, two = (
            logits(model, torch.cat([each, second])[None].expand(3, -1))[0, PROBE:]
            for each in (first, other)
        )
        largest = max(
            float(logits(model, torch.cat(pair)[None].expand(3, -1)).abs().max())
            for pair in ((first, second), (other, second), (first, other))
        )
    assert crossing(model) == pytest.approx(float((one - two).abs().max()) / largest, rel=1e-4)
