"""The type in which a delivered model's weights are stored: that of its base, or one that is said.

Stages train, and keep their checkpoints, in float32, so that a run goes on to the last bit. Who
loads the model expects the type of its base: bfloat16 mostly, half the size, and some tensors
(norms, routers) in float32 where the base has them so. Rounding to it is what deploying a model
does anyhow; how much it moves the weights is measured and told.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from midtrain_dagster.models.tensor_names import are_alike

if TYPE_CHECKING:
    from torch import Tensor

Dtype = Literal["float32", "bfloat16", "float16"]

CODES: dict[str, Dtype] = {
    "F64": "float32",
    "F32": "float32",
    "BF16": "bfloat16",
    "F16": "float16",
}
"""The types of safetensors files, and what stands for them in a delivered folder."""

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"


class RangeError(ValueError):
    """A value beyond what the type holds that it is to be stored in."""


@dataclass
class Stored:
    """How weights are stored in a folder, and what was done to them for it."""

    values: Counter[Dtype]
    """Values of each type."""
    rounded: int = 0
    """Values of tensors that were not stored without a change."""
    lost: int = 0
    """Of those, values that became zero."""
    moved: float = 0.0
    size: float = 0.0

    @property
    def main(self) -> Dtype:
        """The type of most values: what ``config.json`` says."""
        return self.values.most_common(1)[0][0]

    def told(self) -> str:
        """In a sentence or two."""
        others = [f"{count:,} values {dtype}" for dtype, count in self.values.most_common()[1:]]
        said = f"Weights are stored as {self.main}"
        said += f" ({', '.join(others)})." if others else "."
        if not self.rounded:
            return said
        share = sqrt(self.moved / self.size) if self.size else 0.0
        said += f" Rounding {self.rounded:,} values moved them by {share:.2%} of their size (root "
        said += "mean square)"
        return said + (f", and made {self.lost:,} of them zero." if self.lost else ".")


def stored_dtypes(folder: Path) -> dict[str, Dtype]:
    """The type of each tensor in a folder's files, from their headers; whole numbers left out."""
    found: dict[str, Dtype] = {}
    for file in _files(folder):
        for name, entry in _header(file).items():
            if entry["dtype"] in CODES:
                found[name] = CODES[entry["dtype"]]
    return found


def store_as(folder: Path, like: Mapping[str, Dtype], *, other: Dtype | None = None) -> Stored:
    """Store each tensor of a folder's files in the type of its namesake in ``like``, what has none
    as most of those are; without ``like`` as ``other``, and without both as it is. ``config.json``
    says what most values are.

    A file is rewritten in memory, and left alone where nothing changes. Raises
    :class:`RangeError` for a value that the type does not hold.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    most = Counter(like.values()).most_common(1)[0][0] if like else other
    stored = Stored(Counter())
    for file in _files(folder):
        header = _header(file)
        wanted = {name: _wanted(name, entry, like, most) for name, entry in header.items()}
        for name, dtype in wanted.items():
            if dtype is not None:
                stored.values[dtype] += prod(header[name]["shape"])
        if all(dtype in (None, CODES.get(header[name]["dtype"])) for name, dtype in wanted.items()):
            continue
        with safe_open(file, framework="pt") as opened:
            tensors = {
                name: _rounded(opened.get_tensor(name), dtype, name, stored)
                for name, dtype in wanted.items()
            }
            metadata = opened.metadata()
        save_file(tensors, file, metadata=metadata)
    _write_config(folder, stored)
    return stored


def _wanted(
    name: str, entry: Mapping[str, Any], like: Mapping[str, Dtype], most: Dtype | None
) -> Dtype | None:
    if entry["dtype"] not in CODES:
        return None
    if name in like:
        return like[name]
    alike = {dtype for known, dtype in like.items() if are_alike(known, name)}
    return alike.pop() if len(alike) == 1 else most or CODES[entry["dtype"]]


def _rounded(tensor: "Tensor", dtype: Dtype | None, name: str, stored: Stored) -> "Tensor":
    import torch

    if dtype is None or tensor.dtype == getattr(torch, dtype):
        return tensor
    made = tensor.to(getattr(torch, dtype))
    if not made.isfinite().all():
        largest = tensor.abs().max().item()
        raise RangeError(f"{name} holds {largest:.4g}, beyond what {dtype} holds")
    if torch.equal(made.to(tensor.dtype), tensor):
        return made
    stored.rounded += tensor.numel()
    stored.lost += int(((made == 0) & (tensor != 0)).sum())
    stored.moved += float((made.float() - tensor.float()).square().sum(dtype=torch.float64))
    stored.size += float(tensor.float().square().sum(dtype=torch.float64))
    return made


def _write_config(folder: Path, stored: Stored) -> None:
    file = folder / CONFIG
    before = json.loads(file.read_bytes())
    config = before | {"dtype": stored.main}
    if "torch_dtype" in before:
        config["torch_dtype"] = stored.main
    if config != before:
        file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    index = folder / INDEX
    if stored.rounded and index.is_file():
        content = json.loads(index.read_bytes())
        sizes = (
            entry["data_offsets"] for each in _files(folder) for entry in _header(each).values()
        )
        content["metadata"]["total_size"] = sum(stop - begin for begin, stop in sizes)
        index.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.safetensors")) if file.stem != "optimizer"]


def _header(file: Path) -> dict[str, dict[str, Any]]:
    """What a safetensors file says of its tensors: type, shape, place."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header: dict[str, dict[str, Any]] = json.loads(opened.read(length))
    return {name: entry for name, entry in header.items() if name != "__metadata__"}
