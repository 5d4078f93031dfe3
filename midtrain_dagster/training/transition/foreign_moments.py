"""AdamW's moments as other trainers leave them: ``optimizer.pt``, and torch DCP folders.

``optimizer.pt`` is what ``torch.save`` made of an optimizer's state, by number and not by name.
Hugging Face's Trainer numbers the parameters that decay first, then the others, each in the model's
order (``Trainer.create_optimizer``, transformers 5); one group means the model's order. That is an
assumption. The sizes of the groups and all shapes are checked against it, and what they cannot
tell apart (two matrices of one shape) it decides. Files with names, as FSDP's full state dicts
have, need no assumption.

DCP folders (``torch.distributed.checkpoint``) go by name. Both of PyTorch's layouts make the same
keys, ``PREFIX.state.NAME.exp_avg``: torchtitan's prefix is ``optimizer``, OLMo-core's ``optim``.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.training.checkpoints.moments import MOMENTS, Moments, read_moments
from midtrain_dagster.training.optimizers.method import MOMENTUM
from midtrain_dagster.training.transition.dcp import METADATA, DcpFolder, UnreadableError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

OURS = "optimizer.safetensors"
PICKLED = "optimizer.pt"

KEY = re.compile(
    r"(?:.*\.)?state\.(?P<name>.+)\.(?P<field>exp_avg|exp_avg_sq|momentum_buffer|step)"
)
"""A key of a DCP folder; the name of a parameter may hold dots, and even the word state."""

LEARNING_RATE = re.compile(r"(?:.*\.)?param_groups(?:\..*\.lr)?")
"""Where a DCP folder has learning rates: one a parameter or group, or all groups in one value."""

WRAPPERS = re.compile(r"\b(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|module)\.")
"""What torch.compile, FSDP, activation checkpointing and DDP put into names."""

SPARED = (r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)")
"""Names that the Trainer's weight decay spares (``Trainer.get_decay_parameter_names``)."""

SCALES = (
    "; a momentum alone is Muon's or SGD's, a mean of gradients or their sum by trainer, which the "
    "file does not say"
)

OTHERWISE = "or say inherit: {moments: {reset: WHY}}"


def find_moments(folder: Path) -> Path | None:
    """Where a checkpoint's folder has moments: a file, or a DCP folder (itself, or one in it).

    None where it has none. Raises ``CheckpointError`` where two DCP folders have some.
    """
    for name in (OURS, PICKLED):
        if (folder / name).is_file():
            return folder / name
    found = [
        metadata.parent
        for metadata in (folder / METADATA, *sorted(folder.glob(f"*/{METADATA}")))
        if metadata.is_file() and any(map(KEY.fullmatch, _opened(metadata.parent).tensors))
    ]
    if len(found) > 1:
        named = " and ".join(str(path) for path in found)
        raise CheckpointError(f"{named} both hold moments: leave only the one to inherit")
    return found[0] if found else None


def moments_of(folder: Path, model: "Module", *, shapes_only: bool = False) -> Moments:
    """The moments in a checkpoint's folder, by name; ``model`` numbers those of ``optimizer.pt``.

    With ``shapes_only`` the tensors are on the meta device, and no values are read from a DCP
    folder. Raises ``CheckpointError`` where there are none, or they are not AdamW's.
    """
    found = find_moments(folder)
    if found is None:
        raise CheckpointError(
            f"{folder}: there are no moments to keep: neither {OURS}, nor {PICKLED}, nor a torch "
            f"DCP folder with optimizer state; put one there, {OTHERWISE}"
        )
    if found.name == OURS:
        return read_moments(found)
    if found.name == PICKLED:
        return _read_pickled(found, model, shapes_only)
    return _read_dcp(found, shapes_only)


def _read_pickled(file: Path, model: "Module", shapes_only: bool) -> Moments:
    import pickle

    import torch

    try:
        stored = torch.load(
            file, map_location="meta" if shapes_only else "cpu", weights_only=True, mmap=True
        )
        state, groups = stored["state"], stored["param_groups"]
        grouped = [list(group["params"]) for group in groups]
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError) as error:
        raise CheckpointError(
            f"{file}: it is damaged, or holds more than tensors and numbers, and is not loaded: "
            f"{str(error).splitlines()[0]}; replace it, {OTHERWISE}"
        ) from error
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{file}: no state of an optimizer: {error!r}") from error
    name_of = {key: key for key in state if isinstance(key, str)}
    if not name_of:
        name_of = _numbered(file, grouped, model)
    entries = {}
    for key, fields in state.items():
        if key not in name_of:
            raise CheckpointError(f"{file}: parameter {key} is in none of its groups")
        entries[WRAPPERS.sub("", name_of[key])] = fields
    return _moments(file, entries, [group.get("lr") for group in groups])


