"""A checkpoint as a Hugging Face folder of its own: what a person loads, serves or publishes.

The store keeps a checkpoint together with what a next stage needs (moments, state, log) and what
explains it. A delivered folder has the model, the tokenizer with its chat template, a generation
config that knows where a text ends, and a model card; nothing in it points into the store.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.atomic_folder import made_whole
from midtrain_dagster.core.parts import check_digests, file_names
from midtrain_dagster.models.older_names import write_older_names
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint

GENERATION = "generation_config.json"
CARD = "README.md"


class DeliveryError(ValueError):
    """A model that cannot be delivered; the message says why and what to do."""


def delivered_files(checkpoint: Checkpoint, tokenizer: Tokenizer) -> list[Part]:
    """The parts of a model's folder: the tokenizer of the run, and the model's other files."""
    own = {part.table for part in tokenizer.files}
    return [*tokenizer.files, *(part for part in checkpoint.model_files if part.table not in own)]


def write_folder(checkpoint: Checkpoint, tokenizer: Tokenizer, card: str, folder: Path) -> None:
    """Write the folder, whole or not at all; every file is compared with its digest.

    Raises :class:`DeliveryError` where the place is taken, ``DamagedPartError`` for a file of the
    store that is not what was written, and ``OSError`` for a disk that is full.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DeliveryError(f"{folder}: there is something already; name a folder that is new")
    folder = folder.absolute()
    if folder.is_dir():
        folder.rmdir()
    storage, parts = checkpoint.artifact.storage, delivered_files(checkpoint, tokenizer)
    with (
        storage.local_folder(file_names(parts)) as found,
        made_whole(folder, lambda: False) as partial,
    ):
        check_digests(storage, parts, found)
        for file in sorted(found.iterdir()):
            # A copy with the modes of a new file: a link would hand out the store's own bytes.
            shutil.copyfile(file, partial / file.name)
        # One of ours has them; a base that was given may have been written by transformers 5 alone.
        write_older_names(partial)
        generation = partial / GENERATION
        before = json.loads(generation.read_bytes()) if generation.is_file() else {}
        settings = generation_settings(before, partial)
        generation.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", "utf-8")
        (partial / CARD).write_text(card, "utf-8")


def generation_settings(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A generation config as it was, with the special tokens that it lacks.

    A model trained from nothing has none in its config, and would write on beyond the end of text.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    end, padding = tokenizer.eos_token_id, tokenizer.pad_token_id
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": end,
        "pad_token_id": end if padding is None else padding,
    }
    known = {name: value for name, value in settings.items() if value is not None}
    # transformers would take a config that says so for one to be derived again.
    known.pop("_from_model_config", None)
    return {name: value for name, value in special.items() if value is not None} | known


def push(folder: Path, repository: str) -> str:
    """Upload a delivered folder to the Hugging Face Hub, as a private model; returns its address.

    The token comes from ``HF_TOKEN`` or from the login of the hub's own command. Raises
    :class:`DeliveryError` without one, and where the hub cannot be reached or refuses.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if not get_token():
        raise DeliveryError("no token for the hub: set HF_TOKEN, or log in with `hf auth login`")
    hub = HfApi()
    try:
        address = hub.create_repo(repository, private=True, exist_ok=True)
        hub.upload_folder(folder_path=folder, repo_id=repository)
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
        raise DeliveryError(f"{repository} was not pushed: {error}") from error
    return str(address)


def files(folder: Path) -> list[tuple[str, int]]:
    """The files of a delivered folder with their sizes in bytes."""
    return [(file.name, file.stat().st_size) for file in sorted(folder.iterdir())]
