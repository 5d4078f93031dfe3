"""What weights lie in a folder: names, shapes and types, from the headers of its files.

Of safetensors the header is read; of ``pytorch_model.bin`` the index of the pickle, with nothing in
it that could run (``weights_only``), and its tensors stay on the meta device. A trainer here takes
safetensors alone.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.display.numbers import count
from midtrain_dagster.doctor.line import Level, doubt, said, wrong
from midtrain_dagster.models.load import INDEX, load_config, load_to_train
from midtrain_dagster.models.ties import declared, is_tied

Said = Iterator[tuple[str, Level]]

TYPES = {"F64": "float64", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}
"""The types of safetensors' headers, as a config says them."""

PICKLED = "pytorch_model*.bin"


@dataclass
class Stored:
    """The tensors of a folder by name."""

    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    is_pickled: bool = False


def stored(folder: Path) -> Stored:
    """What the headers of a folder say. Raises ``ValueError`` naming a file that is cut, or that
    its index names and that is not there."""
    files = [
        each for each in sorted(own_files(folder, "*.safetensors")) if each.stem != "optimizer"
    ]
    if not files:
        pickled = sorted(own_files(folder, PICKLED))
        return _pickled(pickled) if pickled else Stored()
    index = folder / INDEX
    if index.is_file():
        try:
            named = set(json.loads(index.read_bytes())["weight_map"].values())
        except (ValueError, KeyError, AttributeError) as error:
            raise ValueError(f"{index}: no index of weights: {error!r}") from error
        if lacking := sorted(named - {each.name for each in files}):
            raise ValueError(f"{index}: it names {', '.join(lacking)}, and there is no such file")
    found = Stored(files=files)
    from safetensors import SafetensorError, safe_open

    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                    header = opened.get_slice(name)
                    found.shapes[name] = tuple(header.get_shape())
                    found.types[name] = TYPES.get(header.get_dtype(), header.get_dtype())
        except (OSError, SafetensorError) as error:
            raise ValueError(f"{file}: it is cut or no safetensors file: {error}") from error
    return found


def _pickled(files: list[Path]) -> Stored:
    import pickle

    import torch

    found = Stored(files=files, is_pickled=True)
    for file in files:
        try:
            tensors = torch.load(file, map_location="meta", weights_only=True, mmap=True)
            for name, tensor in tensors.items():
                found.shapes[name] = tuple(tensor.shape)
                found.types[name] = str(tensor.dtype).removeprefix("torch.")
        except (OSError, RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
            first = str(error).splitlines()[0] if str(error) else repr(error)
            raise ValueError(f"{file}: it cannot be looked at: {first}") from error
    return found


def told_weights(folder: Path, found: Stored) -> Said:
    """Files, size, types, and whether the tensors are those of the config's model."""
    if not found.shapes:
        yield wrong("there are no weights: neither safetensors files nor pytorch_model.bin")
        return
    numbers = sum(map(prod, found.shapes.values()))
    names = ", ".join(each.name for each in found.files[:3])
    more = f" and {len(found.files) - 3} more" if len(found.files) > 3 else ""
    yield said(f"{count(numbers)} parameters in {len(found.shapes):,} tensors: {names}{more}")
    yield from _types(folder, found)
    if found.is_pickled:
        yield wrong(
            "the weights are pickled, and are not loaded here: write them anew with transformers "
            "(from_pretrained, save_pretrained), which makes safetensors"
        )
        return
    model = load_to_train(folder, shapes_only=True)
    yield said(f"they are all and only those of a {type(model).__name__}")


def _types(folder: Path, found: Stored) -> Said:
    sizes: Counter[str] = Counter()
    for name, shape in found.shapes.items():
        sizes[found.types[name]] += prod(shape)
    main = sizes.most_common(1)[0][0]
    mixed = "".join(f", {count(size)} values {kind}" for kind, size in sizes.most_common()[1:])
    yield said(f"stored in {main}{mixed}")
    config = json.loads((folder / "config.json").read_bytes())
    named = config.get("dtype") or config.get("torch_dtype")
    if named is None:
        yield doubt(f"config.json says no dtype: transformers 4 reads it in float32, stored {main}")
    elif str(named).removeprefix("torch.") != main:
        yield doubt(
            f"config.json says dtype {named}, and most of the values are {main}: who loads with "
            f'dtype="auto" (as transformers 5 does) rounds or widens them to {named}'
        )


def told_ties(folder: Path) -> Said:
    """Whether the output matrix is the embedding: what the config says, and what the tensors are.
    Of a head and an embedding that are both stored the values are compared, and no more is read."""
    model = load_to_train(folder, shapes_only=True)
    true, says = is_tied(model.config), is_tied(load_config(folder))
    words = {True: "tied", False: "not tied"}
    if not declared(model):
        yield said("the family ties no output matrix to the embedding")
    elif true == says:
        yield said(f"output matrix and embedding are {words[true]}, as config.json says")
    else:
        yield doubt(
            f"config.json says that output matrix and embedding are {words[says]}, and the tensors "
            f"are {words[true]}: here they are trained and exported so; other readers go by "
            "the config, and tie two matrices or draw a head at random"
        )
