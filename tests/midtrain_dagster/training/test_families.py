"""Base models of many families: a tiny one of each is trained and loaded, or refused by name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

from benchmarks.families import small_model
from midtrain_dagster.models.load import load_config
from midtrain_dagster.training.checkpoints.checkpoint import read_log
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
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
EXPERTS: dict[str, dict[str, int]] = {
    "Mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "Olmoe": {"num_experts": 4, "num_experts_per_tok": 2},
    "Qwen3Moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
}
WHY = {"reset": "random weights have none"}


def saved(family: str, folder: Path) -> Path:
    """A tiny model of a family, with random weights, as its own folder."""
    config = getattr(transformers, f"{family}Config")(**SIZES, **EXPERTS.get(family, {}))
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
    family: str, job: Callable[..., Job], tmp_path: Path
) -> None:
    start = saved(family, tmp_path / "start")
    told = job(
        {"name": "annealed", "start": start, "model": None},
        start="base",
        tokens=2 * 256,
        schedule=[{"phase": "constant", "learning_rate": 1e-2}],
        inherit={"moments": WHY, "learning_rate": WHY},
        checkpoint_every=2,
    )
    last = train(told, output=tmp_path / "run")
    ids = torch.arange(1, 30)[None]
    before, after = (
        transformers.AutoModelForCausalLM.from_pretrained(folder).eval()(ids).logits
        for folder in (start, last)
    )
    assert after.isfinite().all()
    assert not torch.equal(before, after)
    assert type(load_config(last)) is type(load_config(start))


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
        train(job(start_of, **fields), output=tmp_path / "packed")
    alone = job(start_of, **fields, packing="one_document")
    shards = alone.open_shards()
    plan = alone.plan(shards)
    assert all(len(plan.window(0, slot).spans) == 1 for slot in range(8))
    assert len(read_log(train(alone, output=tmp_path / "alone"))) == 2
