"""Checkpoints: a Hugging Face folder, the optimizer's moments by parameter name, and integers.

Anything that reads Hugging Face folders reads these. Beside ``model.safetensors``, ``config.json``
and the tokenizer lie ``optimizer.safetensors`` (``exp_avg.NAME``, ``exp_avg_sq.NAME``, ``steps``;
of Muon's parameters ``momentum_buffer.NAME``), ``state.json``, the log of the stage so far, and
``digests.json``, written last. There is no state of a random generator, for training draws no
random number. Nothing in it depends on a path, a host or the time: equal runs make equal bytes.
Nothing is unpickled.

The price: moments are written in fp32 and whole, one file, which suits models of one machine.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.core.atomic_folder import made_whole
from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.system_files import is_of_a_system, own_files
from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.models.older_names import write_older_names
from midtrain_dagster.models.special_ids import write_special_ids
from midtrain_dagster.tokens.load_tokenizer import TOKENIZER_FILES
from midtrain_dagster.training.checkpoints.moments import moment_tensors, put_moments, read_moments

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem
    from torch import Tensor
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

__all__ = ["CheckpointError", "State"]

VERSION = 2
"""Of the format. 2: the state says ``learning_rate``."""

OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
LOG = "log.jsonl"
DIGESTS = "digests.json"


@dataclass(frozen=True)
class State:
    """Where a stage stands: ``step`` updates done, over ``tokens`` tokens."""

    stage: str
    seed: int
    step: int
    tokens: int
    learning_rate: float
    """Where the schedule stands: what the next stage inherits."""
    data: dict[str, Any] = field(default_factory=dict)
    """Where the documents' order stands (``Plan.position``), for a stage that goes on in it."""


@dataclass(frozen=True)
class Snapshot:
    """Whole tensors on the CPU: weights by parameter name, and what is stored of the optimizer."""

    weights: dict[str, "Tensor"]
    moments: dict[str, "Tensor"]


def take_snapshot(
    model: "PreTrainedModel", optimizer: "Optimizer", *, rank: int = 0, copy: bool = False
) -> Snapshot:
    """Weights and moments as they are now. Of a sharded model, every rank has to call this.

    Only rank 0 gets tensors; other ranks take part in gathering and get none. The tensors of a
    whole model on the CPU are its own, unless a ``copy`` is asked for.
    """

    def whole(tensors: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
        gathered = {}
        for name, tensor in tensors.items():
            full = tensor.detach()
            full = full.full_tensor() if hasattr(full, "full_tensor") else full
            if rank == 0:
                gathered[name] = full.to("cpu", copy=copy).contiguous()
        return gathered

    parameters = dict(model.named_parameters())
    tied = dict(model.named_parameters(remove_duplicate=False)).keys() - parameters.keys()
    buffers = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name not in parameters and name not in tied
    }
    return Snapshot(whole(parameters | buffers), whole(moment_tensors(model, optimizer)))


