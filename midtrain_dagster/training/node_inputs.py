"""The files that a stage works on, at hand on every node that has workers.

A store that is a folder is one that all nodes see. From an object store the driver fetches what it
needs to plan; workers on another node find nothing there, so one of them fetches the same files
once for all workers of its node, and compares each with its digest.

Who that is a lock decides and no rank: Ray counts ranks by IP addresses, which nodes may share.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import check_digests, file_names
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.training.job import Job


class NodeInputs(FrozenModel):
    """What a job's local files are in the store."""

    storage: Storage
    folders: dict[str, tuple[Part, ...]]
    """Folder of the driver to the parts that it holds, under the names of ``file_names``."""


@contextmanager
def at_hand(job: Job, inputs: NodeInputs, name: str) -> Iterator[Job]:
    """The job on files of this node, below a temporary folder of that ``name``.

    The first worker that comes fetches them, the others wait for it; the last that is done removes
    them. Where one was killed or has failed they stay, and are taken as they are by the next
    workers of the same run. Raises what the store raises, ``FullDiskError`` where there is no room,
    and ``DamagedPartError``.
    """
    shared = Path(tempfile.gettempdir()) / name
    gate, used = (shared.with_name(f"{name}.{end}") for end in ("gate", "used"))
    with used.open("a") as mine:
        with _locked(gate):
            if not shared.is_dir():
                _fetch(inputs, shared)
            fcntl.flock(mine, fcntl.LOCK_SH)
        yield relocated(job, {old: shared / str(n) for n, old in enumerate(inputs.folders)})
        with _locked(gate):
            try:
                fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another worker is at it yet
            shutil.rmtree(shared)
            used.unlink()
            gate.unlink()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Alone, among the processes of this node; one that is killed lets go."""
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def relocated(job: Job, folders: Mapping[str, Path]) -> Job:
    """The same job whose files lie in other folders, each under its name."""

    def moved(path: Path) -> Path:
        new = folders.get(str(path))
        return new if new is not None else folders[str(path.parent)] / path.name

    return job.model_copy(
        update={
            "shards": tuple((moved(tokens), moved(index)) for tokens, index in job.shards),
            "held_out": tuple((moved(tokens), moved(index)) for tokens, index in job.held_out),
            "targets": tuple(None if each is None else moved(each) for each in job.targets),
            "start": None if job.start is None else moved(job.start),
            "tokenizer": None if job.tokenizer is None else moved(job.tokenizer),
        }
    )


def _fetch(inputs: NodeInputs, shared: Path) -> None:
    """Fetch the files into a folder that appears whole or not at all."""
    partial = Path(tempfile.mkdtemp(prefix=f"{shared.name}.", dir=shared.parent))
    try:
        for number, parts in enumerate(inputs.folders.values()):
            folder = partial / str(number)
            folder.mkdir()
            with inputs.storage.local_folder(file_names(parts)) as fetched:
                check_digests(inputs.storage, parts, fetched)
                for file in fetched.iterdir():
                    file.replace(folder / file.name)
        partial.replace(shared)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
