"""A shard that is made of what its part had before is the shard that is made of nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.curation.decisions import DECISIONS
from midtrain_dagster.tokens.splits import shard
from midtrain_dagster.tokens.tokens_before import TokensBefore

TEXTS = ["", "one", "two words", "ein Straßenname, naïve", "x" * 40, "a line\nand another", "🙂"]
IDS = [f"{number:032x}" for number in range(len(TEXTS))]
DOCUMENTS = pl.DataFrame({"id": IDS, "domain": ["web", "code"] * 3 + ["web"], "text": TEXTS})

EDITS = st.sampled_from([[], [{"start": 0, "stop": 1, "replacement": "E"}]])
DECISION = st.tuples(st.integers(0, 3), EDITS)
PART = st.tuples(*[DECISION] * len(IDS))


def decisions_of(part: tuple[tuple[int, list[dict[str, Any]]], ...]) -> pl.DataFrame:
    rows = [
        {
            "id": id_,
            "keep": copies > 0,
            "reason": "kept" if copies else "duplicate",
            "copies": copies,
            "edits": edits if text and text[0].isascii() else [],
        }
        for id_, text, (copies, edits) in zip(IDS, TEXTS, part, strict=True)
    ]
    return pl.DataFrame(rows, schema=DECISIONS)


def written(folder: Path, decisions: pl.DataFrame, made: Mapping[str, Any]) -> Path:
    """As a worker has them."""
    for name, table in {"decisions": decisions, **made}.items():
        if isinstance(table, pl.DataFrame):
            table.write_parquet(folder / f"{name}.parquet")
        else:
            table.tofile(folder / f"{name}.bin")
    return folder


@given(before=PART, now=PART)
def test_shard_of_what_was_before_is_that_of_nothing(
    before: Any, now: Any, tokenizer: Path, tmp_path_factory: Any
) -> None:
    settings = {"tokenizer": tokenizer, "share": 0.3, "seed": 5, "opening": (7,)}
    earlier, later = decisions_of(before), decisions_of(now)
    folder = written(
        tmp_path_factory.mktemp("before"), earlier, shard(DOCUMENTS, earlier, **settings)
    )
    alone = shard(DOCUMENTS, later, **settings)
    after = shard(DOCUMENTS, later, **settings, before=folder)
    assert list(after) == list(alone)
    for name, expected in alone.items():
        if isinstance(expected, pl.DataFrame):
            assert after[name].equals(expected)
            assert after[name].schema == expected.schema
        else:
            assert after[name].dtype == expected.dtype
            assert np.array_equal(after[name], expected)


def test_tokens_are_taken_where_the_edits_are_as_they_were(tokenizer: Path, tmp_path: Path) -> None:
    cut = [{"start": 0, "stop": 1, "replacement": "E"}]
    earlier = decisions_of(((1, []), (1, []), (2, cut), (0, []), (1, cut), (1, []), (1, [])))
    later = decisions_of(((1, []), (1, cut), (1, cut), (1, []), (0, []), (1, []), (1, [])))
    made = shard(DOCUMENTS, earlier, tokenizer=tokenizer, share=0.3, seed=5)
    found = TokensBefore.read(written(tmp_path, earlier, made), later, tokenizer=tokenizer)
    assert set(found.places["id"]) == {IDS[0], IDS[2], IDS[5], IDS[6]}
