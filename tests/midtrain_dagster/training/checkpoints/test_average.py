"""Averages of checkpoints: the mean of their weights, and what cannot be averaged."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.torch import load, load_file, save_file

from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.checkpoints.average import (
    RECORD,
    VERSION,
    WEIGHTS,
    AverageError,
    Soup,
    average,
    last_shares,
    recorded_shares,
)
from midtrain_dagster.training.schedule.shapes.cosine import Cosine
from midtrain_dagster.training.schedule.shapes.linear import Linear
from midtrain_dagster.training.schedule.shapes.one_minus_sqrt import OneMinusSqrt

MODEL = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three small models of one architecture, with a tokenizer's file beside each."""
    folders = []
    for seed in range(3):
        folder = tmp_path_factory.mktemp(f"seed-{seed}")
        new_model(MODEL, vocabulary=20, sequence_length=8, seed=seed).save_pretrained(folder)
        vocabulary = {"model": {"vocab": {"a": 0, "b": 1}}}
        (folder / "tokenizer.json").write_text(json.dumps(vocabulary, indent=seed))
        folders.append(folder)
    return folders


def averaged(folders: list[Path], shares: list[float]) -> dict[str, bytes]:
    named = {f"run {number}": share for number, share in enumerate(shares)}
    return average(
        shares=named, **{f"ingredient_{number}": each for number, each in enumerate(folders)}
    )


def folder_of(path: Path, tensors: dict[str, torch.Tensor], **config: Any) -> Path:
    path.mkdir(parents=True)
    save_file(tensors, path / WEIGHTS)
    (path / "config.json").write_text(json.dumps({"model_type": "llama"} | config))
    return path


def test_average_is_the_mean_of_the_weights_and_loads_as_a_model(
    models: list[Path], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    for name, data in averaged(models, [1 / 3] * 3).items():
        (tmp_path / name).write_bytes(data)
    soup = AutoModelForCausalLM.from_pretrained(tmp_path).state_dict()
    theirs = [AutoModelForCausalLM.from_pretrained(each).state_dict() for each in models]
    assert soup.keys() == theirs[0].keys()
    for name, tensor in soup.items():
        mean = torch.stack([each[name].double() for each in theirs]).mean(0)
        torch.testing.assert_close(tensor, mean.float(), rtol=1e-5, atol=1e-7)
    shares = {"run 0": 1 / 3, "run 1": 1 / 3, "run 2": 1 / 3}
    record = (tmp_path / RECORD).read_bytes()
    assert json.loads(record) == {"version": VERSION, "ingredients": shares}
    assert recorded_shares(record) == shares
    assert (tmp_path / "tokenizer.json").read_bytes() == (models[0] / "tokenizer.json").read_bytes()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-9, 9, width=32), st.floats(0.01, 1)), min_size=2, max_size=6),
    st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_average_weighted_equals_the_formula(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[float, float]], dtype: torch.dtype
) -> None:
    root = tmp_path_factory.mktemp("weighted")
    total = sum(weight for _, weight in made)
    folders = [
        folder_of(root / str(number), {"w": torch.tensor([value, 1.0], dtype=dtype)})
        for number, (value, _) in enumerate(made)
    ]
    mean = load(averaged(folders, [weight / total for _, weight in made])[WEIGHTS])["w"]
    stored = [float(torch.tensor(value, dtype=dtype)) for value, _ in made]
    exact = sum(value * weight / total for value, (_, weight) in zip(stored, made, strict=True))
    assert mean.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.05
    assert mean[0].item() == pytest.approx(exact, abs=tolerance)
    assert mean[1].item() == 1.0


