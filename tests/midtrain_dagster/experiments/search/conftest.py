"""A store with the token shards and the tokenizer of a tiny world, and searches in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Part
from midtrain_dagster.core.execution import Execution, InProcess
from midtrain_dagster.core.parts import Work, make_parts, write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.experiments.search.swarm import Made, make
from midtrain_dagster.experiments.search.works import Given
from midtrain_dagster.tokens.shards import tokenize
from midtrain_dagster.tokens.tokenizer import VOCABULARY, Tokenizer, vocabulary_of
from midtrain_dagster.training.scale import Scale

WORDS = {
    "web": "the river ran past a small town where people met each morning",
    "code": "def return self for in if else lambda yield class import",
    "mathematics": "sum of x squared plus y equals zero over the integers",
    "law": "whereas the party of the first part shall not be held liable",
}
PROXY = {
    "model": {
        "hidden_size": 16,
        "layers": 1,
        "heads": 2,
        "kv_heads": 1,
        "intermediate_size": 32,
    },
    "tokens": 1024,
    "batch_tokens": 128,
    "sequence_length": 32,
}


def search(**fields: Any) -> MixtureSearch:
    """A search over three domains; keywords change it."""
    usual = {"domains": ["web", "code", "mathematics"], "rounds": [6], "proxy": PROXY}
    return MixtureSearch.model_validate(usual | fields)


@dataclass
class Ground:
    """A store, and what searches in it have asked to be done."""

    store: ArtifactStore
    tokenizer: Tokenizer
    folder: Path
    done: list[Work] = field(default_factory=list)
    execution: Execution = field(default_factory=InProcess)

    def shards(self, domains: Mapping[str, int]) -> Artifact:
        """Token shards with so many documents of each domain, a unit of work each."""
        parts = [part for domain, count in domains.items() for part in self._unit(domain, count)]
        return self.store.make(
            "token_shards", {}, {"domains": dict(domains)}, {}, lambda _: (parts, {})
        )

    def by_work(self, works: Sequence[Work]) -> list[list[Part]]:
        """Does what is not there."""
        self.done += works
        return make_parts(self.store, self.execution, works)

    def search(self, section: MixtureSearch, shards: Artifact, **given: Any) -> Made:
        """A whole search."""
        usual = {"seed": 3, "losses": list(section.kept), "scale": Scale()}
        return make(section, Given(shards, self.tokenizer, **usual | given), self.by_work)

    def _unit(self, domain: str, count: int) -> list[Part]:
        parts = []
        for split, number in (("train", count), ("held_out", 8)):
            draw = np.random.default_rng(len(split) + count)
            rows = [
                (
                    f"{split}-{domain}-{each}",
                    domain,
                    " ".join(draw.choice(WORDS[domain].split(), 25)),
                )
                for each in range(number)
            ]
            documents = pl.DataFrame(rows, ["id", "domain", "text"], orient="row")
            for name, output in tokenize(documents, tokenizer=self.folder).items():
                at = f"parts/shard/{domain}-{count}"
                parts.append(write_output(self.store.storage, at, f"{split}_{name}", output))
        return parts


@pytest.fixture(scope="session")
def tokenizer_folder(world: Any) -> Path:
    """The folder of the tiny world's tokenizer."""
    folder: Path = world.tokenizer
    return folder


@pytest.fixture
def ground(tmp_path: Path, tokenizer_folder: Path) -> Ground:
    """An empty store with a tokenizer."""
    store = ArtifactStore(Storage(root=str(tmp_path / "store")))
    files = {file.name: file.read_bytes() for file in sorted(tokenizer_folder.iterdir())}
    parts = [write_output(store.storage, "parts/tokenizer", *each) for each in files.items()]
    record = vocabulary_of(files).record()
    parts.append(write_output(store.storage, "parts/tokenizer", VOCABULARY, record))
    artifact = store.make("tokenizer", {}, None, {}, lambda _: (parts, {}))
    return Ground(store, Tokenizer(artifact), tokenizer_folder)


@pytest.fixture
def made(ground: Ground) -> Callable[..., Made]:
    """Makes a search over sixty documents of each domain."""

    def run(section: MixtureSearch, **given: Any) -> Made:
        return ground.search(section, ground.shards(dict.fromkeys(section.domains, 60)), **given)

    return run
