"""From curated documents to token shards: edits merged, held-out documents apart.

Whoever reads what curation left reads it by `curated`, so that a placeholder, a cut repetition and
a cut line hold for shards, a tokenizer that is trained and a generator that is asked alike. This is
also the one place where a document is held out from training. Both are decided by the document
alone, so a shard is a pure function of its part and shards of new documents never change old ones.

A document that sampling repeats is in the training shard as often as its decision says; its second
copy has the id ``ID#2``, and so on, because ids are unique in the shards. It is held out once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from midtrain_dagster.tokens import edits, held_out, shards
from midtrain_dagster.tokens.edits import apply_edits
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.shards import TokenShards, tokenize
from midtrain_dagster.tokens.tokens_before import TokensBefore

VERSION = 1
USES = (edits, shards, held_out)
SPLITS = ("train", "held_out")


def shard(
    documents: pl.DataFrame,
    decisions: pl.DataFrame,
    *,
    tokenizer: Path,
    share: float,
    seed: int,
    opening: Sequence[int] = (),
    before: Path | None = None,
    left_out: Sequence[str] = (),
) -> dict[str, pl.DataFrame | np.ndarray]:
    """One part's kept documents as tokens, split into training and held-out.

    Returns ``train_tokens``, ``train_index``, ``held_out_tokens`` and ``held_out_index``; a split
    without documents is empty. ``share`` of the documents are held out; each begins with
    ``opening``. Training does without the ids ``left_out``. ``before`` is a folder with what the
    part had by the same tokenizer (``tokens_before.py``). Raises :class:`KeyError` if a document
    has no decision.
    """
    kept = without(curated(documents, decisions), left_out)
    known = None if before is None else TokensBefore.read(before, decisions, tokenizer=tokenizer)
    if known is not None:
        kept = kept.join(known.places, on="id", how="left", maintain_order="left")
    apart = is_held_out(kept["id"], share=share, seed=seed)
    outputs: dict[str, pl.DataFrame | np.ndarray] = {}
    for split, rows in (("train", copied(kept.filter(~apart))), ("held_out", kept.filter(apart))):
        made = tokenize(
            rows,
            tokenizer=tokenizer,
            opening=opening,
            before=None if known is None else known.tokens,
        )
        outputs[f"{split}_tokens"] = made["tokens"]
        outputs[f"{split}_index"] = made["index"]
    return outputs


def curated(documents: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """The documents that stay, in order, edited, with the columns of their decisions.

    Raises :class:`KeyError` if a document has no decision.
    """
    kept = kept_documents(documents, decisions)
    return kept.with_columns(text=apply_edits(kept["text"], kept["edits"]))


def kept_documents(documents: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """The documents that stay, in order, with the columns of their decisions.

    Raises :class:`KeyError` if a document has no decision.
    """
    undecided = documents.join(decisions, on="id", how="anti")
    if undecided.height:
        raise KeyError(f"document {undecided['id'][0]} has no decision in its part")
    return documents.join(decisions.filter("keep"), on="id", how="inner", maintain_order="left")


def without(documents: pl.DataFrame, left_out: Sequence[str]) -> pl.DataFrame:
    """The documents without those that training does without (``decontamination.leaks``)."""
    return documents.filter(~pl.col("id").is_in(list(left_out))) if left_out else documents


def copied(documents: pl.DataFrame) -> pl.DataFrame:
    """The documents, each as often as its decision says, under the domain that it says."""
    if "band" in documents.columns:
        documents = documents.with_columns(domain=pl.coalesce("band", "domain"))
    numbered = documents.with_columns(copy=pl.int_ranges(1, pl.col("copies") + 1)).explode("copy")
    first = pl.col("copy") == 1
    return numbered.with_columns(
        id=pl.when(first).then("id").otherwise(pl.format("{}#{}", "id", "copy"))
    ).drop("copy")


@dataclass(frozen=True)
class ShardFiles:
    """The files of one part: its tokens, their index, and what an assistant says of them (None for
    documents that are no conversations)."""

    tokens: Path
    index: Path
    targets: Path | None


def shard_files(folder: Path) -> list[ShardFiles]:
    """The parts of one split that lie in a folder: files ``*_tokens.bin``, each with
    ``*_index.parquet`` and perhaps ``*_targets`` beside it."""
    tokens = sorted(folder.glob("*_tokens.bin"))
    indexes = sorted(folder.glob("*_index.parquet"))
    named = [file.with_name(file.name.removesuffix("tokens.bin") + "targets") for file in tokens]
    return [
        ShardFiles(file, index, beside if beside.is_file() else None)
        for file, index, beside in zip(tokens, indexes, named, strict=True)
    ]


def open_shards(folder: Path, *, dtype: str) -> TokenShards:
    """The shards of one split in a folder (``shard_files``)."""
    files = shard_files(folder)
    parts = [(each.tokens, each.index) for each in files]
    return TokenShards.open(parts, dtype=dtype, targets=[each.targets for each in files])
