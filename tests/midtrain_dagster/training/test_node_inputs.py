"""Workers of a node share what one of them has fetched; the last of them removes it."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import DamagedPartError, write_output
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.node_inputs import NodeInputs, at_hand

Make = Callable[..., Job]


@pytest.fixture
def inputs(corpus: tuple[Path, Path], store: ArtifactStore) -> NodeInputs:
    """The shards of the job, as they lie in a store."""
    parts = tuple(write_output(store.storage, "parts/a", file.name, file) for file in corpus)
    return NodeInputs(storage=store.storage, folders={str(corpus[0].parent): parts})


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of a node."""
    (tmp_path / "node").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "node"))
    return tmp_path / "node"


def test_workers_of_a_node_work_on_one_copy(
    job: Make, inputs: NodeInputs, node: Path, corpus: tuple[Path, Path]
) -> None:
    barrier, seen = Barrier(3, timeout=60), []
    travelled = NodeInputs.model_validate(inputs.model_dump(mode="json"))

    def work() -> None:
        with at_hand(job(), travelled, "midtrain-1") as mine:
            barrier.wait()
            ((tokens, index),) = mine.shards
            seen.append((tokens.stat().st_ino, tokens.read_bytes(), index.read_bytes()))
            assert mine.plan(mine.open_shards()).steps == 8
            barrier.wait()

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert seen[0][1:] == tuple(file.read_bytes() for file in corpus)
    assert list(node.iterdir()) == []


def test_held_out_documents_travel_with_the_others(
    job: Make, inputs: NodeInputs, node: Path, corpus: tuple[Path, Path]
) -> None:
    with at_hand(job({"held_out": [corpus]}), inputs, "midtrain-1") as mine:
        assert mine.held_out == mine.shards != (corpus,)
        held_out = mine.open_held_out()
        assert held_out is not None
        assert len(held_out) == len(mine.open_shards())
    assert job().open_held_out() is None


def test_what_a_failed_worker_left_is_taken_as_it_is(
    job: Make, inputs: NodeInputs, node: Path
) -> None:
    with pytest.raises(ZeroDivisionError), at_hand(job(), inputs, "midtrain-1"):
        raise ZeroDivisionError
    marker = node / "midtrain-1" / "marker"
    marker.touch()
    with at_hand(job(), inputs, "midtrain-1"):
        assert marker.exists()
    assert list(node.iterdir()) == []


def test_damaged_part_is_not_worked_on(
    job: Make, inputs: NodeInputs, node: Path, store: ArtifactStore
) -> None:
    (parts,) = inputs.folders.values()
    file = Path(store.storage.uri(parts[0].path))
    data: Any = bytearray(file.read_bytes())
    data[7] ^= 1
    file.unlink()
    file.write_bytes(data)
    with pytest.raises(DamagedPartError, match="damaged"), at_hand(job(), inputs, "midtrain-1"):
        pass
    assert not any(path.is_dir() for path in node.iterdir())
