"""Averages of checkpoints: soups of seeds, the last of a stage, exponential averages.

A soup averages the weights of runs that begin alike and differ in their data's order (*Model
soups*, Wortsman et al. 2022, arXiv 2203.05482); OLMo 2 anneals with the seeds 42, 42069 and 666 and
averages the three. The last k checkpoints of one run may be averaged too (*LAWA*, Kaddour 2022,
arXiv 2209.14981), with weights that fall by a factor from each to the one before it: an exponential
moving average of the run, as fine as its milestones, that costs the training loop nothing. Or with
weights that do to what was learnt between them as a decay of the learning rate would have (*WSM*,
Tian et al. 2025, arXiv 2507.17634): a stage that rests at a constant rate needs no decay then.

An average has no moments and no learning rate: a stage that continues it resets both. It is
computed in float32, one tensor at a time, as a running mean, so that equal ingredients give exactly
themselves; it is written in the first ingredient's type and held in memory whole.
"""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.models.load import sharded_weights
from midtrain_dagster.models.older_names import OLDER, with_older_names
from midtrain_dagster.tokens.load_tokenizer import TOKENIZER_FILES
from midtrain_dagster.training.schedule.method import ShapeMethod
from midtrain_dagster.training.schedule.shape import Shape

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 2

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
RECORD = "soup.json"
"""Written beside the weights: the ingredients and the weight of each."""

COPIED = (CONFIG, "generation_config.json", *TOKENIZER_FILES)
"""What an average takes over from its first ingredient."""