def test_average_of_equal_ingredients_is_exactly_themselves(models: list[Path]) -> None:
    soup = averaged([models[0]] * 3, [0.1, 0.3, 0.6])
    theirs = load_file(models[0] / WEIGHTS)
    mine = load(soup[WEIGHTS])
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_average_refuses_what_is_no_finite_number(tmp_path: Path, value: float) -> None:
    folders = [
        folder_of(tmp_path / str(number), {"w": torch.tensor([each, 1.0])})
        for number, each in enumerate([1.0, value])
    ]
    with pytest.raises(AverageError, match="run 1: w holds values that are no finite numbers"):
        averaged(folders, [0.5, 0.5])
    with pytest.raises(ValidationError, match="finite"):
        Soup.model_validate({"of": {"a": value, "b": 1.0}})


def test_average_is_read_by_older_transformers_and_takes_folders_that_they_wrote(
    models: list[Path], tmp_path: Path
) -> None:
    config = json.loads((models[0] / "config.json").read_bytes())
    theta = config["rope_parameters"]["rope_theta"]
    assert "rope_theta" not in config
    made = json.loads(averaged(models, [0.5, 0.25, 0.25])["config.json"])
    assert (made["rope_theta"], made["rope_scaling"]) == (theta, None)
    older = tmp_path / "older"
    shutil.copytree(models[1], older)
    said = {"rope_theta": theta, "rope_scaling": None}
    for base, refused in ((theta, False), (theta * 2, True)):
        said["rope_theta"] = base
        written = {name: each for name, each in config.items() if name != "rope_parameters"} | said
        (older / "config.json").write_text(json.dumps(written))
        if refused:
            with pytest.raises(AverageError, match="differ in rope_parameters"):
                averaged([models[0], older], [0.5, 0.5])
        else:
            averaged([models[0], older], [0.5, 0.5])


def test_average_keeps_a_sum_that_bf16_would_lose(tmp_path: Path) -> None:
    values = [256.0, 257.0, 259.0, 260.0]
    folders = [
        folder_of(tmp_path / str(value), {"w": torch.tensor([value / 256], dtype=torch.bfloat16)})
        for value in values
    ]
    in_bf16 = sum(load_file(each / WEIGHTS)["w"] * 0.25 for each in folders)
    exact = sum(load_file(each / WEIGHTS)["w"].double() for each in folders) / 4
    mine = load(averaged(folders, [0.25] * 4)[WEIGHTS])["w"]
    assert torch.equal(mine, exact.to(torch.bfloat16))
    assert in_bf16.dtype == torch.bfloat16


def test_average_finds_weights_in_several_files_by_their_index(tmp_path: Path) -> None:
    whole = folder_of(tmp_path / "whole", {"a": torch.ones(2), "b": torch.zeros(2)})
    split = folder_of(tmp_path / "split", {"a": torch.zeros(2)})
    (split / WEIGHTS).rename(split / "model-00001.safetensors")
    save_file({"b": torch.ones(2)}, split / "model-00002.safetensors")
    places = {"a": "model-00001.safetensors", "b": "model-00002.safetensors"}
    index = json.dumps({"weight_map": places})
    (split / "model.safetensors.index.json").write_text(index)
    soup = load(averaged([whole, split], [0.75, 0.25])[WEIGHTS])
    assert soup["a"].tolist() == [0.75, 0.75]
    assert soup["b"].tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("tensors", "config", "vocabulary", "told"),
    [
        ({"w": torch.ones(3), "v": torch.ones(1)}, {}, {"a": 0}, "not the same tensors: v"),
        ({"w": torch.ones(2)}, {}, {"a": 0}, r"shape \(3,\) in run 0, but \(2,\) in run 1"),
        ({"w": torch.ones(3)}, {"rope": "yarn"}, {"a": 0}, "differ in rope$"),
        ({"w": torch.ones(3)}, {}, {"b": 0}, "different vocabularies"),
    ],
)
def test_average_refuses_what_does_not_fit(
    tmp_path: Path, tensors: dict[str, Any], config: Any, vocabulary: Any, told: str
) -> None:
    one = folder_of(tmp_path / "one", {"w": torch.ones(3)})
    other = folder_of(tmp_path / "other", tensors, **config)
    for folder, each in ((one, {"a": 0}), (other, vocabulary)):
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": each}}))
    with pytest.raises(AverageError, match=told):
        averaged([one, other], [0.5, 0.5])


