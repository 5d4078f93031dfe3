"""Attention by documents against a mask: memory and time of windows from 2K to 32K tokens.

    python -m benchmarks.attention [--lengths 2048 4096 8192 16384 32768] [--document 1024]
    python -m benchmarks.attention --lengths 128 256 512 --document 100

A forward and a backward pass of a small Llama's objective over one window, or over as many shorter
ones as make 2,048 tokens: of one document that fills it, and of documents of lognormal lengths
around ``--document`` tokens. Each is a process of its own, on one core; its memory is the most that
it held beyond what it held after a short window, its time the core's own in the faster of two
passes (one, from 16K). *Masked* is transformers' SDPA with the mask [n, 1, L, L] that it makes of
positions; a window of one document has none. A form is refused where its masks, one byte an entry
once and four bytes for each layer, and a quarter more are more than the memory that is free.

The last line is one JSON object. Both forms have the same loss (asserted to 1e-5).
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.side_by_side import machine

ROOT = Path(__file__).parents[1]
MODEL = {"hidden_size": 128, "layers": 4, "heads": 4, "kv_heads": 2, "intermediate_size": 384}
VOCABULARY = 512
LENGTHS = (2048, 4096, 8192, 16384, 32768)
FORMS = ("masked", "by documents")
SAME_LOSS = 1e-5
FP32 = 4
BESIDE = 1.25
"""What a pass holds at most, over its masks (seen: 1.2)."""
TOKENS = 2048
"""Of a pass, at least."""
MANY = 16384


def positions(length: int, document: int | None, row: int) -> np.ndarray:
    """Positions [L] of a window that begin anew with each document; None: one fills it."""
    if document is None:
        return np.arange(length)
    generator = np.random.default_rng(row)
    lengths: list[int] = []
    while sum(lengths) < length:
        lengths.append(max(16, int(generator.lognormal(np.log(document), 0.7))))
    places = np.concatenate([np.arange(each) for each in lengths])
    return places[:length]


def one_pass(form: str, length: int, document: int | None) -> dict[str, Any]:
    """Memory, seconds and loss of one form, in this process."""
    import torch

    from midtrain_dagster.models.attention.carried import attend_by_documents
    from midtrain_dagster.models.new import ModelConfig, new_model
    from midtrain_dagster.training.metrics.memory import peak_memory
    from midtrain_dagster.training.step.objective import make_objective

    torch.set_num_threads(1)
    config = ModelConfig.model_validate(MODEL)
    model = new_model(config, vocabulary=VOCABULARY, sequence_length=length, seed=0).eval()
    if form == "by documents":
        assert attend_by_documents(model) is None
    objective = make_objective(model)
    rows = max(1, TOKENS // length)
    ids = torch.from_numpy(np.random.default_rng(1).integers(0, VOCABULARY, (rows, length)))
    windows = [positions(length, document, row) for row in range(rows)]
    places = torch.from_numpy(np.stack(windows))

    def passed(tokens: int) -> float:
        model.zero_grad(set_to_none=False)
        loss, _, _ = objective(ids[:, :tokens], places[:, :tokens], ids[:, :tokens])
        loss.backward()
        return float(loss.detach()) / (rows * tokens)

    passed(min(64, length))
    before, seconds, losses = peak_memory("cpu"), [], []
    for _ in range(2 if length < MANY else 1):
        begun = time.process_time()
        losses.append(passed(length))
        seconds.append(time.process_time() - begun)
    return {"bytes": peak_memory("cpu") - before, "seconds": min(seconds), "loss": losses[0]}


def measured(form: str, length: int, document: int | None) -> dict[str, Any] | None:
    """What :func:`one_pass` finds in a process of its own; None where it is refused."""
    if form == "masked" and document is not None:
        masks = max(TOKENS * length, length**2) * (1 + FP32 * MODEL["layers"])
        if BESIDE * masks > psutil.virtual_memory().available:
            return None
    command = [sys.executable, "-m", "benchmarks.attention", "--one", form, str(length)]
    command.append(str(document or 0))
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(printed.stdout.splitlines()[-1])
    return result


def row(length: int, document: int | None) -> dict[str, Any]:
    """Both forms of a window, side by side; one line of the table is printed."""
    found = {form: measured(form, length, document) for form in FORMS}
    ours, theirs = found["by documents"], found["masked"]
    assert ours is not None
    if theirs is not None:
        assert abs(ours["loss"] - theirs["loss"]) < SAME_LOSS, (ours, theirs)
    told = [
        "refused | refused"
        if each is None
        else f"{each['bytes'] / 1e6:,.0f} | {each['seconds']:.2f}"
        for each in (theirs, ours)
    ]
    what = "one" if document is None else f"of about {document:,}"
    print(f"| {length:,} | {what} | {told[0]} | {told[1]} |", flush=True)
    return {"length": length, "document": document, **found}


def main() -> None:
    """Measure, print the table and the figures; with ``--one``, be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--document", type=int, default=1024)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        form, length, document = options.one
        print(json.dumps(one_pass(form, int(length), int(document) or None)))
        return
    print("| window | documents | masked, MB | seconds | by documents, MB | seconds |")
    print("|---:|---|---:|---:|---:|---:|")
    rows = [
        row(each, document) for each in options.lengths for document in (options.document, None)
    ]
    print(json.dumps({"rows": rows, "machine": machine(), "sizes": {"model": MODEL}}))


if __name__ == "__main__":
    main()
