"""From curated conversations to token shards: as documents (``splits.py``), and what is an answer.

A shard of conversations has a part more, ``targets``: a bit for each token, set where an assistant
says it. It is data and no decision: whether the loss looks at it, the stage says (``loss_on``). A
conversation ends as its template ends it; no end-of-text token is added, for the template has what
ends a turn.

A conversation that the template refuses, or of which edits leave nothing, is left out, and counted
with its reason.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from midtrain_dagster.tokens import chat_tokens, splits
from midtrain_dagster.tokens.chat_template import ChatTemplateError
from midtrain_dagster.tokens.chat_tokens import ChatEncoder, ChatTokens
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.shards import INDEX, token_dtype
from midtrain_dagster.tokens.splits import copied, kept_documents, without
from midtrain_dagster.tokens.transcript import LAYOUT, Conversation, LostTurnError, restored

VERSION = 2
USES = (splits, chat_tokens)

CONVERSATIONS = pl.Schema(
    {
        "id": pl.String,
        "source": pl.String,
        "domain": pl.String,
        "split": pl.String,
        "tokens": pl.Int64,
        "targets": pl.Int64,
        "left_out": pl.String,
    }
)
"""A row for each conversation that was kept: its tokens, how many of them an assistant says, and
why it is not in the shards (null for one that is)."""


def shard_conversations(
    documents: pl.DataFrame,
    decisions: pl.DataFrame,
    *,
    tokenizer: Path,
    share: float,
    seed: int,
    left_out: Sequence[str] = (),
) -> dict[str, pl.DataFrame | np.ndarray | bytes]:
    """One part's kept conversations as tokens, split into training and held-out.

    Returns ``conversations`` and, for each split, ``SPLIT_tokens``, ``SPLIT_index`` and
    ``SPLIT_targets``: the tokens' bits in order, eight a byte, the first the highest. Raises as
    ``splits.shard`` does.
    """
    kept = without(kept_documents(documents, decisions), left_out)
    apart = is_held_out(kept["id"], share=share, seed=seed)
    encoder = ChatEncoder.kept(tokenizer)
    outputs: dict[str, pl.DataFrame | np.ndarray | bytes] = {}
    told = [CONVERSATIONS.to_frame()]
    for split, rows in (("train", copied(kept.filter(~apart))), ("held_out", kept.filter(apart))):
        made = list(_encoded(encoder, rows))
        good = [isinstance(each, ChatTokens) for each in made]
        tokens = [each for each in made if isinstance(each, ChatTokens)]
        lengths = np.array([len(each.ids) for each in tokens], np.uint64)
        told.append(_told(rows, split, made))
        outputs[f"{split}_tokens"] = _joined([each.ids for each in tokens], np.int64).astype(
            token_dtype(encoder.size)
        )
        index = rows.filter(pl.Series(good, dtype=pl.Boolean)).select("id", "domain")
        offsets = np.cumsum(lengths, dtype=np.uint64) - lengths
        outputs[f"{split}_index"] = index.with_columns(
            offset=pl.Series(offsets), length=pl.Series(lengths)
        ).cast(INDEX)
        bits = _joined([each.targets for each in tokens], np.bool_)
        outputs[f"{split}_targets"] = np.packbits(bits).tobytes()
    return {"conversations": pl.concat(told), **outputs}


Refusal = ChatTemplateError | LostTurnError


def _encoded(encoder: ChatEncoder, rows: pl.DataFrame) -> Iterator[ChatTokens | Refusal]:
    """The tokens of each row, in order, or why there are none."""
    restored_ = [
        _restored(text, metadata, edits)
        for text, metadata, edits in rows.select("text", "metadata", "edits").iter_rows()
    ]
    encoded = encoder.encode(each for each in restored_ if isinstance(each, dict))
    for each in restored_:
        yield next(encoded) if isinstance(each, dict) else each


def _restored(text: str, metadata: str, edits: list[dict[str, Any]]) -> Conversation | Refusal:
    try:
        return restored(text, json.loads(metadata)[LAYOUT], edits)
    except LostTurnError as error:
        return error


def _told(rows: pl.DataFrame, split: str, made: list[ChatTokens | Refusal]) -> pl.DataFrame:
    found = [each if isinstance(each, ChatTokens) else None for each in made]
    return pl.DataFrame(
        {
            "id": rows["id"],
            "source": rows["source"],
            "domain": rows["domain"],
            "split": [split] * len(made),
            "tokens": [len(each.ids) if each else 0 for each in found],
            "targets": [int(each.targets.sum()) if each else 0 for each in found],
            "left_out": [None if isinstance(each, ChatTokens) else str(each) for each in made],
        },
        schema=CONVERSATIONS,
    )


def _joined(arrays: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *arrays])