def test_average_wants_the_same_integers_and_weights_in_each_folder(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "one", {"n": torch.tensor([1])})
    other = folder_of(tmp_path / "other", {"n": torch.tensor([2])})
    assert load(averaged([one, one], [0.5, 0.5])[WEIGHTS])["n"].item() == 1
    with pytest.raises(AverageError, match=r"n is of torch\.int64"):
        averaged([one, other], [0.5, 0.5])
    (other / WEIGHTS).unlink()
    with pytest.raises(AverageError, match=r"run 1: .* has no model\.safetensors"):
        averaged([one, other], [0.5, 0.5])


def test_soup_has_shares_that_sum_to_one() -> None:
    seeds = ["annealed", "annealed/seed_2", "annealed/seed_3"]
    assert Soup(of="annealed").shares(seeds) == dict.fromkeys(seeds, 1 / 3)
    assert Soup(of=("a", "b")).shares([]) == {"a": 0.5, "b": 0.5}
    assert Soup(of={"a": 3, "b": 1}).shares([]) == {"a": 0.75, "b": 0.25}
    assert Soup(of="annealed", last=4).shares(seeds) == {"annealed": 1.0}


def test_last_shares_fall_with_their_age() -> None:
    assert last_shares(4, None) == [0.25] * 4
    # An exponential average over checkpoints, newest last: 1, d, d² and so on, made to sum to 1.
    assert last_shares(3, 0.5) == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    # WSM (arXiv 2507.17634): a plain mean is a linear decay; 1 - sqrt has √¼, √½ - √¼ and so on.
    assert last_shares(4, None, Linear()) == pytest.approx([0.25] * 4)
    expected = [0.5, 0.5**0.5 - 0.5, 0.75**0.5 - 0.5**0.5, 1 - 0.75**0.5]
    assert last_shares(4, None, OneMinusSqrt()) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [Linear(), Cosine(), OneMinusSqrt()])
def test_shares_of_a_decay_weigh_what_was_learnt_as_the_decay_would(shape: Any) -> None:
    learnt = np.random.default_rng(0).normal(size=(6, 3))
    checkpoints = np.cumsum(learnt, 0)
    merged = np.array(last_shares(6, None, shape)) @ checkpoints
    factors = shape.curve(np.arange(6) / 6, 1.0, 0.0)
    np.testing.assert_allclose(merged, factors @ learnt)
    assert factors[0] == 1, "what the oldest of them knew counts whole"


@pytest.mark.parametrize(
    "fields",
    [
        {"of": ["a"]},
        {"of": ["a", "a"]},
        {"of": {"a": 1.0}},
        {"of": {"a": 1.0, "b": 0.0}},
        {"of": ["a", "b"], "last": 3},
        {"of": "a", "last": 1},
        {"of": "a", "decay": 0.9},
        {"of": "a", "last": 3, "decay": 1.0},
        {"of": "a", "as_decay": "linear"},
        {"of": "a", "last": 3, "decay": 0.5, "as_decay": "linear"},
        {"of": "a", "last": 3, "as_decay": "exponential"},
        {"of": {"a": float("nan"), "b": 1.0}},
        {"of": {"a": 1e308, "b": 1e308}},
    ],
)
def test_soup_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Soup.model_validate(fields)


def test_average_has_golden_values(tmp_path: Path) -> None:
    folders = [
        folder_of(tmp_path / str(seed), {"w": torch.tensor([0.1, -3.0, 1e-4]) * (seed + 1)})
        for seed in range(3)
    ]
    mean = load(averaged(folders, [0.2, 0.3, 0.5])[WEIGHTS])["w"]
    assert (VERSION, mean.tolist()) == (
        2,
        [0.23000000417232513, -6.900000095367432, 0.00022999999055173248],
    )
