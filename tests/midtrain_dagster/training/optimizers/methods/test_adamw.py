"""Which parameters decay, and moments that are there before the first update."""

import pytest
import torch

from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.optimizers.method import add_missing_state
from midtrain_dagster.training.optimizers.methods.adamw import AdamW

VECTORS = {
    "model.norm.weight",
    "model.layers.0.input_layernorm.weight",
    "model.layers.0.post_attention_layernorm.weight",
}
EMBEDDINGS = {"model.embed_tokens.weight"}


def small_model(*, tied: bool = False) -> torch.nn.Module:
    config = ModelConfig(
        hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=16, tie_embeddings=tied
    )
    return new_model(config, vocabulary=20, sequence_length=16, seed=0)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    "spared, expected",
    [
        (("embeddings", "vectors"), VECTORS | EMBEDDINGS),
        (("vectors",), VECTORS),
        (("embeddings",), EMBEDDINGS),
        ((), set()),
    ],
)
def test_make_optimizer_does_not_decay_what_is_spared(
    spared: tuple[str, ...], expected: set[str], tied: bool
) -> None:
    model = small_model(tied=tied)
    settings = AdamW.model_validate({"weight_decay": 0.2, "spared": spared})
    groups = settings.make(model).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decaying, sparing = ({names[id(p)] for p in group["params"]} for group in groups)
    assert [group["weight_decay"] for group in groups] == [0.2, 0.0]
    assert sparing == expected
    assert decaying == set(names.values()) - expected
    assert ("lm_head.weight" in decaying) == (not tied)


def test_make_optimizer_spares_embeddings_and_vectors_by_default() -> None:
    assert set(AdamW().spared) == {"embeddings", "vectors"}


def updated(model: torch.nn.Module, optimizer: torch.optim.AdamW) -> dict[str, torch.Tensor]:
    for group in optimizer.param_groups:
        group["lr"] = 1e-2
    for number, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, 0.1 * number - 0.3)
    optimizer.step()
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def test_add_missing_moments_adds_those_of_a_first_update() -> None:
    lazy, early = small_model(), small_model()
    with_moments = AdamW().make(early)
    add_missing_state(with_moments)
    assert len(with_moments.state) == len(list(early.parameters()))
    one = updated(lazy, AdamW().make(lazy))
    other = updated(early, with_moments)
    assert all(torch.equal(one[name], other[name]) for name in one)
    state = dict(with_moments.state)
    add_missing_state(with_moments)
    assert all(with_moments.state[key] is value for key, value in state.items())
