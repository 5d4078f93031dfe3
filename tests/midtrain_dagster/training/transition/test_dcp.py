"""DCP folders: read whole, also where written in shards, and nothing foreign is unpickled."""

import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.metadata import Metadata

from midtrain_dagster.training.transition.dcp import DcpFolder, UnreadableError

STATE: dict[str, Any] = {
    "model": {"a.weight": torch.arange(12.0).view(4, 3), "half": torch.ones(5).bfloat16()},
    "optimizer": {"lr": 1e-3, "groups": [{"lr": 2.0, "params": ["a.weight"]}]},
    "step": torch.tensor(7.0),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dcp.save(STATE, checkpoint_id=tmp_path / "dcp", no_dist=True)
    return tmp_path / "dcp"


def test_dcp_folder_reads_tensors_and_plain_values(folder: Path) -> None:
    source = DcpFolder(folder)
    assert source.tensors == {"model.a.weight": (4, 3), "model.half": (5,), "step": ()}
    read = source.read([*source.tensors, "optimizer.lr"])
    assert torch.equal(read["model.a.weight"], STATE["model"]["a.weight"])
    assert read["model.half"].dtype == torch.bfloat16
    assert (float(read["step"]), read["optimizer.lr"]) == (7.0, 1e-3)


def test_dcp_folder_knows_shapes_without_reading(folder: Path) -> None:
    read = DcpFolder(folder).read(["model.a.weight", "step"], shapes_only=True)
    assert read["model.a.weight"].is_meta
    assert float(read["step"]) == 7.0


def test_dcp_folder_puts_shards_of_two_workers_together(pair: Path) -> None:
    source = DcpFolder(pair / "dcp")
    assert len(list((pair / "dcp").glob("*.distcp"))) == 2
    for tensor in source.read(list(source.tensors)).values():
        assert torch.equal(tensor, torch.arange(15.0).view(5, 3))


class Harmful:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_dcp_folder_refuses_metadata_that_name_foreign_code(folder: Path, tmp_path: Path) -> None:
    metadata = pickle.loads((folder / ".metadata").read_bytes())
    metadata.planner_data = Harmful(tmp_path / "mark")
    (folder / ".metadata").write_bytes(pickle.dumps(metadata))
    with pytest.raises(UnreadableError, match=r"\.metadata: it names posix\.system"):
        DcpFolder(folder)
    assert not (tmp_path / "mark").exists()


def test_dcp_folder_does_not_load_values_that_are_objects(folder: Path, tmp_path: Path) -> None:
    state = STATE | {"harmful": Harmful(tmp_path / "mark")}
    dcp.save(state, checkpoint_id=tmp_path / "other", no_dist=True)
    (tmp_path / "mark").unlink(missing_ok=True)
    with pytest.raises(UnreadableError, match=str(tmp_path / "other")):
        DcpFolder(tmp_path / "other").read(["harmful"])
    assert not (tmp_path / "mark").exists()


def test_dcp_folder_refuses_files_outside_the_folder(folder: Path) -> None:
    metadata = pickle.loads((folder / ".metadata").read_bytes())
    for info in metadata.storage_data.values():
        info.relative_path = "../elsewhere"
    (folder / ".metadata").write_bytes(pickle.dumps(metadata))
    with pytest.raises(UnreadableError, match=r"names '\.\./elsewhere', outside its folder"):
        DcpFolder(folder)


@pytest.mark.parametrize(
    "content", [b"", b"no pickle", pickle.dumps({}), pickle.dumps(Metadata({}))]
)
def test_dcp_folder_refuses_other_metadata(folder: Path, content: bytes) -> None:
    (folder / ".metadata").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"\.metadata: "):
        DcpFolder(folder)


def test_dcp_folder_refuses_a_cut_file(folder: Path) -> None:
    (file,) = folder.glob("*.distcp")
    file.write_bytes(io.BytesIO(file.read_bytes()).read(40))
    with pytest.raises(UnreadableError, match=str(folder)):
        DcpFolder(folder).read(["model.a.weight"])


def test_dcp_folder_refuses_a_missing_file(folder: Path) -> None:
    for file in folder.glob("*.distcp"):
        file.unlink()
    with pytest.raises(UnreadableError, match=r"__0_0\.distcp"):
        DcpFolder(folder).read(["model.a.weight"])
