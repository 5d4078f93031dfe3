"""Every stage of every model's recipe is trained, on a tiny model and a few documents a source.

The recipes lie over one corpus, so documents, tokenizer and shards are made once, by their assets;
each stage is trained by the loop alone, from the checkpoint of the stage before.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import numpy as np
import pytest
import yaml

from benchmarks.corpus import FOLDER as PACKAGES_FOLDER
from benchmarks.corpus import PACKAGES, fetch
from midtrain_dagster.core.parts import file_names
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe, parse_recipe
from midtrain_dagster.tokens.splits import shard_files
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.checkpoints.average import average
from midtrain_dagster.training.checkpoints.checkpoint import read_log, verify_checkpoint
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.metrics.log import StepRecord
from midtrain_dagster.training.record import mixture_table
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import RANDOM
from tests.assets.conftest import Graph, in_folder

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).parents[1] / "recipes"
MODELS = RECIPES / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.yaml"))

DEBIAN = {"anarchism", "debian-handbook", "gap-doc", "maxima-doc", "metamath-databases"}
MANUAL_PAGES = {f"manpages-{language}" for language in ("de", "es", "fr", "ja", "ru")}

FEWER_FILES = {
    # Of sources whose every file would be read for a few of its documents.
    "gap": ("chap[0-9]*_mj.html", "chap[123]_mj.html"),
    "maxima": ("html/*.html", "html/maxima_1[0-9].html"),
    "proofs": ("*.mm", "[hq]*.mm"),
    "handbook_fr": ("*.html", "sect.[a-c]*.html"),
    "handbook_zh": ("zh-*/*.html", "zh-CN/sect.[a-c]*.html"),
}
INSTALLED = {"docstrings": "mpmath", "questions": "mpmath", "instructions": "mpmath"}

TINY = {"hidden_size": 16, "layers": 1, "heads": 1, "kv_heads": 1, "intermediate_size": 32}
SCALE = {"tokens": 1e15, "batch": 100_000, "length": 32, "minimum_steps": 2}
LONGEST = 8192
"""Tokens of a window here at most: a window of a million is divided by more."""

TO_THE_SHARDS = (
    *("documents", "language", "signals", "signatures", "duplicate_edges", "eligibility"),
    *("duplicate_clusters", "curated_documents", "tokenizer", "token_shards"),
)


def sources() -> dict[str, Any]:
    """The corpus's sources, a few documents of each."""
    corpus = yaml.safe_load((RECIPES / "parts" / "corpus.yaml").read_text())["sources"]
    few = {}
    for name, source in corpus.items():
        if name in FEWER_FILES:
            all_files, some = FEWER_FILES[name]
            source["paths"] = [path.replace(all_files, some) for path in source["paths"]]
        elif name.startswith("manual_pages"):
            source["paths"] = [path.replace("man*", "man8") for path in source["paths"]]
        if name in INSTALLED:
            source["distributions"] = [INSTALLED[name]]
        few[name] = source | {"take": 4 if source["domain"] == "books" else 48}
    return few


def rehearsed(name: str, few: dict[str, Any]) -> Recipe:
    """A model's recipe as it is rehearsed here; its stages are its own."""
    full = load_recipe(MODELS / f"{name}.yaml")
    base = full.base.model
    assert base is not None
    longest = max(run.stage.sequence_length for run in full.runs())
    said = {
        "extends": [f"{name}.yaml", "../parts/rehearsal.yaml"],
        "base": {"model": TINY | {"rope_base": base.rope_base}},
        "tokenizer": {"train": {"vocabulary": 800}},
        "sources": few,
        "benchmarks": dict.fromkeys(("gsm8k", "human_eval", "hellaswag")),
        "scale": SCALE | {"length": max(SCALE["length"], longest // LONGEST)},
    }
    return parse_recipe(MODELS / "rehearsed.yaml", yaml.safe_dump(said, sort_keys=False))


class Ground(NamedTuple):
    """What every model is trained on."""

    few: dict[str, Any]
    shards: Path
    tokenizer: Path
    dtype: str
    padding: int
    vocabulary: int


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    wanted = [each for each in PACKAGES if each.name in DEBIAN | MANUAL_PAGES]
    missing = fetch(PACKAGES_FOLDER, wanted)
    assert not missing, missing
    root, few = tmp_path_factory.mktemp("models"), sources()
    home = dg.DagsterInstance.ephemeral(str(root / "home"))
    graph = Graph(rehearsed("qwen3", few), in_folder(root / "store"), home)
    graph.make(*TO_THE_SHARDS)
    shards, tokenizer = (graph.artifact(name) for name in ("token_shards", "tokenizer"))
    tables = ("train_tokens", "train_index", "train_targets")
    parts = [part for part in shards.manifest.parts if part.table in tables]
    folders = {}
    for name, wanted_parts in (("shards", parts), ("tokenizer", Tokenizer(tokenizer).files)):
        (root / name).mkdir()
        for file, path in file_names(wanted_parts).items():
            (root / name / file).write_bytes(shards.storage.read(path))
        folders[name] = root / name
    known = Tokenizer(tokenizer)
    return Ground(
        few,
        folders["shards"],
        folders["tokenizer"],
        known.dtype,
        known.vocabulary.padding,
        known.vocabulary.tokens,
    )


@pytest.fixture
def job(ground: Ground, tmp_path: Path) -> Callable[[Run, ModelConfig | None], Job]:
    files = shard_files(ground.shards)

    def made(run: Run, model: ModelConfig | None) -> Job:
        random = run.start == RANDOM
        return Job(
            name=run.stage_name,
            stage=run.stage,
            seed=run.seed,
            role=run.role,
            shards=tuple((each.tokens, each.index) for each in files),
            targets=tuple(each.targets for each in files),
            token_dtype=ground.dtype,
            padding=ground.padding,
            vocabulary=ground.vocabulary,
            start=None if random else tmp_path / "checkpoints" / run.start,
            model=model if random else None,
            tokenizer=ground.tokenizer,
        )

    return made


@pytest.mark.parametrize("name", NAMES)
def test_every_stage_is_trained(
    name: str, ground: Ground, job: Callable[..., Job], tmp_path: Path
) -> None:
    recipe = rehearsed(name, ground.few)
    checkpoints = tmp_path / "checkpoints"
    last: float | None = None
    ended: dict[str, float] = {}
    for run in recipe.runs():
        told = job(run, recipe.base.model)
        plan = told.plan(told.open_shards())
        plan.check()
        records: list[StepRecord] = []
        made = train(told, output=tmp_path / "runs" / run.folder, on_step=records.append)
        (checkpoints / run.name).parent.mkdir(parents=True, exist_ok=True)
        made.rename(checkpoints / run.name)
        last = ended.get(run.start)
        rates = run.stage.learning_rates(last)
        ended[run.name] = rates[-1]
        state = verify_checkpoint(checkpoints / run.name)
        assert state.step == run.stage.steps == len(records) >= 2
        logged = [row["learning_rate"] for row in read_log(checkpoints / run.name)]
        assert logged == pytest.approx(rates[:-1].tolist())
        assert np.isfinite([record.loss for record in records if record.loss is not None]).all()
        assert set(mixture_table(plan)["domain"]) == run.stage.mixture.trained_on
    for soup in recipe.soups:
        shares = recipe.ingredients(soup)
        folders = {f"ingredient_{number}": checkpoints / each for number, each in enumerate(shares)}
        assert "model.safetensors" in average(shares=shares, **folders)
