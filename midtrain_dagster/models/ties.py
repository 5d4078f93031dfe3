"""Whether a model's output matrix is its embedding: decided by the tensors that are stored.

A config says it (``tie_word_embeddings``, whose default differs by family and by the version that
wrote it), and a class says between which names (``_tied_weights_keys``). Where another head is
stored than the embedding, transformers 5 leaves the two apart and the config as it is, so that the
next reader ties them; where a config says that they are apart and no head is stored, it draws one
at random. What is stored can be one thing only: two different matrices are two, and a matrix that
is there once, or twice the same, is one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.models.tensor_names import are_alike

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

ROWS = 1024
"""Of two stored tensors, those that are compared at a time: different ones differ in the first."""


class TieError(ValueError):
    """Tensors of which some are tied and some are not, which no config can say."""


def is_tied(config: Any) -> bool:
    """What a config says."""
    return bool(getattr(config, "tie_word_embeddings", False))


def declared(model: "PreTrainedModel") -> dict[str, str]:
    """The names between which a class ties, whatever the config says: each with its source's."""
    config: Any = model.config
    said = is_tied(config)
    config.tie_word_embeddings = True
    try:
        return dict(model.get_expanded_tied_weights_keys(all_submodels=True))
    finally:
        config.tie_word_embeddings = said


def settle(model: "PreTrainedModel", folder: Path) -> None:
    """Tie what is one tensor in a loaded model, and write into its config what is true.

    On the meta device the stored tensors are compared. Matrices decide; a bias follows its matrix.
    Raises :class:`TieError` where only some of the names are one.
    """
    pairs = declared(model)
    if not pairs:
        head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
        if head is not None:
            model.config.tie_word_embeddings = head.weight is embedding.weight
        return
    same = {pair: _is_one(model, *pair, folder) for pair in pairs.items()}
    matrices = {pair: one for pair, one in same.items() if _tensors(model, *pair)[0].dim() > 1}
    tied = any(matrices.values())
    # Equal biases are no sign: they may both be zeros. One that is there once is.
    wrong = [
        pair
        for pair, one in same.items()
        if (tied and not one) or (not tied and _is_same_object(model, *pair))
    ]
    if wrong:
        raise TieError(
            f"{' and '.join(wrong[0])} are {'two tensors' if tied else 'one tensor'}, and others "
            f"that a {type(model).__name__} ties with them are not: no config can say this"
        )
    model.config.tie_word_embeddings = tied
    if tied:
        model.tie_weights()
    model.all_tied_weights_keys = pairs if tied else {}


def _tensors(model: "PreTrainedModel", *names: str) -> "tuple[Tensor, ...]":
    return tuple(model.get_parameter_or_buffer(name) for name in names)


def _is_same_object(model: "PreTrainedModel", name: str, source: str) -> bool:
    first, second = _tensors(model, name, source)
    return first is second


def _is_one(model: "PreTrainedModel", name: str, source: str, folder: Path) -> bool:
    import torch

    first, second = _tensors(model, name, source)
    if first is second:
        return True
    if first.shape != second.shape:
        return False
    if first.device.type != "meta":
        return torch.equal(first, second)
    return _stored_alike(model, folder, name, source)


def _stored_alike(model: "PreTrainedModel", folder: Path, *names: str) -> bool:
    """Whether two tensors of a folder, by the model's names, hold the same values. Where a name is
    not to be found, they count as different."""
    import torch
    from safetensors import safe_open

    files = [file for file in sorted(folder.glob("*.safetensors")) if file.stem != "optimizer"]
    places: dict[str, Path] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        with safe_open(file, framework="pt") as opened:
            places |= dict.fromkeys(opened.keys(), file)
            shapes |= {key: tuple(opened.get_slice(key).get_shape()) for key in opened.keys()}  # noqa: SIM118 (it is no mapping)
    found = [_stored_name(model, shapes, name) for name in names]
    if None in found:
        return False
    one, other = (str(each) for each in found)
    with (
        safe_open(places[one], framework="pt") as first,
        safe_open(places[other], framework="pt") as second,
    ):
        left, right = first.get_slice(one), second.get_slice(other)
        if left.get_shape() != right.get_shape() or not left.get_shape():
            return False

        def rows(begin: int) -> "tuple[Tensor, Tensor]":
            return left[begin : begin + ROWS], right[begin : begin + ROWS]

        starts = range(0, left.get_shape()[0], ROWS)
        return all(torch.equal(*rows(begin)) for begin in starts)


def _stored_name(
    model: "PreTrainedModel", stored: Mapping[str, tuple[int, ...]], name: str
) -> str | None:
    """The name in the files: the model's own, with the base model's prefix more or less, or another
    that transformers converts: the only one of its shape that is nothing else of the model."""
    alike = [each for each in stored if are_alike(each, name)]
    if name in alike or len(alike) == 1:
        return name if name in alike else alike[0]
    others = [each for each, _ in model.named_parameters(remove_duplicate=False) if each != name]
    left = [
        each
        for each, shape in stored.items()
        if shape == tuple(model.get_parameter_or_buffer(name).shape)
        and not any(are_alike(each, other) for other in others)
    ]
    return left[0] if len(left) == 1 else None
