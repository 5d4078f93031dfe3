"""AI2's decon on the labelled set: what `decon_peer` does, from here."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmarks.contamination.items import DATA
from benchmarks.contamination.labelled import Labelled

PEER = Path(__file__).with_name("decon_peer.py")
TEMPLATES = DATA / "gsm_symbolic.jsonl"

SETTINGS: Mapping[str, Mapping[str, object]] = {
    "decon (tool), defaults": {},
    "decon (tool), best": {
        "contamination_score_threshold": 0.5,
        "index_answers": False,
        "eval_min_token_length": 8,
        "perfect_match_decay_start": 8,
        "perfect_match_decay_end": 30,
        "sample_every_m_tokens": 1,
    },
}
"""The fields of ``decon.Config``; the best ones by mean F1 on the development half."""


def templates(python: Path) -> Path:
    """GSM-Symbolic's templates, written once."""
    if not TEMPLATES.exists():
        subprocess.run([str(python), str(PEER), "symbolic", str(TEMPLATES)], check=True)
    return TEMPLATES


def accused(python: Path, made: Labelled, fields: Mapping[str, object]) -> pl.DataFrame:
    """What it accuses: id, benchmark, item."""
    with tempfile.TemporaryDirectory() as temporary:
        documents, items, hits = (Path(temporary, name) for name in ("documents", "items", "hits"))
        made.documents.select("text").write_ndjson(documents)
        made.items.select("benchmark", "question", pl.col("answer").fill_null("")).write_ndjson(
            items
        )
        command = [str(python), str(PEER), "detect", documents, items, hits, json.dumps(fields)]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
        pairs = [json.loads(line) for line in hits.open(encoding="utf-8")]
    found = pl.DataFrame(pairs, schema={"document": pl.Int64, "item": pl.Int64})
    return pl.DataFrame(
        {
            "id": made.documents["id"].gather(found["document"]),
            "benchmark": made.items["benchmark"].gather(found["item"]),
            "item": made.items["item"].gather(found["item"]),
        }
    )
