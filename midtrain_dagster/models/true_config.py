"""A ``config.json`` that says of its tensors what is true, for whoever reads it by its word."""

import json
from pathlib import Path

from midtrain_dagster.models.load import CheckpointError, load_config, load_to_train
from midtrain_dagster.models.ties import is_tied

CONFIG = "config.json"


def tied_otherwise(folder: Path) -> bool | None:
    """Whether the stored head is the embedding, where the config says otherwise; None: it says so,
    or the tensors have not the names of its model, so that only a stage that maps them can tell.

    Headers are read, and of a head and an embedding that are both stored, the values.
    """
    try:
        true = is_tied(load_to_train(folder, shapes_only=True).config)
    except CheckpointError:
        return None
    return None if true == is_tied(load_config(folder)) else true


def true_config(folder: Path) -> bytes:
    """The content of a folder's config, with ``tie_word_embeddings`` as the tensors are; the same
    bytes where it says so."""
    content, true = (folder / CONFIG).read_bytes(), tied_otherwise(folder)
    if true is None:
        return content
    config = json.loads(content) | {"tie_word_embeddings": true}
    return (json.dumps(config, indent=2, sort_keys=True) + "\n").encode()


def write_true_ties(folder: Path) -> None:
    """Correct a folder's config, where its tensors are otherwise."""
    (folder / CONFIG).write_bytes(true_config(folder))
