"""Conversations as shards: edited, split, with a bit for each token that an assistant says."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from transformers import AutoTokenizer

from midtrain_dagster.curation.decisions import DECISIONS
from midtrain_dagster.tokens.chat_splits import CONVERSATIONS, VERSION, shard_conversations
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.losses import (
    LeftOutError,
    check_left_out,
    conversation_losses,
    told,
)
from midtrain_dagster.tokens.shards import ShardError
from midtrain_dagster.tokens.splits import open_shards, shard_files
from midtrain_dagster.tokens.transcript import LAYOUT, transcript

GOLDEN = (2, "81d6b07b8feb4866")


def conversation(number: int) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": f"Write to ann{number}@kelp.org."},
            {"role": "assistant", "content": f"To ann{number}@kelp.org: hello."},
        ]
    }


def documents_of(said: list[dict[str, Any]]) -> pl.DataFrame:
    rows = []
    for number, each in enumerate(said):
        text, layout = transcript(each)
        row = {"id": f"chat-{number}", "source": "chat", "domain": "chat", "text": text}
        rows.append(row | {"metadata": json.dumps({LAYOUT: layout})})
    return pl.DataFrame(rows)


def decisions_of(documents: pl.DataFrame, **more: dict[str, Any]) -> pl.DataFrame:
    usual = {"keep": True, "reason": "kept", "copies": 1, "edits": []}
    rows = [{"id": each, **usual, **more.get(each, {})} for each in documents["id"]]
    return pl.DataFrame(rows, schema=DECISIONS)


def emails(text: str) -> list[dict[str, Any]]:
    found = [at for at in range(len(text)) if text.startswith("ann", at)]
    ends = [text.index(".org", at) + 4 for at in found]
    return [
        {"start": begin, "stop": end, "replacement": "<EMAIL>"}
        for begin, end in zip(found, ends, strict=True)
    ]


def written(folder: Path, made: dict[str, Any], split: str = "train") -> Path:
    folder.mkdir()
    made[f"{split}_tokens"].tofile(folder / f"{split}_tokens.bin")
    made[f"{split}_index"].write_parquet(folder / f"{split}_index.parquet")
    (folder / f"{split}_targets").write_bytes(made[f"{split}_targets"])
    return folder


def test_what_is_trained_is_edited_and_marked(tmp_path: Path, chat_tokenizer: Path) -> None:
    documents = documents_of([conversation(number) for number in range(40)])
    edits = {row["id"]: {"edits": emails(row["text"])} for row in documents.iter_rows(named=True)}
    edits["chat-3"] = {"keep": False, "reason": "duplicate", "copies": 0}
    decisions = decisions_of(documents, **edits)
    made = shard_conversations(documents, decisions, tokenizer=chat_tokenizer, share=0.3, seed=5)
    shards = open_shards(written(tmp_path / "train", made), dtype="<u2")
    tokenizer = AutoTokenizer.from_pretrained(chat_tokenizer)
    apart = documents["id"].filter(is_held_out(documents["id"], share=0.3, seed=5)).to_list()
    assert set(shards.ids) == set(documents["id"]) - set(apart) - {"chat-3"}
    for number in range(len(shards)):
        tokens = shards.tokens(number, 0, int(shards.lengths[number]))
        targets = shards.targets(number, 0, int(shards.lengths[number]))
        assert targets is not None
        assert tokenizer.decode(tokens.tolist()) == (
            "<|im_start|>user\nWrite to <EMAIL>.<|im_end|>\n"
            "<|im_start|>assistant\nTo <EMAIL>: hello.<|im_end|>\n"
        )
        assert tokenizer.decode(tokens[targets].tolist()) == "To <EMAIL>: hello.<|im_end|>"
        # Any span of it, wherever its bits begin in a byte.
        part = shards.targets(number, 7, 40)
        assert part is not None
        assert np.array_equal(part, targets[7:40])
    conversations = made["conversations"]
    assert isinstance(conversations, pl.DataFrame)
    assert conversations.schema == CONVERSATIONS
    assert conversations.filter(split="train")["tokens"].sum() == shards.lengths.sum()
    assert set(conversations["targets"]) == {int(targets.sum())}
    assert told(conversation_losses(conversations)) == []


def test_copies_are_conversations_of_their_own(tmp_path: Path, chat_tokenizer: Path) -> None:
    documents = documents_of([conversation(0), conversation(1)])
    decisions = decisions_of(documents, **{"chat-1": {"copies": 2}})
    made = shard_conversations(documents, decisions, tokenizer=chat_tokenizer, share=0.0, seed=5)
    shards = open_shards(written(tmp_path / "train", made), dtype="<u2")
    assert shards.ids.to_list() == ["chat-0", "chat-1", "chat-1#2"]
    assert np.array_equal(shards.tokens(1, 0, 9), shards.tokens(2, 0, 9))
    held_out = written(tmp_path / "held_out", made, "held_out")
    assert len(open_shards(held_out, dtype="<u2")) == 0
    with pytest.raises(ShardError, match="not the 0 bytes"):
        (held_out / "held_out_targets").write_bytes(b"x")
        open_shards(held_out, dtype="<u2")


def test_what_cannot_be_written_is_left_out_and_told(tmp_path: Path, chat_tokenizer: Path) -> None:
    said = [conversation(number) for number in range(12)]
    documents = documents_of(said)
    text = documents["text"][0].encode()
    whole = {"start": 0, "stop": len(text), "replacement": ""}
    decisions = decisions_of(documents, **{"chat-0": {"edits": [whole]}})
    made = shard_conversations(documents, decisions, tokenizer=chat_tokenizer, share=0.0, seed=5)
    shards = open_shards(written(tmp_path / "train", made), dtype="<u2")
    assert len(shards) == 11
    assert "chat-0" not in shards.ids
    conversations = made["conversations"]
    assert isinstance(conversations, pl.DataFrame)
    losses = conversation_losses(conversations)
    check_left_out(losses)
    assert told(losses) == [
        "1 of 12 conversations of `chat` left out",
        "chat: edits left no turn of an assistant 1: chat-0",
    ]
    with pytest.raises(LeftOutError, match="1 of 2 conversations left out"):
        check_left_out(conversation_losses(conversations.head(2)))


def test_parts_without_conversations_have_no_targets(tmp_path: Path, chat_tokenizer: Path) -> None:
    documents = documents_of([conversation(0)])
    made = shard_conversations(
        documents, decisions_of(documents), tokenizer=chat_tokenizer, share=0.0, seed=5
    )
    folder = written(tmp_path / "000001-", made)
    for name in ("train_tokens.bin", "train_index.parquet", "train_targets"):
        (folder / name).rename(folder / f"000001-{name}")
    made["train_tokens"].tofile(folder / "000000-train_tokens.bin")  # type: ignore[union-attr]
    index = made["train_index"]
    assert isinstance(index, pl.DataFrame)
    index.with_columns(id=pl.lit("page")).write_parquet(folder / "000000-train_index.parquet")
    files = shard_files(folder)
    assert [each.targets and each.targets.name for each in files] == [None, "000001-train_targets"]
    shards = open_shards(folder, dtype="<u2")
    assert shards.targets(0, 0, 5) is None
    assert shards.targets(1, 0, 5) is not None


def test_golden(chat_tokenizer: Path) -> None:
    documents = documents_of([conversation(number) for number in range(4)])
    made = shard_conversations(
        documents, decisions_of(documents), tokenizer=chat_tokenizer, share=0.5, seed=1
    )
    state = blake2b(digest_size=8)
    for name, output in sorted(made.items()):
        state.update(name.encode())
        if isinstance(output, pl.DataFrame):
            state.update(output.write_csv().encode())
        else:
            state.update(output if isinstance(output, bytes) else output.tobytes())
    assert (VERSION, state.hexdigest()) == GOLDEN
