"""The training loop under Ray Train, against a bare PyTorch loop and transformers' Trainer.

    python -m benchmarks.training [--steps 40] [--rounds 3]

All train the same random Llama on the same packed windows in the same order, in bf16 autocast with
fused AdamW, clipping, the same threads and the same waiting of OpenMP threads
(``fit.WORKER_ENVIRONMENT``). Ours reads the windows from token shards through the plan; the peers
have every batch in memory before they start, so whatever reading costs is ours alone. Each run is a
process of its own and they take turns; start-up and the first steps are left out. A figure is
tokens over the lower quartile of the steps' seconds in all rounds, from the end of one step to that
of the next: what else happens on a machine only ever adds to them.

The last line is one JSON object. ``ours`` and ``peers`` are tokens per second, ``ratio`` is ours
over theirs. ``in_a_worker`` is the same stage on a worker group of one, as on a cluster: Ray's
processes are beside it all the time, and on few cores that is felt; ``loop_alone`` is our loop
without Ray Train. ``data_wait_share`` is the part of a step that waits for its batch.
``checkpoint_stall_share`` is what a checkpoint adds to the steps around it, as a part of the
interval between two checkpoints of recipes/demo.yaml.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from benchmarks.side_by_side import machine
from midtrain_dagster.dataloader.batch import collate
from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.training.fit import WORKER_ENVIRONMENT
from midtrain_dagster.training.job import Job

ROOT = Path(__file__).parents[1]
OURS = ("ours", "in_a_worker", "loop_alone")
PEERS = ("bare_pytorch", "transformers_trainer")

VOCABULARY = 4096
MODEL = {"hidden_size": 256, "layers": 6, "heads": 8, "kv_heads": 4, "intermediate_size": 768}
SEQUENCE_LENGTH = 256
BATCH_TOKENS = 2048
WARM_UP = 8
"""Steps that are not counted."""
CHECKPOINT_STEPS = 4
"""Steps in which a checkpoint may be felt."""
INTERVAL = 200
"""Steps between two checkpoints of recipes/demo.yaml."""
SAME_LOSS = 0.02
"""Nats: bf16 sums in another order, over some tens of steps."""


def make_job(folder: Path, steps: int) -> Job:
    """A stage over token shards of random documents, as long as documents are."""
    generator = np.random.default_rng(0)
    total = 2 * steps * BATCH_TOKENS
    lengths = np.clip(generator.lognormal(5.5, 1.0, total // 200), 20, 4000).astype(np.uint32)
    generator.integers(1, VOCABULARY, int(lengths.sum())).astype("<u2").tofile(folder / "tokens")
    stops = np.cumsum(lengths, dtype=np.uint64)
    ids = [f"document-{number}" for number in range(len(lengths))]
    pl.DataFrame(
        {"id": ids, "domain": "web", "offset": stops - lengths, "length": lengths}, schema=INDEX
    ).write_parquet(folder / "index.parquet")
    return Job.model_validate(
        {
            "name": "benchmark",
            "stage": {
                "start": "random",
                "tokens": steps * BATCH_TOKENS,
                "batch_tokens": BATCH_TOKENS,
                "sequence_length": SEQUENCE_LENGTH,
                "precision": "bf16",
                "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
                "mixture": {"domains": {"web": 1.0}},
                "checkpoint_every": steps // 2,
            },
            "seed": 0,
            "shards": [(folder / "tokens", folder / "index.parquet")],
            "token_dtype": "uint16",
            "padding": 0,
            "vocabulary": VOCABULARY,
            "model": MODEL,
        }
    )


def write_batches(job: Job, file: Path) -> None:
    """The very batches that the job's plan gives, [steps, windows, length] each, for the peers."""
    shards = job.open_shards()
    plan = job.plan(shards)
    batches = [
        collate(
            shards,
            [plan.window(step, slot) for slot in range(job.stage.windows_per_step)],
            sequence_length=job.stage.sequence_length,
            padding=job.padding,
        )
        for step in range(job.stage.steps)
    ]
    names = ("input_ids", "labels", "position_ids")
    arrays: dict[str, Any] = {
        name: np.stack([getattr(each, name) for each in batches]) for name in names
    }
    np.savez(file, **arrays)


def run(name: str, folder: Path) -> dict[str, Any]:
    """One run in a process of its own: what ``training_runs`` prints."""
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks.training_runs", name, str(folder)],
        cwd=ROOT,
        env=os.environ | WORKER_ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if printed.returncode:
        sys.exit(f"{name} failed")
    result: dict[str, Any] = json.loads(printed.stdout.splitlines()[-1])
    return result


def step_seconds(ends: list[float], checkpoint: int) -> list[float]:
    """The steps after the first ones, those around the checkpoint left out."""
    return [
        each
        for step, each in enumerate(np.diff(ends).tolist(), 1)
        if step >= WARM_UP and not checkpoint <= step < checkpoint + CHECKPOINT_STEPS
    ]


def rate(seconds: list[float]) -> float:
    """Tokens per second: those of a step over the lower quartile of the steps."""
    return BATCH_TOKENS / float(np.quantile(seconds, 0.25))


def main() -> None:
    """Measure all and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    steps: dict[str, list[float]] = {name: [] for name in (*OURS, *PEERS)}
    waits, stalls = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        job = make_job(folder, options.steps)
        (folder / "job.json").write_text(job.model_dump_json(), "utf-8")
        write_batches(job, folder / "batches.npz")
        checkpoint = options.steps // 2
        for _ in range(options.rounds):
            losses = {}
            for name, each in steps.items():
                result = run(name, folder)
                losses[name] = result["loss"]
                found = step_seconds(result["ends"], checkpoint)
                each.extend(found)
                told = f"{name}: {rate(found):,.0f} tokens/s, last loss {result['loss']:.4f}"
                print(told, flush=True)
                if name == "ours":
                    step = median(found)
                    waits.append(median(result["data_wait"][WARM_UP:]) / step)
                    around = slice(checkpoint - 1, checkpoint - 1 + CHECKPOINT_STEPS)
                    felt = sum(np.diff(result["ends"])[around]) - CHECKPOINT_STEPS * step
                    stalls.append(max(0.0, felt) / (INTERVAL * step))
            assert abs(losses["ours"] - losses["bare_pytorch"]) < SAME_LOSS, losses
    rates = {name: rate(each) for name, each in steps.items()}
    result = {
        **{own: round(rates[own]) for own in OURS},
        "peers": {name: round(rates[name]) for name in PEERS},
        **{
            "ratio" if own == "ours" else f"ratio_{own}": {
                name: round(rates[own] / rates[name], 3) for name in PEERS
            }
            for own in OURS
        },
        "data_wait_share": round(median(waits), 5),
        "checkpoint_stall_share": round(median(stalls), 5),
        "machine": machine(),
        "sizes": {
            "model": {**MODEL, "vocabulary": VOCABULARY},
            "batch_tokens": BATCH_TOKENS,
            "sequence_length": SEQUENCE_LENGTH,
            "steps": options.steps,
            "rounds": options.rounds,
            "steps_between_checkpoints": INTERVAL,
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
