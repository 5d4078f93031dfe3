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
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

MODEL = Path("data/smollm2-135m-instruct")
DOCUMENTS = {"documentation": "pydoc_data.topics", "code": "_pydecimal"}
WINDOW, LENGTH, BUCKET = 8192, 10_240, 512
FACTOR = LENGTH / WINDOW
YARN = {"method": "yarn", "factor": FACTOR, "original_length": WINDOW}

METHODS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "linear": {"method": "linear", "factor": FACTOR},
    "ntk": {"method": "ntk", "factor": FACTOR},
    "ntk 3": {"method": "ntk", "factor": 2 * FACTOR},
    "abf 500k": {"method": "abf", "base": 500_000},
    "yarn": YARN,
    "llama3": {"method": "llama3", "factor": FACTOR, "original_length": WINDOW},
    "longrope": {"method": "longrope", "original_length": WINDOW},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "dca": None,
}
"""``longrope`` has the factors of YaRN, and its own attention factor: a search would be thousands
of such passes."""


def main() -> None:
    """Do what is asked for and lacks, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--methods", default=",".join(METHODS))
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

    rope = METHODS[method]
    if rope is None:
        return
    if "rope_type" in rope:
        config.rope_parameters = config.rope_parameters | rope
        return
    if rope["method"] == "longrope":
        rope = rope | {"long_factors": _factors_of_yarn(config)}
    adapter: TypeAdapter[Rope] = TypeAdapter(Rope)
    apply_rope(adapter.validate_python(rope), config, length)


def _factors_of_yarn(config: Any) -> list[float]:
    from midtrain_dagster.training.rope.search import yarn_factors

    base = config.rope_parameters["rope_theta"]
    factors = yarn_factors(config.head_dim // 2, base=base, factor=FACTOR, original=WINDOW)
    return [float(each) for each in factors]


def print_table(document: str, length: int, done: dict[str, Any]) -> None:
    """The losses by position of one document, a method a row."""
    edges = list(range(0, length, BUCKET))
    print(f"\n{document}\n| from position |", " | ".join(f"{at:,}" for at in edges), "|")
    print("|---|" + "---:|" * len(edges))
    for method in METHODS:
        if found := done.get(f"{method}/{document}/{length}"):
            assert not any(map(math.isnan, found["losses"]))
            print(f"| {method} |", " | ".join(f"{loss:.2f}" for loss in found["losses"]), "|")


if __name__ == "__main__":
    main()
