"""Grouped queries, latent attention and experts: annealed, extended fourfold, read by others."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

from midtrain_dagster.training import loop
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.position import Position, started
from midtrain_dagster.training.step.parallel import Place
from tests.midtrain_dagster.training.test_families import WHY, saved

FAMILIES = ["Qwen3", "DeepseekV3", "Mixtral", "Qwen3Moe"]
WINDOW, LENGTH = 64, 256
"""Positions of the tiny models, and of the extended ones."""


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_annealed_extended_and_read(
    family: str, job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moments of all weights go on into longer windows; plain transformers, which knows nothing
    of this, computes the logits of the model that was trained, at positions the base never had."""
    start = saved(family, tmp_path / "start")
    fields = {"start": "base", "schedule": [{"phase": "constant", "learning_rate": 1e-3}]}
    annealed = loop.train(
        job(
            {"name": "annealed", "start": start, "model": None},
            **fields,
            tokens=3 * 256,
            inherit={"moments": WHY, "learning_rate": WHY},
            checkpoint_every=3,
        ),
        output=tmp_path / "annealed",
    )
    kept: list[Position] = []

    def begun(job: Job, place: Place) -> Position:
        kept.append(started(job, place))
        return kept[0]

    monkeypatch.setattr(loop, "started", begun)
    extended = loop.train(
        job(
            {"name": "extended", "start": annealed, "model": None},
            **fields | {"start": "annealed"},
            tokens=2 * 2 * LENGTH,
            batch_tokens=2 * LENGTH,
            sequence_length=LENGTH,
            rope={"method": "yarn", "factor": LENGTH / WINDOW, "original_length": WINDOW},
            inherit={"learning_rate": {"map": "a test", "factor": 1}},
        ),
        output=tmp_path / "extended",
    )
    config = json.loads((extended / "config.json").read_text())
    assert config["max_position_embeddings"] == LENGTH
    assert config["rope_parameters"]["original_max_position_embeddings"] == WINDOW
    assert {state["step"].item() for state in kept[0].optimizer.state.values()} == {5}
    ids = torch.arange(200)[None] % 90
    before, read = (
        transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        for folder in (annealed, extended)
    )
    with torch.no_grad():
        unextended, trained, found = (
            model(ids, use_cache=False).logits for model in (before, kept[0].model, read)
        )
    torch.testing.assert_close(found, trained, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(unextended, trained, atol=1e-4)
