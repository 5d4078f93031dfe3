"""The report's section on the checkpoints themselves: where each lies, and how to take it out."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Cell,
    Code,
    PageSection,
    Span,
    Stack,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.headline import final_checkpoint
from midtrain_dagster.training.artifact import Checkpoint

VERSION = 2

LEAD = (
    "Each checkpoint is a Hugging Face folder inside the store, together with its moments and its "
    "log. Exported, it is a folder of its own: weights, tokenizer, generation config, model card."
)


NOTE = Text(
    "KV cache: the bytes that a served model keeps of each token that it has read, in bf16, before "
    "windows of sliding layers are full. The plain model has keys and values of every attention "
    "head in every layer.",
    note=True,
)


def delivery_section(checkpoints: Mapping[str, Checkpoint]) -> PageSection:
    """Where in the store each checkpoint is, and the command that writes the last one elsewhere."""
    rows = tuple(
        (
            Span(spoken(name), "strong"),
            numbers.size(sum(part.bytes for part in checkpoint.model_files)),
            _kv_cache(checkpoint),
            Span(str(PurePosixPath(checkpoint.model_files[0].path).parent), "code"),
        )
        for name, checkpoint in checkpoints.items()
    )
    table = Table(columns("Checkpoint", "#Model", "#KV cache a token", "Folder in the store"), rows)
    command = Code(f"midtrain export RECIPE {final_checkpoint(list(checkpoints))} FOLDER")
    return PageSection("checkpoints", "Checkpoints", LEAD, (table, NOTE, command))


def _kv_cache(checkpoint: Checkpoint) -> Cell:
    found = checkpoint.kv_cache
    if found is None:
        return numbers.MISSING
    return Stack((f"{found.a_token:,} B", f"plain {found.plain:,} B"))
