"""Loss beyond the trained window, with each way to extend positions and no training at all:
``docs/context-extension.md``.

    python -m benchmarks.extension_without_training --results FILE [--methods none,yarn]

SmolLM2-135M was trained on windows of 8,192 tokens. It reads the beginnings of long documents of
the Python installation, in forward passes alone: the documentation of the language (prose,
``pydoc_data/topics.py``) and a module (``_pydecimal.py``). What is done is kept in FILE, so a call
does the methods that it is asked for and lacks, and prints the table of all that there are.
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

MODEL = Path("data/smollm2-135m-instruct")
DOCUMENTS = {"documentation": "pydoc_data.topics", "code": "_pydecimal"}
WINDOW, LENGTH, BUCKET = 8192, 10_240, 512
ROPES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "linear": {"method": "linear", "factor": 1},
    "ntk": {"method": "ntk", "factor": 1},
    "ntk 2": {"method": "ntk", "factor": 2},
    "abf 500k": {"method": "abf", "base": 500_000},
    "yarn": {"method": "yarn", "factor": 1, "original_length": WINDOW},
    "llama3": {"method": "llama3", "factor": 1, "original_length": WINDOW},
    "longrope": {"method": "longrope", "original_length": WINDOW},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "dca": None,
}
"""Factors are in multiples of how much longer the window becomes. ``longrope`` has the factors of
YaRN, and its own attention factor: a search would be thousands of such passes."""


def main() -> None:
    """Do what is asked for and lacks, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--methods", default=",".join(ROPES))
    parser.add_argument("--documents", default=",".join(DOCUMENTS))
    parser.add_argument("--length", type=int, default=LENGTH)
    asked = parser.parse_args()
    done: dict[str, Any] = json.loads(asked.results.read_text()) if asked.results.is_file() else {}
    for document in asked.documents.split(","):
        source = DOCUMENTS[document]
        for method in filter(None, asked.methods.split(",")):
            key = f"{method}/{document}/{asked.length}"
            if key in done:
                continue
            started = time.monotonic()
            losses = losses_of(method, tokens_of(source, asked.length))
            done[key] = {"losses": losses, "seconds": round(time.monotonic() - started)}
            asked.results.write_text(json.dumps(done))
            print(key, done[key]["seconds"], "s", flush=True)
    for document in DOCUMENTS:
        print_table(document, asked.length, done)


def tokens_of(source: str, length: int) -> np.ndarray:
    """The first tokens of an installed module's text."""
    from tokenizers import Tokenizer

    found = importlib.util.find_spec(source)
    assert found is not None and found.origin is not None
    text = Path(found.origin).read_text()[: 20 * length]
    return np.array(Tokenizer.from_file(str(MODEL / "tokenizer.json")).encode(text).ids[:length])


def losses_of(method: str, tokens: np.ndarray) -> list[float]:
    """The mean loss in nats of each bucket of positions."""
    from midtrain_dagster.evaluation.next_token import next_token_losses

    with extended(method, len(tokens)) as model:
        losses = next_token_losses(model, [tokens])[0].astype(np.float64)
    edges = range(0, len(losses), BUCKET)
    return [round(float(losses[at : at + BUCKET].mean()), 4) for at in edges]


@contextmanager
def extended(method: str, length: int) -> Iterator[Any]:
    """The model, as a method extends it."""
    import torch
    from transformers import AutoModelForCausalLM

    from midtrain_dagster.models.dual_chunk import dual_chunk_attention
    from midtrain_dagster.models.load import load_config
    from midtrain_dagster.models.rotation import rotate_each_alone

    config = load_config(MODEL)
    assert config.max_position_embeddings == WINDOW
    _change(config, method, length)
    model = AutoModelForCausalLM.from_pretrained(MODEL, config=config, dtype=torch.float32).eval()
    rotate_each_alone(model)
    if method == "dca":
        with dual_chunk_attention(model, WINDOW):
            yield model
    else:
        yield model


def _change(config: Any, method: str, length: int) -> None:
    """Write a method into a config."""
    from pydantic import TypeAdapter

    from midtrain_dagster.training.rope.apply import Rope, apply_rope
    from midtrain_dagster.training.rope.search import yarn_factors

    rope, times = ROPES[method], length / WINDOW
    if rope is None:
        return
    if "rope_type" in rope:
        config.rope_parameters = config.rope_parameters | rope
        return
    if "factor" in rope:
        rope = rope | {"factor": rope["factor"] * times}
    if method == "longrope":
        base = config.rope_parameters["rope_theta"]
        found = yarn_factors(config.head_dim // 2, base=base, factor=times, original=WINDOW)
        rope = rope | {"long_factors": found.tolist()}
    adapter: TypeAdapter[Rope] = TypeAdapter(Rope)
    apply_rope(adapter.validate_python(rope), config, length)


def print_table(document: str, length: int, done: dict[str, Any]) -> None:
    """The losses by position of one document, a method a row: two halves of the trained window, and
    each bucket beyond it."""
    edges = [0, WINDOW // 2, *range(WINDOW, length, BUCKET), length]
    spans = list(pairwise(edges))
    print(f"\n| {document} |", " | ".join(f"{start:,}-{stop:,}" for start, stop in spans), "|")
    print("|---|" + "---:|" * len(spans))
    for method in ROPES:
        if found := done.get(f"{method}/{document}/{length}"):
            losses = np.array(found["losses"])
            assert np.isfinite(losses).all()
            means = [losses[start // BUCKET : stop // BUCKET].mean() for start, stop in spans]
            print(f"| `{method}` |", " | ".join(f"{mean:.2f}" for mean in means), "|")


if __name__ == "__main__":
    main()
