"""The one way to load a model: a Hugging Face folder on this machine, safetensors only.

Nothing is fetched, no foreign code runs, nothing is unpickled. The weights have to be all of the
model's and nothing else: transformers would draw the missing ones at random, with a warning.
Whether the output matrix is the embedding is decided by the tensors, and the config of the model
that is returned says it (``ties.py``).
"""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.models.rotation import rotate_each_alone
from midtrain_dagster.models.tensor_names import difference
from midtrain_dagster.models.ties import TieError, declared, is_tied, settle

if TYPE_CHECKING:
    from transformers import PreTrainedModel


INDEX = "model.safetensors.index.json"
"""Says in which of several files a tensor is."""


class CheckpointError(ValueError):
    """A checkpoint that is incomplete, changed or of something else; it names the file."""


def load_config(folder: Path) -> Any:
    """The config of a Hugging Face folder. Raises ``OSError`` or ``ValueError`` for none."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def load_to_train(
    folder: Path, config: Any = None, *, seed: int | None = None, shapes_only: bool = False
) -> "PreTrainedModel":
    """The model of a folder with fp32 weights on the CPU, as ``config`` (default: its own) says.

    Its attention is SDPA, since only that masks packed documents by their positions (``head.py``).
    With a ``seed`` the weights are drawn anew: the architecture is kept and the weights are not.
    With ``shapes_only`` the weights stay on the meta device. Raises ``CheckpointError`` where the
    weights are not all and only those of the model.
    """
    import torch
    from transformers import AutoModelForCausalLM

    config = load_config(folder) if config is None else config
    if seed is None:
        device = "meta" if shapes_only else None
        return _loaded(
            folder, config, dtype=torch.float32, attn_implementation="sdpa", device_map=device
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, attn_implementation="sdpa"
        )
    rotate_each_alone(model)
    return model


def load_to_evaluate(folder: Path) -> "PreTrainedModel":
    """The model of a folder, in eval mode and without gradients, on a GPU if there is one.

    On a CPU its weights are float32, since bf16 is slow there and adds noise of the size of the
    differences that are to be measured; on a GPU they have the type in which they are stored.
    Raises ``FileNotFoundError`` for a folder without ``config.json``, ``CheckpointError`` where the
    weights are not all and only those of the model.
    """
    import torch

    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder}: not a Hugging Face model folder (no config.json)")
    on_gpu = torch.cuda.is_available()
    model = _loaded(folder, load_config(folder), dtype="auto" if on_gpu else torch.float32)
    model.eval().requires_grad_(False)
    # Called on the class, since transformers wraps the method in a way that mypy cannot type.
    torch.nn.Module.to(model, "cuda" if on_gpu else "cpu")
    return model


def sharded_weights(folder: Path) -> dict[str, Path] | None:
    """The file of each tensor of a checkpoint in several files; None for one in a single file.

    Raises :class:`CheckpointError` where its index names a file outside of the folder.
    """
    index = folder / INDEX
    if not index.is_file():
        return None
    files: dict[str, str] = json.loads(index.read_bytes())["weight_map"]
    for file in set(files.values()):
        if Path(file).name != file:
            raise CheckpointError(f"{index}: it names {file!r}, outside its folder")
    return {tensor: folder / file for tensor, file in files.items()}


def _loaded(folder: Path, config: Any, **options: Any) -> "PreTrainedModel":
    model, found = _read(folder, config, options)
    absent = set(found["missing_keys"])
    if absent and not is_tied(config) and absent <= {*chain.from_iterable(declared(model).items())}:
        # One of the names is stored, so it is all of them.
        config = copy.deepcopy(config)
        config.tie_word_embeddings = True
        model, found = _read(folder, config, options)
    other = {name: (tuple(old), tuple(new)) for name, old, new in found["mismatched_keys"]}
    if wrong := difference(found["missing_keys"], found["unexpected_keys"], other):
        raise CheckpointError(f"{folder}: not the weights of its config.json: {wrong}")
    try:
        settle(model, folder)
    except TieError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    rotate_each_alone(model)
    return model


def _read(folder: Path, config: Any, options: dict[str, Any]) -> Any:
    """A model, and what transformers found in its files."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    sharded_weights(folder)
    try:
        with _no_progress_bar():
            return AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **options,
            )
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: its weights cannot be loaded: {error}") from error


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
