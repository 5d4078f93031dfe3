"""Evaluation as assets, of checkpoints that lie in the store."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest

from assets.build import benchmark_partitions
from assets.evaluation import evaluation_assets
from assets.leaks import REMOVED
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.findings import FINDINGS
from midtrain_dagster.core.parts import Output, write_output
from midtrain_dagster.decontamination.leaks import LEAKS
from midtrain_dagster.evaluation.benchmark import read_items
from midtrain_dagster.evaluation.learning_curves import POINTS, learning_curves
from midtrain_dagster.evaluation.report_section import runs, scores
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.tokens.tokenizer import VOCABULARY, train_tokenizer, vocabulary_of
from midtrain_dagster.training.artifact import MILESTONE
from midtrain_dagster.training.checkpoints.average import WEIGHTS
from midtrain_dagster.training.retention import named
from resources.artifacts import (
    ArtifactBuilder,
    ArtifactIOManager,
    ArtifactStoreResource,
    load_materialized,
    pointer_path,
)
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

CHECKPOINTS = ["base", "annealed", "annealed/control", "extended"]
TOKENS = 258
LENGTHS = {"web": (300, 200), "wikipedia": (400,), "mathematics": (50, 60), "qa": (70,)}


class Evaluated:
    """The evaluation of a recipe in this process, over what ``put`` has laid into the store."""

    def __init__(self, recipe: Recipe, root: Path) -> None:
        self.recipe = recipe
        artifacts = ArtifactStoreResource(root=str(root / "store"), endpoint=None, region=None)
        self.store = artifacts.store()
        self.instance = dg.DagsterInstance.ephemeral(str(root / "home"))
        ray = RayCluster(mode="in_process")
        generator = TextGeneratorResource(ray=ray)
        self.resources = {
            "artifact_builder": ArtifactBuilder(
                artifacts=artifacts, ray=ray, text_generator=generator
            ),
            "artifact_io_manager": ArtifactIOManager(artifacts=artifacts),
        }

    def put(
        self,
        asset: str,
        files: dict[str, Output],
        key: str | None = None,
        milestones: dict[int, bytes] | None = None,
    ) -> None:
        """Lay an artifact of these files into the store, as if the asset had made it;
        ``milestones`` are the weights of some steps."""
        method = asset.partition("/")[0]

        def build(fingerprint: str) -> tuple[list[Any], dict[str, int]]:
            folder = f"parts/{method}/{fingerprint}"
            parts = [write_output(self.store.storage, folder, *each) for each in files.items()]
            for step, weights in (milestones or {}).items():
                at = (f"{folder}/{named(step)}", MILESTONE, weights)
                part = write_output(self.store.storage, *at, file=WEIGHTS)
                parts.append(part.model_copy(update={"label": named(step)}))
            return parts, {}

        artifact = self.store.make(method, {}, [asset, key, list(milestones or {})], {}, build)
        entry = {"method": method, "fingerprint": artifact.fingerprint}
        pointer = pointer_path([self.recipe.name, *asset.split("/")], key)
        self.store.storage.write(pointer, json.dumps(entry).encode())

    def put_model(self, name: str, seed: int, steps: tuple[int, ...] = ()) -> None:
        """Lay a random model into the store as a checkpoint of that name, with milestones."""
        tokenizer = train_tokenizer(["any text"], vocabulary=TOKENS)
        config = ModelConfig(hidden_size=16, layers=1, heads=1, kv_heads=1, intermediate_size=32)
        saved = []
        with TemporaryDirectory() as folder:
            for step in (0, *steps):
                drawn = seed + 10 * step
                model = new_model(config, vocabulary=TOKENS, sequence_length=64, seed=drawn)
                model.save_pretrained(folder)
                saved.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
        on_the_way = {step: each[WEIGHTS] for step, each in zip(steps, saved[1:], strict=True)}
        self.put(f"checkpoint/{name}", {**saved[0], **tokenizer}, milestones=on_the_way)

    def changed(self, benchmark: str, **changes: Any) -> Recipe:
        """The recipe with changes to a benchmark."""
        fields = self.recipe.model_dump(mode="json", exclude_unset=True, by_alias=True)
        fields["benchmarks"][benchmark] |= changes
        return Recipe.model_validate(fields)

    def make(
        self, name: str, key: str | None = None, recipe: Recipe | None = None
    ) -> tuple[Artifact, Any]:
        """Make an asset of the recipe or of another: its artifact, and what is shown of it."""
        recipe = recipe or self.recipe
        self.instance.add_dynamic_partitions(f"{recipe.name}_benchmark", list(recipe.benchmarks))
        result = dg.materialize(
            [*evaluation_assets(recipe), *self.sources()],
            selection=[dg.AssetKey([recipe.name, name])],
            instance=self.instance,
            partition_key=key,
            resources=self.resources,
        )
        (event,) = result.get_asset_materialization_events()
        made = load_materialized(self.store, [recipe.name, name], key)
        return made, event.materialization.metadata

    def sources(self) -> list[dg.AssetSpec]:
        """What lies in the store already."""
        io = {"dagster/io_manager_key": "artifact_io_manager"}
        name, partitions = self.recipe.name, benchmark_partitions(self.recipe)
        plain = [
            "tokenizer",
            "token_shards",
            "held_out_leaks",
            "preflight",
            *(f"checkpoint/{each}" for each in CHECKPOINTS),
        ]
        return [
            dg.AssetSpec([name, "benchmark_items"], metadata=io, partitions_def=partitions),
            *(dg.AssetSpec([name, *each.split("/")], metadata=io) for each in plain),
        ]


@pytest.fixture(scope="module")
def evaluated(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """The tiny recipe with a random model for each of its checkpoints."""
    root = tmp_path_factory.mktemp("evaluation")
    made = Evaluated(load_recipe(tiny), root)
    tokenizer = train_tokenizer(["any text"], vocabulary=TOKENS)
    vocabulary = vocabulary_of(tokenizer).model_dump_json().encode()
    made.put("tokenizer", {**tokenizer, VOCABULARY: vocabulary})
    for seed, name in enumerate(CHECKPOINTS):
        made.put_model(name, seed)
    lengths = [(domain, length) for domain, each in LENGTHS.items() for length in each]
    index = pl.DataFrame(lengths, schema={"domain": pl.String, "length": pl.UInt32}, orient="row")
    index = index.select(
        pl.int_range(pl.len()).cast(pl.String).alias("id"),
        "domain",
        (pl.col("length").cum_sum() - pl.col("length")).cast(pl.UInt64).alias("offset"),
        "length",
    )
    tokens = np.random.default_rng(3).integers(0, TOKENS, index["length"].sum()).astype("<u2")
    made.put("preflight", {"findings": pl.DataFrame(schema=FINDINGS)})
    made.put("held_out_leaks", {"leaks": LEAKS.to_frame(), "removed": REMOVED.to_frame()})
    made.put("token_shards", {"held_out_tokens": tokens, "held_out_index": index})
    for name, benchmark in made.recipe.benchmarks.items():
        items = read_items(name, benchmark, made.recipe.folder)
        made.put("benchmark_items", {"items": items}, name)
    return made


def test_held_out_losses_are_of_every_checkpoint_on_every_natural_domain(
    evaluated: Evaluated,
) -> None:
    made, shown = evaluated.make("held_out_losses")
    losses = made.read("losses")
    natural = evaluated.recipe.view.natural
    assert "qa" in LENGTHS.keys() - natural
    assert losses["checkpoint"].unique(maintain_order=True).to_list() == CHECKPOINTS
    assert set(losses["domain"]) == natural
    assert losses.height == len(CHECKPOINTS) * len(natural)
    assert losses["loss"].is_finite().all()
    assert losses["loss"].n_unique() == losses.height
    # Two documents have the 256 tokens of the recipe's `length`, in four buckets of 64.
    assert made.read("positions")["tokens"].to_list()[:4] == [126, 128, 128, 128]
    assert all("data:image/png" in shown[plot].value for plot in ("by_domain", "by_position"))


def test_evaluation_scores_say_whose_they_are(evaluated: Evaluated) -> None:
    made, shown = evaluated.make("evaluation", "hellaswag")
    table = scores([made])
    assert table["checkpoint"].unique(maintain_order=True).to_list() == CHECKPOINTS
    assert set(table["metric"]) == {"acc", "acc_norm", "bits_per_byte"}
    assert table["items"].max() <= 10
    assert "| hellaswag | acc | bare | annealed control |" in shown["scores"].value
    assert "| items scored | too long |" in shown["scores"].value
    assert shown["benchmark_items"].value == 100
    assert made.manifest.section["hellaswag"]["versions"] == {
        "evaluation.methods.multiple_choice": 3,
        "evaluation.clustered_mean": 1,
    }
    # All are asked in the window of the shortest stage.
    assert made.manifest.section["hellaswag"]["max_length"] == 64


def test_evaluation_is_made_again_where_the_asking_changes(evaluated: Evaluated) -> None:
    fewer = evaluated.changed("hellaswag", evaluate={"method": "multiple_choice", "limit": 5})
    as_it_is = evaluated.changed("hellaswag", cleaning=None)
    put = evaluated.changed("hellaswag", cleaning=None, prompt="hellaswag")
    shown = [evaluated.changed("hellaswag", examples={"count": count}) for count in (1, 2)]
    made = [
        evaluated.make("evaluation", "hellaswag", recipe)[0]
        for recipe in (None, fewer, as_it_is, put, *shown)
    ]
    assert len({each.fingerprint for each in made}) == 6
    assert runs([made[3]])["prompt"].unique().to_list() == ["hellaswag"]
    assert scores([made[1]])["items"].max() <= 5


def test_milestones_are_asked_where_the_recipe_says_so(evaluated: Evaluated) -> None:
    """They change nothing of what is said of checkpoints, and stand between them in curves."""
    plain, _ = evaluated.make("evaluation", "hellaswag")
    assert learning_curves([plain]).is_empty()
    fields = evaluated.recipe.model_dump(mode="json", exclude_unset=True, by_alias=True)
    fields["evaluation"]["milestones"] = True
    fields["stages"]["annealed"]["checkpoints"] = {"milestones": "3k"}
    recipe = Recipe.model_validate(fields)
    with pytest.raises(KeyError, match="annealed keeps no milestone step-000003: train it again"):
        evaluated.make("evaluation", "hellaswag", recipe)
    for name in ("annealed", "annealed/control"):
        evaluated.put_model(name, CHECKPOINTS.index(name), steps=(3, 6))
    made, _ = evaluated.make("evaluation", "hellaswag", recipe)
    assert scores([made]).equals(scores([plain]))
    curves = learning_curves([made])
    of_accuracy = curves.filter(metric="acc")
    assert of_accuracy.select(POINTS.names()).rows() == [
        ("base", "annealed", 0, 0),
        ("annealed@3", "annealed", 3, 3072),
        ("annealed@6", "annealed", 6, 6144),
        ("annealed", "annealed", 8, 8192),
        ("base", "annealed/control", 0, 0),
        ("annealed/control@3", "annealed/control", 3, 3072),
        ("annealed/control@6", "annealed/control", 6, 6144),
        ("annealed/control", "annealed/control", 8, 8192),
    ]
    bits = curves.filter(metric="bits_per_byte")["value"]
    assert bits.is_not_null().all()
    assert bits.n_unique() == 7, "each of the seven models has its own, the base is there twice"


def test_evaluation_of_a_benchmark_without_a_method_is_empty(evaluated: Evaluated) -> None:
    """Nor does it need another benchmark's evaluation, or change with it."""
    made, shown = evaluated.make("evaluation", "human_eval")
    assert made.manifest.parts == ()
    assert scores([made]).is_empty()
    assert "scores" not in shown
    other = evaluated.changed("hellaswag", evaluate=None, domain="web")
    again, _ = evaluated.make("evaluation", "human_eval", other)
    assert again.fingerprint == made.fingerprint
    asked = evaluated.changed("human_eval", evaluate={"method": "answer_likelihood", "limit": 12})
    assert not scores([evaluated.make("evaluation", "human_eval", asked)[0]]).is_empty()


def test_a_model_that_rates_is_a_cause_of_what_it_rated(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    """And of nothing else, whether or not there is something to rate."""
    tokenizer = train_tokenizer(["any text"], vocabulary=TOKENS)
    config = ModelConfig(hidden_size=16, layers=1, heads=1, kv_heads=1, intermediate_size=32)
    for name, content in tokenizer.items():
        (tmp_path / name).write_bytes(content)
    judge = {
        "method": "judge",
        "generator": {"engine": "transformers", "model": str(tmp_path)},
        **{"rubric": ["it is true"], "at_least": 3, "limit": 2, "most_tokens": 4},
    }
    judged = evaluated.changed("human_eval", evaluate=judge)
    before, _ = evaluated.make("evaluation", "hellaswag")
    made = []
    for seed in (1, 2):
        new_model(config, vocabulary=TOKENS, sequence_length=64, seed=seed).save_pretrained(
            tmp_path
        )
        made.append(evaluated.make("evaluation", "human_eval", judged)[0])
    assert made[0].fingerprint != made[1].fingerprint
    assert evaluated.make("evaluation", "hellaswag", judged)[0].fingerprint == before.fingerprint