def save_checkpoint(
    folder: Path,
    *,
    model: "PreTrainedModel",
    optimizer: "Optimizer",
    state: State,
    log: list[dict[str, Any]],
    tokenizer: Path | None,
    rank: int = 0,
    later: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Write a checkpoint of a model as it is now, sharded or not.

    Every rank calls it, rank 0 writes. With ``later`` it hands over what writes a copy, and the
    training may go on. Errors as in ``write_checkpoint``.
    """
    snapshot = take_snapshot(model, optimizer, rank=rank, copy=later is not None)
    if rank != 0:
        return
    write = partial(
        write_checkpoint,
        folder,
        model=model,
        snapshot=snapshot,
        state=state,
        log=list(log),
        tokenizer=tokenizer,
    )
    if later is None:
        write()
    else:
        later(write)


def write_checkpoint(
    folder: Path,
    *,
    model: "PreTrainedModel",
    snapshot: Snapshot,
    state: State,
    log: list[dict[str, Any]],
    tokenizer: Path | None,
) -> None:
    """Write a checkpoint: into a folder beside, synced to disk, then renamed, so all or nothing.

    Of ``model`` only the configuration is used.
    Where ``folder`` exists, made by another process, it is left as it is if it is whole and has
    the same state; else it is put aside as ``damaged-NAME``, and the new one takes its place.
    Raises what writing raises, for a full disk say, and leaves nothing then.
    """
    from safetensors.torch import save_file
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    fields = {name: value for name, value in asdict(state).items() if value != {}}
    stored = json.dumps({"version": VERSION} | fields) + "\n"
    with made_whole(folder, lambda: _is_written(folder, stored)) as partial:
        model.config._name_or_path = ""
        model.save_pretrained(partial, state_dict=snapshot.weights, max_shard_size="1000GB")
        write_older_names(partial)
        save_file(snapshot.moments, partial / OPTIMIZER)
        (partial / STATE).write_text(stored, "utf-8")
        lines = [json.dumps(record, allow_nan=False) + "\n" for record in log]
        (partial / LOG).write_text("".join(lines), "utf-8")
        if tokenizer is not None:
            for file in filter(Path.is_file, (tokenizer / name for name in TOKENIZER_FILES)):
                shutil.copyfile(file, partial / file.name)
            write_special_ids(partial, tokenizer)
        files, root = filesystem_of(partial)
        names = sorted(file.name for file in own_files(partial))
        digests = {name: _digest(files, f"{root}/{name}") for name in names}
        (partial / DIGESTS).write_text(json.dumps(digests, indent=1) + "\n", "utf-8")


def _is_written(folder: Path, stored: str) -> bool:
    """Whether a whole checkpoint is there whose state is, to the byte, the one given."""
    try:
        verify_checkpoint(folder)
        return (folder / STATE).read_text("utf-8") == stored
    except (CheckpointError, OSError):
        return False


def verify_checkpoint(folder: str | Path) -> State:
    """Compare every file with its digest, and return the state. ``folder`` is a path or a URI.

    Raises ``CheckpointError`` naming the first file that is missing, changed or not listed. What a
    system leaves in folders (``.nfs...``) is passed over.
    """
    from pyarrow.fs import FileSelector

    files, root = filesystem_of(folder)
    digests = read_digests(folder)
    try:
        found = {info.base_name for info in files.get_file_info(FileSelector(root))}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}/{DIGESTS}: {error}") from error
    for name in sorted(found - digests.keys() - {DIGESTS}):
        if is_of_a_system(name):
            continue
        raise CheckpointError(f"{folder}/{name}: not part of the checkpoint")
    for name, digest in digests.items():
        if name not in found:
            raise CheckpointError(f"{folder}/{name}: missing")
        try:
            written = _digest(files, f"{root}/{name}")
        except OSError as error:
            raise CheckpointError(f"{folder}/{name}: {error}") from error
        if written != digest:
            raise CheckpointError(f"{folder}/{name}: changed since it was written")
    return read_state(folder)


def read_digests(folder: str | Path) -> dict[str, str]:
    """The files that a checkpoint consists of, each with its digest. Raises ``CheckpointError``."""
    files, root = filesystem_of(folder)
    try:
        digests: dict[str, str] = json.loads(_read(files, f"{root}/{DIGESTS}"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}/{DIGESTS}: {error}") from error
    return digests


def is_checkpoint(folder: Path) -> bool:
    """Whether a Hugging Face folder is one of ours, with moments and a state."""
    return (folder / DIGESTS).is_file()


def read_state(folder: str | Path) -> State:
    """The integers of a checkpoint. Raises ``CheckpointError`` where they are not what we write."""
    files, root = filesystem_of(folder)
    try:
        written = _read(files, f"{root}/{STATE}")
    except OSError as error:
        raise CheckpointError(f"{folder}/{STATE}: {error!r}") from error
    return parse_state(written, f"{folder}/{STATE}")


def parse_state(written: bytes, file: str) -> State:
    """The integers in the bytes of ``state.json``; errors as in ``read_state`` name ``file``."""
    try:
        fields = json.loads(written)
        version = fields.pop("version")
        state = State(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{file}: {error!r}") from error
    if version != VERSION:
        raise CheckpointError(f"{file}: version {version}, this code reads {VERSION}")
    return state


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The records of the stage's steps so far, in order."""
    lines = (folder / LOG).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def load_optimizer(folder: Path, model: "PreTrainedModel", optimizer: "Optimizer") -> None:
    """Put a checkpoint's moments and step count into a fresh optimizer over ``model``'s parameters.

    Raises ``CheckpointError`` where there are none, and where names or shapes differ.
    """
    if not (folder / OPTIMIZER).is_file():
        raise CheckpointError(f"{folder / OPTIMIZER}: missing, so the stage cannot be resumed")
    put_moments(read_moments(folder / OPTIMIZER), model, optimizer)


def _read(files: "FileSystem", path: str) -> bytes:
    with files.open_input_stream(path, compression=None) as stream:
        return bytes(stream.read())


def _digest(files: "FileSystem", path: str) -> str:
    digest = blake2b(digest_size=32)
    with files.open_input_stream(path, compression=None) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
