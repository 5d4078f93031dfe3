"""Muon against a naive Newton-Schulz, against PyTorch's own, and what of a model is its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, MixtralConfig

from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.checkpoints.checkpoint import OPTIMIZER, read_state
from midtrain_dagster.training.checkpoints.moments import put_moments, read_moments
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.optimizers.method import add_missing_state
from midtrain_dagster.training.optimizers.methods.adamw import AdamW
from midtrain_dagster.training.optimizers.methods.muon import Muon, orthogonal
from midtrain_dagster.training.optimizers.optimizer import Optimizer

MUON = Muon(method="muon")
Make = Callable[..., Job]


def naive(matrix: np.ndarray) -> np.ndarray:
    """Jordan et al. 2024, as written: five steps in double precision, wide matrices as they are."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / max(np.sqrt((x**2).sum()), 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 2**16),
    size=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_orthogonal_is_the_naive_iteration(shape: tuple[int, int], seed: int, size: float) -> None:
    matrix = np.random.default_rng(seed).normal(size=shape) * size
    found = orthogonal(torch.from_numpy(matrix).float()).double().numpy()
    np.testing.assert_allclose(found, naive(matrix), atol=2e-4)


def test_orthogonal_brings_singular_values_near_one_and_takes_experts_apart() -> None:
    matrices = torch.randn(3, 24, 16, generator=torch.Generator().manual_seed(0))
    found = orthogonal(matrices)
    for one, each in zip(matrices, found, strict=True):
        torch.testing.assert_close(each, orthogonal(one))
        values = torch.linalg.svdvals(each)
        assert values.min() > 0.6 and values.max() < 1.3


def test_the_golden_values() -> None:
    """Of the polynomial itself: a matrix of one entry goes from 1 by x -> a x + b x^3 + c x^5."""
    x = 1.0
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    assert x == pytest.approx(0.696_436, abs=1e-6)
    assert orthogonal(torch.tensor([[5.0]])).item() == pytest.approx(x, abs=1e-5)


