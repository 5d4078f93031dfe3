"""A base checkpoint that comes with the recipe: a Hugging Face folder, or a hub id."""

from collections.abc import Iterable
from pathlib import Path

from midtrain_dagster.collection.what_fetches import what_fetches
from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.training.checkpoints.checkpoint import DIGESTS, is_checkpoint, read_digests
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.transition.config import CONFIG
from midtrain_dagster.training.transition.dcp import METADATA
from midtrain_dagster.training.transition.foreign_moments import PICKLED, find_moments

VERSION = 1

FOREIGN = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}
"""Endings of files that other trainers pickle; only ``optimizer.pt`` is of use."""


class BaseCheckpointError(ValueError):
    """The base checkpoint that a recipe names cannot be had; the message says what to do."""


def is_hub_id(named: str) -> bool:
    """Whether a name can be a hub id (``owner/model``); anything else is a path."""
    return not named.startswith((".", "/", "~")) and named.count("/") == 1


def given_checkpoint(address: str, named: str) -> Path:
    """The folder of the checkpoint at ``address`` (the recipe's path), or of the hub id ``named``.

    A hub id is fetched once into the hub's own cache. Raises :class:`BaseCheckpointError` for a
    folder without ``config.json``, and for a hub id that cannot be fetched.
    """
    folder = Path(address)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise BaseCheckpointError(f"{folder}: there is no config.json; is it a model's folder?")
        return folder
    if not is_hub_id(named):
        advice = what_fetches(folder) or "correct base.checkpoint"
        raise BaseCheckpointError(f"{folder}: there is no such folder; {advice}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
    try:
        return Path(snapshot_download(named, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise BaseCheckpointError(
            f"base.checkpoint {named!r} is neither a folder nor to be had from the hub: {error}"
        ) from error


def checkpoint_at_hand(address: str, named: str) -> Path | None:
    """The folder of a given checkpoint without a request: as ``given_checkpoint`` finds it, or what
    was fetched of a hub id before; None for one that was not.

    Raises :class:`BaseCheckpointError` for a file, and for a folder that is missing or no model's.
    """
    folder = Path(address)
    if folder.is_file():
        raise BaseCheckpointError(f"{folder} is a file: name the folder that it lies in")
    if folder.is_dir() or not is_hub_id(named):
        return given_checkpoint(address, named)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(named, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def hub_config(named: str) -> Path | None:
    """The folder of the ``config.json`` of a hub id, which is fetched by itself; None where the hub
    is not to be asked (``HF_HUB_OFFLINE``) or does not answer.

    Raises :class:`BaseCheckpointError` for an id that is not there, or not to be seen.
    """
    import httpx
    from huggingface_hub import constants, hf_hub_download, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    if constants.HF_HUB_OFFLINE:
        return None
    try:
        # Asked once and shortly: the hub's own client tries for half a minute.
        answer = httpx.head(hf_hub_url(named, CONFIG), headers=build_hf_headers(), timeout=10)
    except httpx.HTTPError:
        return None
    if answer.is_client_error:
        raise BaseCheckpointError(
            f"{named!r} is neither a folder nor a model of the hub that you may see (status "
            f"{answer.status_code}): correct base.checkpoint, or set HF_TOKEN"
        )
    return Path(hf_hub_download(named, CONFIG)).parent


def checkpoint_files(folder: Path) -> dict[str, Path]:
    """The files of a checkpoint that stages take over, by the name that each gets in one folder.

    Those of the folder itself, without pickled ones but ``optimizer.pt``, and of a checkpoint of
    ours those that it consists of (in a store, other files of its run lie beside); and where its
    moments are in a torch DCP folder inside, as OLMo-core has them, the files of that. Raises
    ``CheckpointError`` where two such folders hold moments, and for digests that are none.
    """
    files = {
        path.name: path
        for path in sorted(own_files(folder))
        if path.is_file() and (path.suffix not in FOREIGN or path.name == PICKLED)
    }
    if is_checkpoint(folder):
        listed = {DIGESTS, *read_digests(folder)}
        files = {name: path for name, path in files.items() if name in listed}
    moments = find_moments(folder)
    if moments is not None and moments.is_dir():
        sharded = moments.glob("*.distcp")
        files |= {path.name: path for path in (moments / METADATA, *sorted(sharded))}
    return files


def check_kept(folder: Path, runs: Iterable[Run]) -> None:
    """Raise :class:`BaseCheckpointError` where a run keeps what the base checkpoint has not.

    ``runs`` are those that start from it. To be called before anything else: names and shapes are
    compared when a run begins, this much is known at once.
    """
    keeping = [run.name for run in runs if run.stage.inherit.takes_moments]
    if keeping and find_moments(folder) is None:
        raise BaseCheckpointError(
            f"{folder} has no optimizer state, but {', '.join(keeping)} would keep its moments: "
            "put optimizer.pt or a torch DCP folder there, or say inherit: {moments: {reset: WHY}} "
            "(or {reestimate: WHY, steps: N})"
        )
