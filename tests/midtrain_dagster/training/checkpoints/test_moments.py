"""Moments by name: stored, read, and put onto whole and sharded parameters."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.distributed.tensor import DTensor

from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.training.checkpoints.moments import moment_tensors, put_moments, read_moments


def trained() -> tuple[torch.nn.Module, torch.optim.AdamW]:
    """Two parameters after two updates, and one that took part in the second alone."""
    torch.manual_seed(0)
    model = torch.nn.ParameterDict(
        {name: torch.nn.Parameter(torch.randn(4, 3)) for name in ("a", "b", "late")}
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for names in (("a", "b"), ("a", "b", "late")):
        sum((model[name] ** 3).sum() for name in names).backward()  # type: ignore[union-attr]
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    file = tmp_path / "optimizer.safetensors"
    save_file(moment_tensors(*trained()), file)
    return file


def test_moments_come_back_by_name_with_their_counts(stored: Path) -> None:
    model, optimizer = trained()
    moments = read_moments(stored)
    assert moments.steps == {"a": 2, "b": 2, "late": 1}
    assert load_file(stored).keys() >= {"steps", "steps.late"}
    fresh = torch.optim.AdamW(model.parameters(), lr=1e-2)
    put_moments(moments, model, fresh)
    for parameter in model.parameters():
        assert fresh.state[parameter].keys() == optimizer.state[parameter].keys()
        for key, value in optimizer.state[parameter].items():
            assert torch.equal(fresh.state[parameter][key], value)


def test_put_moments_gives_a_sharded_model_its_shards(stored: Path, tmp_path: Path) -> None:
    from torch.distributed import destroy_process_group, init_process_group
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        model, _ = trained()
        fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        put_moments(read_moments(stored), model, optimizer)
        for name, parameter in model.named_parameters():
            first = optimizer.state[parameter]["exp_avg"]
            assert isinstance(first, DTensor)
            assert first.placements == parameter.placements  # type: ignore[attr-defined]
            assert torch.equal(first.full_tensor(), read_moments(stored).first[name])
        sum((parameter**2).sum() for parameter in model.parameters()).backward()  # type: ignore[union-attr]
        optimizer.step()
    finally:
        destroy_process_group()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": None}, "does not say how many steps"),
        ({"exp_avg_sq.a": None}, "exp_avg and exp_avg_sq of a are not alike"),
        ({"exp_avg.a": torch.zeros(3), "exp_avg_sq.a": torch.zeros(3)}, r"\(3,\) where the model"),
        ({"exp_avg.c": torch.zeros(1), "exp_avg_sq.c": torch.zeros(1)}, "not of the model: c"),
        ({"exp_avg.b": None, "exp_avg_sq.b": None}, "missing: b"),
        ({"momentum.a": torch.zeros(1)}, r"momentum\.a is no moment of AdamW"),
    ],
)
def test_put_moments_refuses_those_of_another_model(
    stored: Path, change: dict[str, Any], message: str
) -> None:
    changed = load_file(stored) | change
    save_file({name: tensor for name, tensor in changed.items() if tensor is not None}, stored)
    model, optimizer = trained()
    with pytest.raises(CheckpointError, match=message) as error:
        put_moments(read_moments(stored), model, optimizer)
    assert str(stored) in str(error.value)


def test_read_moments_names_a_cut_file(stored: Path) -> None:
    stored.write_bytes(stored.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match=str(stored)):
        read_moments(stored)
