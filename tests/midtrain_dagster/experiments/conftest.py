"""A tiny world to experiment in: three kinds of text, their shards, a tokenizer, a base."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.experiments.short_run import Measures, Phase, Vocabulary
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.tokens.shards import tokenize
from midtrain_dagster.tokens.tokenizer import train_tokenizer
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train

LENGTH, BATCH = 32, 256
MODEL = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)
WORDS = {
    domain: text.split()
    for domain, text in {
        "web": "the river ran past a small town where people met each morning",
        "code": "def return self for in if else lambda yield class import",
        "mathematics": "sum of x squared plus y equals zero over the integers",
    }.items()
}


@dataclass(frozen=True)
class World:
    """Files that a run reads."""

    train: Path
    held_out: Path
    tokenizer: Path
    vocabulary: Vocabulary
    base: Path

    @property
    def measures(self) -> Measures:
        """The losses of all three domains."""
        return Measures(domains=tuple(WORDS), sequence_length=LENGTH, tokens_by_domain=400)


def documents(split: str, count: int) -> pl.DataFrame:
    """Sentences of each domain's words, in an order of their own."""
    draw = np.random.default_rng(len(split))
    rows = [
        (f"{split}-{domain}-{number}", domain, " ".join(draw.choice(words, 25)))
        for domain, words in WORDS.items()
        for number in range(count)
    ]
    return pl.DataFrame(rows, ["id", "domain", "text"], orient="row")


def stage(tokens: int = 8 * BATCH, start: str = "base", **fields: Any) -> dict[str, Any]:
    """A stage that decays to 0 on the web, as a recipe says it."""
    return {
        "start": start,
        "tokens": tokens,
        "batch_tokens": BATCH,
        "sequence_length": LENGTH,
        "schedule": [{"phase": "decay", "shape": "linear", "to": 0.0}],
        "mixture": {"domains": {"web": 1.0}, "max_epochs": 1000},
        "inherit": {"rng": {"reset": "several seeds"}},
    } | fields


@pytest.fixture(scope="session")
def phase() -> Callable[..., Phase]:
    """Makes a phase of a stage that decays to 0; keywords change the stage."""

    def make(name: str = "anneal", **fields: Any) -> Phase:
        return Phase.model_validate({"name": name, "stage": stage(**fields)})

    return make


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Shards of three domains, a tokenizer, and a base of 24 steps on the web."""
    folder = tmp_path_factory.mktemp("world")
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    for name, data in train_tokenizer(documents("train", 40)["text"], vocabulary=300).items():
        (tokenizer / name).write_bytes(data)
    for split, count in (("train", 60), ("held_out", 12)):
        (folder / split).mkdir()
        for domain in WORDS:
            made = tokenize(documents(split, count).filter(domain=domain), tokenizer=tokenizer)
            made["tokens"].tofile(folder / split / f"{domain}_tokens.bin")
            made["index"].write_parquet(folder / split / f"{domain}_index.parquet")
    files = [
        (each, each.with_name(each.name.replace("tokens.bin", "index.parquet")))
        for each in sorted((folder / "train").glob("*.bin"))
    ]
    schedule = [{"phase": "warmup", "to": 1e-2, "tokens": 2 * BATCH}, {"phase": "constant"}]
    job = {
        "name": "base",
        "stage": stage(24 * BATCH, "random", schedule=schedule),
        "seed": 5,
        "shards": files,
        "token_dtype": "<u2",
        "padding": 0,
        "vocabulary": 300,
        "model": MODEL,
        "tokenizer": tokenizer,
    }
    base = train(Job.model_validate(job), output=folder / "base")
    vocabulary = Vocabulary(tokens=300, dtype="<u2", padding=0)
    return World(folder / "train", folder / "held_out", tokenizer, vocabulary, base)
