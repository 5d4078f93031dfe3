"""The objective of real families: in chunks where logits are a plain product, whole elsewhere."""

from typing import Any

import pytest
import torch
import transformers
from torch.nn.functional import cross_entropy, log_softmax

from midtrain_dagster.models.head import has_plain_head
from midtrain_dagster.training.step.objective import make_objective, summed_loss

SIZES = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
PLAIN: dict[str, dict[str, Any]] = {
    "LlamaConfig": {},
    "Qwen3Config": {"head_dim": 8},
    "Olmo2Config": {},
    # Its router's loss is looked at among the families.
    "MixtralConfig": {
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "router_aux_loss_coef": 0.0,
    },
}
OTHERS: dict[str, dict[str, Any]] = {
    "Gemma3TextConfig": {"head_dim": 8, "final_logit_softcapping": 30.0},
    "GraniteConfig": {"logits_scaling": 8.0},
    "CohereConfig": {"logit_scale": 0.0625},
    "PhiConfig": {},
}


def fresh(name: str, fields: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, name)(**SIZES, **fields)
    config._attn_implementation = "sdpa"
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def packed() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 61, (2, 24), generator=generator)
    places = torch.cat([torch.arange(10), torch.arange(14)]).repeat(2, 1)
    return {
        "input_ids": ids,
        "position_ids": places,
        "labels": torch.where(places > 0, ids, -100),
    }


@pytest.mark.parametrize(
    "name, fields, is_plain",
    [(n, f, True) for n, f in PLAIN.items()] + [(n, f, False) for n, f in OTHERS.items()],
)
def test_objective_is_the_loss_of_the_models_own_logits(
    name: str, fields: dict[str, Any], is_plain: bool
) -> None:
    model = fresh(name, fields)
    assert has_plain_head(model) is is_plain
    batch = packed()
    logits = model(
        input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
    ).logits[:, :-1]
    wanted = batch["labels"][:, 1:]
    expected = cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum")
    square = (logits.logsumexp(-1) ** 2)[wanted != -100].sum()
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(expected + 0.01 * square, parameters, allow_unused=True)

    objective, loss, _ = make_objective(model, z_loss=0.01)(**batch)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(objective, expected + 0.01 * square, rtol=1e-5, atol=1e-4)
    found = torch.autograd.grad(objective, parameters, allow_unused=True)
    for one, other in zip(found, gradients, strict=True):
        if other is None:
            assert one is None
        else:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_objective_without_a_z_loss_is_the_loss() -> None:
    for name, fields in (("LlamaConfig", {}), ("GraniteConfig", OTHERS["GraniteConfig"])):
        objective, loss, _ = make_objective(fresh(name, fields))(**packed())
        assert objective.item() == loss.item()
        assert objective.requires_grad
        assert not loss.requires_grad


def test_objective_leaves_the_models_parameters_its_own() -> None:
    model = fresh("LlamaConfig", {})
    module = make_objective(model)
    assert {id(p) for p in module.parameters()} == {id(p) for p in model.parameters()}
    assert not any(module._forward_hooks for module in model.modules())


def test_summed_loss_is_the_cross_entropy_of_the_labelled_tokens() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 61)
    labels = torch.tensor([[-100, 7, -100, 9], [-100, -100, 3, -100]])
    naive = -sum(
        float(log_softmax(logits[row, column - 1], -1)[labels[row, column]])
        for row, column in [(0, 1), (0, 3), (1, 2)]
    )
    assert float(summed_loss(logits, labels)) == pytest.approx(naive, rel=1e-6)