NO_ARCHITECTURE = {
    *("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "use_cache"),
}
"""What of a config says nothing about how the weights are used."""


class AverageError(ValueError):
    """Checkpoints that cannot be averaged; the message names the ingredient and what differs."""


class Soup(FrozenModel):
    """An average of checkpoints.

    ``of`` a stage: of the runs of all its seeds, or, with ``last``, of its last checkpoints. ``of``
    several checkpoints: plain if they are listed, weighted if each is given its weight.
    """

    of: str | Annotated[tuple[str, ...], Field(min_length=2)] | dict[str, float]
    """A stage, checkpoints, or checkpoints with their weights."""
    last: Annotated[int, Field(ge=2)] | None = None
    """How many of the stage's checkpoints: the milestones that it keeps, and its end."""
    decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The weight of each of the last checkpoints over that of the next; null: all weigh alike."""
    as_decay: Annotated[Shape | None, CAUSE_IF_SET] = None
    """The decay to 0 that the weights of the last checkpoints stand for (WSM): what was learnt
    after each of them counts as if the rate had fallen so. ``linear`` weighs all alike."""

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Self:
        if self.last is not None and not isinstance(self.of, str):
            raise ValueError("'last' averages checkpoints of one stage: name it alone in 'of'")
        if self.decay is not None and self.last is None:
            raise ValueError("'decay' weighs the last checkpoints of a stage: say 'last' too")
        if self.as_decay is not None:
            if self.last is None or self.decay is not None:
                raise ValueError(
                    "'as_decay' weighs the last checkpoints of a stage: say 'last' too, and no "
                    "'decay', which weighs them otherwise"
                )
            self.as_decay.check_end(0.0)
        if isinstance(self.of, dict) and (
            len(self.of) < 2
            or any(weight <= 0 for weight in self.of.values())
            or not isfinite(sum(self.of.values()))
        ):
            raise ValueError(
                "'of' needs two ingredients or more, each with a weight above 0, of finite sum"
            )
        if isinstance(self.of, tuple) and len(set(self.of)) < len(self.of):
            raise ValueError("'of' names an ingredient twice: give it a weight instead")
        return self

    def shares(self, seeds: Sequence[str]) -> dict[str, float]:
        """The checkpoints that it is made of, each with its share; they sum to 1.

        ``seeds`` are the runs of the stage that ``of`` names alone; with ``last``, only its own.
        """
        if isinstance(self.of, dict):
            total = sum(self.of.values())
            return {name: weight / total for name, weight in self.of.items()}
        if isinstance(self.of, tuple):
            return dict.fromkeys(self.of, 1 / len(self.of))
        names = (self.of,) if self.last or not seeds else tuple(seeds)
        return dict.fromkeys(names, 1 / len(names))


def last_shares(count: int, decay: float | None, shape: ShapeMethod | None = None) -> list[float]:
    """The shares of the last ``count`` checkpoints of a run, the oldest first; they sum to 1.

    With a ``shape``, what was learnt between one and the next counts in their average by the factor
    that the decay has there: a checkpoint's share is the difference of the factors before it and
    behind it (WSM).
    """
    if shape is not None:
        between = shape.curve(np.arange(count + 1) / count, 1.0, 0.0)
        return [float(each) for each in -np.diff(between)]
    weights = [(decay or 1.0) ** (count - 1 - place) for place in range(count)]
    return [weight / sum(weights) for weight in weights]


def average(*, shares: Mapping[str, float], **folders: Path) -> dict[str, bytes]:
    """Average Hugging Face folders; returns the files of the average's folder, by name.

    ``shares`` has the share of each ingredient by its name, in order, ``folders`` their folders by
    ``ingredient_0`` and so on. Raises :class:`AverageError` where architectures, vocabularies,
    names or shapes differ, and where an ingredient has a value that is no finite number.
    """
    from safetensors.torch import save

    ordered = [folders[f"ingredient_{number}"] for number in range(len(shares))]
    ingredients = dict(zip(shares, ordered, strict=True))
    _check_alike(ingredients)
    files = {
        name: (ordered[0] / name).read_bytes() for name in COPIED if (ordered[0] / name).is_file()
    }
    files[CONFIG] = with_older_names(files[CONFIG])
    files[WEIGHTS] = save(_mean(ingredients, list(shares.values())), metadata={"format": "pt"})
    record = {"version": VERSION, "ingredients": dict(shares)}
    files[RECORD] = (json.dumps(record, indent=1) + "\n").encode()
    return files


def recorded_shares(record: bytes) -> dict[str, float]:
    """The share of each ingredient, from the bytes of ``soup.json``."""
    return dict(json.loads(record)["ingredients"])


def _mean(ingredients: Mapping[str, Path], shares: Sequence[float]) -> "dict[str, Tensor]":
    import torch

    first, *others = (_Weights(name, folder) for name, folder in ingredients.items())
    for other in others:
        if wrong := sorted(first.files.keys() ^ other.files.keys()):
            raise AverageError(
                f"{other.name} and {first.name} have not the same tensors: {', '.join(wrong[:4])}"
            )
    means: dict[str, Tensor] = {}
    for tensor in sorted(first.files):
        own = first.read(tensor)
        if not own.is_floating_point():
            if not all(torch.equal(own, other.read(tensor)) for other in others):
                raise AverageError(f"{tensor} is of {own.dtype}, and not the same everywhere")
            means[tensor] = own
            continue
        mean, seen = own.to(torch.float32, copy=True), shares[0]
        for other, share in zip(others, shares[1:], strict=True):
            next_ = other.read(tensor)
            if next_.shape != own.shape:
                raise AverageError(
                    f"{tensor} has the shape {tuple(own.shape)} in {first.name}, but "
                    f"{tuple(next_.shape)} in {other.name}"
                )
            seen += share
            mean += (next_.to(torch.float32) - mean) * (share / seen)
        means[tensor] = mean.to(own.dtype)
        if not means[tensor].isfinite().all():
            raise AverageError(_not_finite(tensor, (first, *others)))
    return means


def _not_finite(tensor: str, ingredients: "Sequence[_Weights]") -> str:
    guilty = [each.name for each in ingredients if not each.read(tensor).isfinite().all()]
    if not guilty:
        return f"the average of {tensor} is beyond what its type holds"
    return f"{' and '.join(guilty)}: {tensor} holds values that are no finite numbers"


class _Weights:
    """An ingredient's tensors: by name, the file that each is in."""

    def __init__(self, name: str, folder: Path) -> None:
        from safetensors import safe_open

        self.name = name
        sharded = sharded_weights(folder)
        if sharded is not None:
            self.files = sharded
        elif (folder / WEIGHTS).is_file():
            with safe_open(folder / WEIGHTS, framework="pt") as opened:
                self.files = dict.fromkeys(opened.keys(), folder / WEIGHTS)
        else:
            raise AverageError(f"{name}: {folder} has no {WEIGHTS}")

    def read(self, tensor: str) -> "Tensor":
        from safetensors import safe_open

        with safe_open(self.files[tensor], framework="pt") as opened:
            return opened.get_tensor(tensor)


def _check_alike(ingredients: Mapping[str, Path]) -> None:
    """Raise AverageError where the first ingredient and another are of different kinds."""
    first, *others = ingredients
    config, tokens = _config(ingredients[first]), vocabulary(ingredients[first])
    for other in others:
        wrong = unlike(config, _config(ingredients[other]))
        if wrong:
            raise AverageError(
                f"{other} and {first} are of different architectures; their {CONFIG} differ in "
                f"{', '.join(wrong)}"
            )
        if vocabulary(ingredients[other]) != tokens:
            raise AverageError(f"{other} and {first} have different vocabularies")


def unlike(config: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The fields by which two configs are of different architectures, sorted."""
    keys = sorted((config.keys() | other.keys()) - NO_ARCHITECTURE - OLDER)
    return [key for key in keys if config.get(key) != other.get(key)]


def _config(folder: Path) -> dict[str, Any]:
    """The config of a folder with all that its family has by default: a folder of another origin
    may leave that out, and may say RoPE in the older way."""
    from transformers import CONFIG_MAPPING

    config: dict[str, Any] = json.loads((folder / CONFIG).read_bytes())
    family = config.get("model_type")
    if family is None or family not in CONFIG_MAPPING:
        return config
    # It takes what it is given apart, and nested fields with it.
    complete = CONFIG_MAPPING[family].from_dict(json.loads(json.dumps(config))).to_dict()
    return dict(json.loads(json.dumps(complete)))


def vocabulary(folder: Path) -> Any:
    """The tokens of ``tokenizer.json``; None where there is none."""
    file = folder / "tokenizer.json"
    return json.loads(file.read_bytes())["model"]["vocab"] if file.is_file() else None