def test_an_update_is_that_of_pytorchs_muon() -> None:
    """Which iterates in bf16 everywhere: updates agree to its three digits."""
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(12, 20, generator=generator)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    model = torch.nn.Linear(20, 12, bias=False)
    model.weight = ours
    optimizer = MUON.make(model)
    other = torch.optim.Muon(
        [theirs], lr=0.01, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for group in optimizer.param_groups:
        group["lr"] = 0.01
    for _ in range(3):
        gradient = torch.randn(12, 20, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimizer.step()
        other.step()
    kept = optimizer.state[ours]
    assert torch.equal(kept["momentum_buffer"], other.state[theirs]["momentum_buffer"])
    assert int(kept["step"]) == 3
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved


def names(model: torch.nn.Module) -> set[str]:
    return set(dict(model.named_parameters())) - MUON.momentum_names(model)


@pytest.mark.parametrize("tied", [False, True])
def test_embeddings_the_head_and_vectors_are_adamws(tied: bool) -> None:
    config = ModelConfig(
        hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=16, tie_embeddings=tied
    )
    model = new_model(config, vocabulary=20, sequence_length=16, seed=0)
    layer = "model.layers.0."
    vectors = {f"{layer}input_layernorm.weight", f"{layer}post_attention_layernorm.weight"}
    head = set() if tied else {"lm_head.weight"}
    assert names(model) == {"model.embed_tokens.weight", "model.norm.weight"} | vectors | head
    decays = [group["weight_decay"] for group in MUON.make(model).param_groups]
    assert decays == [0.1, 0.1, 0.0]


def test_experts_and_routers_are_muons() -> None:
    config = MixtralConfig(
        vocab_size=20,
        hidden_size=16,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        num_local_experts=4,
    )
    model = AutoModelForCausalLM.from_config(config)
    own = MUON.momentum_names(model)
    assert {name for name, each in model.named_parameters() if each.ndim == 3} <= own
    assert any(each.ndim == 3 for each in model.parameters())
    assert "model.layers.0.mlp.gate.weight" in own


def test_accumulating_fills_what_an_update_does_and_leaves_weights_to_the_bit() -> None:
    config = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=16)
    for method in (AdamW(), MUON):
        filled, updated = (
            new_model(config, vocabulary=20, sequence_length=16, seed=0) for _ in range(2)
        )
        optimizers = [method.make(model) for model in (filled, updated)]
        for model in (filled, updated):
            with torch.no_grad():
                next(model.parameters()).view(-1)[0] = -0.0
        before = [each.detach().clone().view(torch.int32) for each in filled.parameters()]
        add_missing_state(optimizers[0])
        for step in range(3):
            for model in (filled, updated):
                for number, parameter in enumerate(model.parameters()):
                    parameter.grad = torch.full_like(parameter, 0.1 * number - 0.3 + step)
            method.accumulate(optimizers[0])
            optimizers[1].step()
        after = [each.detach().view(torch.int32) for each in filled.parameters()]
        assert all(map(torch.equal, before, after))
        for one, other in zip(filled.parameters(), updated.parameters(), strict=True):
            states = optimizers[0].state[one], optimizers[1].state[other]
            torch.testing.assert_close(dict(states[0]), dict(states[1]))


def test_an_optimizer_that_names_no_method_is_adamw() -> None:
    read = TypeAdapter(Optimizer).validate_python
    assert read({"weight_decay": 0.2}) == AdamW(weight_decay=0.2)
    assert read({"method": "muon", "momentum": 0.9}) == Muon(method="muon", momentum=0.9)
    with pytest.raises(ValidationError, match="'adamw', 'muon'"):
        read({"method": "lion"})


@pytest.fixture(scope="module")
def muon_run(job: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    told = job(optimizer={"method": "muon"})
    return train(told, output=tmp_path_factory.mktemp("muon"))


def test_a_run_with_muon_learns_and_is_resumed_to_the_byte(
    job: Make, muon_run: Path, base: Path, tmp_path: Path
) -> None:
    told = job(optimizer={"method": "muon"})
    again = train(told, output=tmp_path, resume=muon_run.parent / "step-000003")
    for file in muon_run.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes(), file.name
    moments = read_moments(muon_run / OPTIMIZER)
    assert moments.method == "muon"
    assert "model.embed_tokens.weight" in moments.first
    assert read_moments(base / OPTIMIZER).method == "adamw"


def following(job: Make, start: Path, **stage: Any) -> Job:
    usual = {
        "start": "base",
        "tokens": 2 * 256,
        "schedule": [{"phase": "constant"}],
        "inherit": {"data": "keep"},
    }
    return job({"name": "annealed", "start": start, "model": None}, **(usual | stage))


def test_a_checkpoint_of_muon_wants_muon(
    job: Make, muon_run: Path, base: Path, tmp_path: Path
) -> None:
    with pytest.raises(TransitionError, match=r"from Muon, whose moments .* has, to AdamW"):
        train(following(job, muon_run), output=tmp_path / "refused")
    with pytest.raises(TransitionError, match=r"say optimizer: \{method: adamw\}"):
        train(following(job, base, optimizer={"method": "muon"}), output=tmp_path / "refused")
    kept = train(following(job, muon_run, optimizer={"method": "muon"}), output=tmp_path / "kept")
    moments = read_moments(kept / OPTIMIZER)
    assert set(moments.steps.values()) == {10}
    reset = following(
        job,
        muon_run,
        inherit={"moments": {"reset": "from Muon to AdamW"}},
    )
    assert read_moments(train(reset, output=tmp_path / "reset") / OPTIMIZER).method == "adamw"


def test_a_file_of_the_other_optimizer_is_refused_by_name(
    job: Make, muon_run: Path, tmp_path: Path
) -> None:
    model = load_to_train(muon_run)
    with pytest.raises(CheckpointError, match=r"AdamW is to update model.layers.0-1.mlp"):
        put_moments(read_moments(muon_run / OPTIMIZER), model, AdamW().make(model))


def test_moments_are_estimated_anew_at_rate_0(job: Make, base: Path, tmp_path: Path) -> None:
    told = following(
        job,
        base,
        inherit={"moments": {"reestimate": "as if it came without", "steps": 3}},
        checkpoint_every=1,
        checkpoints={"keep_last": 9},
    )
    last = train(told, output=tmp_path)
    assert told.stage.steps == 5
    weights = load_file(base / "model.safetensors")
    for step in (1, 2, 3):
        now = load_file(tmp_path / f"step-{step:06d}" / "model.safetensors")
        for name, tensor in weights.items():
            assert torch.equal(tensor.view(torch.int32), now[name].view(torch.int32))
    moved = load_file(tmp_path / "step-000004" / "model.safetensors")
    assert not torch.equal(weights["model.norm.weight"], moved["model.norm.weight"])
    state = read_state(last)
    assert (state.step, state.tokens) == (5, 5 * 256)
    assert set(read_moments(last / OPTIMIZER).steps.values()) == {5}
    log = (last / "log.jsonl").read_text().splitlines()
    assert [line.count('"learning_rate": 0.0,') for line in log] == [1, 1, 1, 0, 0]
    resumed = train(told, output=tmp_path / "again", resume=tmp_path / "step-000002")
    for file in last.iterdir():
        assert file.read_bytes() == (resumed / file.name).read_bytes(), file.name
