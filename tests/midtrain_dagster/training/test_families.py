"""Base models of many families: a tiny one of each is trained and loaded, or refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from benchmarks.families import small_model
from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.router_loss import RouterLoss
from midtrain_dagster.training import loop
from midtrain_dagster.training.checkpoints.checkpoint import read_log
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.log import ROUTER_LOSS
from midtrain_dagster.training.position import Position, started
from midtrain_dagster.training.step.objective import make_objective
from midtrain_dagster.training.step.parallel import Place, checkpoint_activations
from midtrain_dagster.training.transition.config import begun_config

TABLE = Path(__file__).parents[3] / "docs" / "models.md"
ROWS = [line.strip("| ").split(" | ") for line in TABLE.read_text().splitlines() if "| " in line]
FIRST = next(number for number, row in enumerate(ROWS) if row == ["family", "seen"])
SEEN = dict(row for row in ROWS[FIRST + 1 :] if len(row) == 2)
TRAINED = [family for family, seen in SEEN.items() if seen == "trained, loaded"]
REFUSED = [family for family, seen in SEEN.items() if seen.startswith("refused")]

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LATENT = {
    "num_key_value_heads": 4,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "n_group": 1,
    "topk_group": 1,
}
OWN: dict[str, dict[str, Any]] = {
    "DeepseekV2": LATENT,
    "DeepseekV3": LATENT,
    "Ernie4_5_Moe": {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 16},
    # A layer that slides and one that sees all, each with a RoPE base of its own.
    "Gemma3Text": {
        "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            "full_attention": {"rope_type": "default", "rope_theta": 1_000_000.0},
        },
    },
    "GraniteMoe": {"num_local_experts": 4, "num_experts_per_tok": 2},
    # Its layers attend within chunks, and its causal model is its own `base_model`.
    "Llama4Text": {
        "num_local_experts": 2,
        "router_aux_loss_coef": 0.0,
        "intermediate_size_mlp": 48,
        "attention_chunk_size": 16,
        "layer_types": ["chunked_attention", "full_attention"],
    },
    "Mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "Olmo3": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "Olmoe": {"num_experts": 4, "num_experts_per_tok": 2},
    "Phimoe": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "Qwen2Moe": {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    },
    "Qwen3Moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    # Every second layer has no positions (NoPE).
    "SmolLM3": {"no_rope_layer_interval": 2},
}
"""Of a family, what makes it small and what it is known for."""

ROUTED = {"Ernie4_5_Moe", "GraniteMoe", "Mixtral", "Olmoe", "Qwen2Moe", "Qwen3Moe", "Phimoe"}
"""Families whose router has a loss of its own."""

WHY = {"reset": "random weights have none"}


def saved(family: str, folder: Path) -> Path:
    """A tiny model of a family, with random weights, as its own folder."""
    config = getattr(transformers, f"{family}Config")(**(SIZES | OWN.get(family, {})))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    return folder


def test_the_table_speaks_of_all_families() -> None:
    assert {*TRAINED, *REFUSED} == SEEN.keys()
    assert len(TRAINED) >= 20


@pytest.mark.parametrize("family", TRAINED)
def test_a_family_trains_and_is_loaded(
    family: str, job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three steps; then plain transformers makes of the checkpoint the logits of the very model
    that was trained, on the documents of a packed window and on one alone."""
    start = saved(family, tmp_path / "start")
    told = job(
        {"name": "annealed", "start": start, "model": None},
        start="base",
        tokens=3 * 256,
        schedule=[{"phase": "constant", "learning_rate": 1e-2}],
        inherit={"moments": WHY, "learning_rate": WHY},
        checkpoint_every=3,
    )
    kept: list[Position] = []

    def begun(job: Job, place: Place) -> Position:
        kept.append(started(job, place))
        return kept[0]

    monkeypatch.setattr(loop, "started", begun)
    last = loop.train(told, output=tmp_path / "run")
    ids = torch.arange(1, 30)[None]
    before, after = (
        transformers.AutoModelForCausalLM.from_pretrained(folder).eval() for folder in (start, last)
    )
    with torch.no_grad():
        trained, found = (model(ids, use_cache=False).logits for model in (kept[0].model, after))
        assert not torch.equal(before(ids).logits, found)
    assert found.isfinite().all()
    torch.testing.assert_close(found, trained, rtol=1e-5, atol=1e-5)
    assert type(load_config(last)) is type(load_config(start))
    log = read_log(last)
    assert len(log) == 3
    assert [ROUTER_LOSS in record for record in log] == [family in ROUTED] * 3
    state = kept[0].optimizer.state
    for name, parameter in kept[0].model.named_parameters():
        is_learnt = not name.endswith("e_score_correction_bias")  # it balances experts
        assert state[parameter]["exp_avg"].any() == is_learnt, name