def _numbered(file: Path, grouped: list[list[int]], model: "Module") -> dict[Any, str]:
    """The names of the numbers: in the order in which Hugging Face's Trainer groups parameters."""
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    decaying = decaying_names(model)
    groups = [names]
    if len(grouped) == 2:
        groups = [
            [name for name in names if name in decaying],
            [name for name in names if name not in decaying],
        ]
    found, expected = [len(group) for group in grouped], [len(group) for group in groups]
    if found != expected:
        raise CheckpointError(
            f"{file}: groups of {found} parameters, where Hugging Face's Trainer makes {expected} "
            f"of this model: it is of another model or was grouped in another way, and the numbers "
            f"in it cannot be named; save it by name (a DCP folder), {OTHERWISE}"
        )
    numbers = (number for group in grouped for number in group)
    return dict(zip(numbers, (name for group in groups for name in group), strict=True))


def decaying_names(model: "Module") -> set[str]:
    """The parameters that the Trainer lets decay, hence numbers first."""
    from torch.nn import LayerNorm
    from transformers.trainer_pt_utils import get_parameter_names

    return set(get_parameter_names(model, [LayerNorm], list(SPARED)))


def _read_dcp(folder: Path, shapes_only: bool) -> Moments:
    source = _opened(folder)
    keys = {
        key: match for key in (*source.tensors, *source.objects) if (match := KEY.fullmatch(key))
    }
    learning_rates = [
        key for key in (*source.tensors, *source.objects) if LEARNING_RATE.fullmatch(key)
    ]
    try:
        values = source.read([*keys, *learning_rates], shapes_only=shapes_only)
    except UnreadableError as error:
        raise CheckpointError(f"{error}; replace it, {OTHERWISE}") from error
    entries: dict[str, dict[str, Any]] = {}
    for key, match in keys.items():
        name = WRAPPERS.sub("", match["name"])
        entries.setdefault(name, {})[match["field"]] = values[key]
    return _moments(folder, entries, _learning_rates({key: values[key] for key in learning_rates}))


def _opened(folder: Path) -> DcpFolder:
    try:
        return DcpFolder(folder)
    except UnreadableError as error:
        raise CheckpointError(f"{error}; replace it, {OTHERWISE}") from error


def _learning_rates(values: Mapping[str, Any]) -> list[Any]:
    """Every one in what DCP keeps of parameter groups, flattened by key or a list of groups."""
    learning_rates = []
    for key, value in values.items():
        if key.endswith(".lr"):
            learning_rates.append(value)
        elif isinstance(value, list):
            learning_rates += [group.get("lr") for group in value if isinstance(group, dict)]
    return learning_rates


def _moments(
    file: Path, entries: Mapping[str, Mapping[str, Any]], learning_rates: Iterable[Any]
) -> Moments:
    wanted = {*MOMENTS, "step"}
    for name, fields in entries.items():
        if fields.keys() != wanted:
            raise CheckpointError(
                f"{file}: the state of {name} is {', '.join(sorted(fields))}, and that of AdamW is "
                f"{', '.join(sorted(wanted))}{SCALES if MOMENTUM in fields else ''}; "
                f"{OTHERWISE[3:]}"
            )
    if not entries:
        raise CheckpointError(f"{file}: there is no parameter with moments in it; {OTHERWISE[3:]}")
    known = {float(each) for each in learning_rates if each is not None and not _is_meta(each)}
    return Moments(
        file,
        first={name: fields["exp_avg"] for name, fields in entries.items()},
        second={name: fields["exp_avg_sq"] for name, fields in entries.items()},
        steps={name: _count(fields["step"]) for name, fields in entries.items()},
        # Groups with learning rates of their own leave no single one to go on from.
        learning_rate=known.pop() if len(known) == 1 else None,
    )


def _is_meta(value: "float | Tensor") -> bool:
    return getattr(value, "is_meta", False)


def _count(step: "int | float | Tensor") -> int:
    return 0 if _is_meta(step) else int(step)
