"""A checkpoint as a Hugging Face folder of its own: what a person loads, serves or publishes.

The store keeps a checkpoint together with what a next stage needs (moments, state, log) and what
explains it. A delivered folder has the model, the tokenizer with its chat template, a generation
config that knows where a text ends, and a model card; nothing in it points into the store.
"""

import shutil
from pathlib import Path

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.atomic_folder import made_whole
from midtrain_dagster.core.parts import check_digests, file_names
from midtrain_dagster.delivery.dtypes import Dtype, RangeError, Stored, store_as, stored_dtypes
from midtrain_dagster.models.older_names import write_older_names
from midtrain_dagster.models.special_ids import write_special_ids
from midtrain_dagster.models.true_config import write_true_ties
from midtrain_dagster.tokens.as_transformers import CONFIG, difference
from midtrain_dagster.tokens.load_tokenizer import TOKENIZER_FILES
from midtrain_dagster.tokens.tokenizer import Tokenizer, stored_files
from midtrain_dagster.training.artifact import Checkpoint

CARD = "README.md"


class DeliveryError(ValueError):
    """A model that cannot be delivered; the message says why and what to do."""


def delivered_files(checkpoint: Checkpoint, tokenizer: Tokenizer) -> list[Part]:
    """The parts of a model's folder: the tokenizer of the run, and the model's other files."""
    return [
        *tokenizer.files,
        *(part for part in checkpoint.model_files if part.table not in TOKENIZER_FILES),
    ]


def base_dtypes(base: Checkpoint | None) -> dict[str, Dtype]:
    """The type in which a given base stores each of its tensors; of none that is given, nothing."""
    if base is None:
        return {}
    with base.artifact.storage.local_folder(file_names(base.model_files)) as found:
        return stored_dtypes(found)


def write_folder(
    checkpoint: Checkpoint,
    tokenizer: Tokenizer,
    card: str,
    folder: Path,
    *,
    base: Checkpoint | None = None,
    dtype: Dtype | None = None,
) -> Stored:
    """Write the folder, whole or not at all; every file is compared with its digest. Returns how
    the weights are stored, which the card says too.

    They are stored as those of the ``base`` that was given, or all as ``dtype``. Raises
    :class:`DeliveryError` where the place is taken or a value is beyond the type,
    ``DamagedPartError`` for a file of the store that is not what was written, and ``OSError`` for a
    disk that is full.
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
        # What the config of a given base says may not be so, and a soup takes it over.
        write_true_ties(partial)
        try:
            like = base_dtypes(base) if dtype is None else {}
            stored = store_as(partial, like, other=dtype)
        except RangeError as error:
            raise DeliveryError(f"{error}: choose another type (--dtype)") from error
        # One of ours has them; a base that was given may have been written by transformers 5 alone.
        write_older_names(partial)
        write_special_ids(partial)
        card = f"{card.rstrip()}\n{reading_note(partial)}"
        size = f"The model has {stored.values.total():,} parameters."
        (partial / CARD).write_text(f"{card.rstrip()}\n\n{size} {stored.told()}\n", "utf-8")
    return stored


def reading_note(folder: Path) -> str:
    """What a card says of a tokenizer that ``AutoTokenizer`` reads otherwise than its file, which
    the settings cannot mend for a few model types; of any other nothing."""
    found = difference(stored_files(folder), (folder / CONFIG).read_bytes())
    advice = "Load the tokenizer with `PreTrainedTokenizerFast.from_pretrained`"
    return "" if found is None else f"\n## Tokenizer\n\n{advice}: {found}.\n"


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