@pytest.mark.parametrize("twice", [False, True])
def test_a_routers_loss_is_that_of_transformers(
    twice: bool, tmp_path: Path, job: Callable[..., Job]
) -> None:
    """The gradient of the loss that transformers gives with labels and its flag set; a layer that
    is computed twice changes nothing."""
    model, same = (
        transformers.AutoModelForCausalLM.from_pretrained(saved("Mixtral", tmp_path)).eval()
        for _ in range(2)
    )
    model.config.router_aux_loss_coef = same.router_aux_loss_coef = 0.5
    ids = torch.arange(64).view(2, 32) % 97
    places = torch.arange(32).expand(2, -1)
    expected = same(ids, labels=ids, use_cache=False, output_router_logits=True)
    expected.loss.backward()
    if twice:
        checkpoint_activations(model)
    objective, cross_entropy, balance = make_objective(model)(ids, places, ids)
    (objective / 62).backward()
    torch.testing.assert_close(balance / 62, expected.aux_loss.detach())
    torch.testing.assert_close(objective / 62, expected.loss)
    assert cross_entropy < objective
    for one, other in zip(model.parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_a_coefficient_without_experts_changes_nothing() -> None:
    """As dense Granite 4 has it."""
    model = transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**SIZES)).eval()
    ids = torch.arange(64).view(2, 32) % 97
    places = torch.arange(32).expand(2, -1)
    expected = make_objective(model)(ids, places, ids)
    module = make_objective(model)
    module.router = RouterLoss(
        transformers.AutoModelForCausalLM.from_config(
            transformers.MixtralConfig(**SIZES | OWN["Mixtral"])
        ),
        0.5,
    )
    found = module(ids, places, ids)
    assert found[0] == expected[0]
    assert found[2] is None


@pytest.mark.parametrize(
    "family, field",
    [
        ("DeepseekV3", "aux_loss_alpha"),
        ("Doge", "router_aux_loss_coef"),
        ("Llama4Text", "router_aux_loss_coef"),
    ],
)
def test_a_router_whose_loss_transformers_does_not_compute_is_refused(
    family: str, field: str, tmp_path: Path
) -> None:
    config = getattr(transformers, f"{family}Config")()
    config.save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    for value in (0.001, 0.0):
        file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
        if value:
            with pytest.raises(TransitionError, match=f"{field} is 0.001, .*say {field}: 0.0"):
                begun_config(tmp_path)
    begun_config(tmp_path)


@pytest.mark.parametrize("family", REFUSED)
def test_a_family_is_refused_from_its_config(family: str, tmp_path: Path) -> None:
    config = getattr(transformers, f"{family}Config")()
    config.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"]
    with pytest.raises(TransitionError, match="has no scaled dot-product attention"):
        begun_config(tmp_path)


TOGETHER = {
    "Falcon": "falcon",
    "OPT": "opt",
    "Jamba": "jamba",
    "Qwen3Next": "qwen3_next",
    "OlmoHybrid": "olmo_hybrid",
}
"""Families in which documents that share a window see each other: of ALiBi or learnt positions, of
states that run on, of linear attention."""


@pytest.mark.parametrize("family", TOGETHER)
def test_a_family_whose_packed_documents_see_each_other_is_trained_on_one_a_window(
    family: str, job: Callable[..., Job], tmp_path: Path
) -> None:
    start = tmp_path / "start"
    small_model(TOGETHER[family]).save_pretrained(start)
    fields = {
        "start": "base",
        "tokens": 2 * 256,
        "schedule": [{"phase": "constant", "learning_rate": 1e-2}],
        "inherit": {"moments": WHY, "learning_rate": WHY},
    }
    start_of = {"name": "annealed", "start": start, "model": None}
    with pytest.raises(TransitionError, match=f"in a {family}.*see each other .*one_document"):
        loop.train(job(start_of, **fields), output=tmp_path / "packed")
    alone = job(start_of, **fields, packing="one_document")
    shards = alone.open_shards()
    plan = alone.plan(shards)
    assert all(len(plan.window(0, slot).spans) == 1 for slot in range(8))
    assert len(read_log(loop.train(alone, output=tmp_path / "alone"))) == 2
