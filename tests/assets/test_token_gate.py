"""A stage reads no benchmark's text, however its shards came to be in the store."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Manifest
from tests.assets.conftest import FIELDS

RIDDLES = {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"}
TOKENIZER = {"path": str(Path(__file__).parents[2] / "data" / "smollm2-135m-instruct")}
LEAKED = {"paths": ["leaked.jsonl"], "question": "question"}
AGAIN = (
    *("benchmark_items", "contamination", "eligibility", "duplicate_clusters"),
    *("curated_documents", "tokenizer", "token_shards", "preflight"),
)
STAGES = {
    "base": {
        **FIELDS["stages"]["base"],
        **{"tokens": "32k", "batch_tokens": 1024},
        "mixture": {"domains": {"web": 0.5, "wikipedia": 0.5}, "max_epochs": 50},
    }
}
"""It reads every document."""


def scanned_shards(root: Path) -> set[str]:
    return {path.name for path in (root / "parts" / "tokens.scan_tokens").iterdir()}


def test_a_stale_copy_of_the_shards_is_stopped_before_a_step(
    graph: Any, shards: Any, folder: Path, root: Path
) -> None:
    """What outlived the fix of Marin's contamination: an older copy where the new one should be."""
    before = graph(tokenizer=TOKENIZER, stages=STAGES)
    before.make("tokenizer", "token_shards")
    older = before.artifact("token_shards")
    identity = older.read("train_index").sort("id")["id"][0]
    documents = shards.artifact("documents").read("documents")
    text = documents.filter(id=identity)["text"][0]
    pl.DataFrame({"question": [text[:300]]}).write_ndjson(folder / "leaked.jsonl")
    made = graph(
        tokenizer=TOKENIZER, stages=STAGES, benchmarks={"riddles": RIDDLES, "leaked": LEAKED}
    )
    made.make(*AGAIN)
    fixed = made.artifact("token_shards")
    assert identity not in set(fixed.read("train_index")["id"])
    stale = fixed.manifest.model_copy(update={"parts": older.manifest.parts})
    assert stale.fingerprint == fixed.fingerprint
    path = root / made.artifacts.store().manifest_path("token_shards", fixed.fingerprint)
    path.write_text(stale.model_dump_json())
    # Nothing asks the gate on the shards: for Dagster they are what they were.
    for _ in range(2):
        with pytest.raises(dg.Failure) as raised:
            made.make("checkpoint/base")
        told = str(raised.value.description)
        assert told.startswith("base was not trained: benchmark text is in the token shards (1 ")
        assert f"document {identity} holds item 1 of leaked" in told
        assert "train_tokens.bin" in told and "would be the first to read it" in told
    assert not (root / "runs").exists() and not (root / "manifests" / "checkpoint").exists()

    path.write_text(Manifest.model_dump_json(fixed.manifest))
    scanned = scanned_shards(root)
    made.make("checkpoint/base")
    assert made.artifact("checkpoint/base").rows("log") == 32
    # What the gate on the shards had found was not looked for again.
    assert scanned_shards(root) == scanned
