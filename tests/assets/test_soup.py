"""Soups as assets: made of checkpoints that lie in the store, evaluated as any other."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load, load_file

from assets.checks import checks_of_losses
from assets.soup import soup_assets
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import file_names, write_output
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.artifact import MILESTONE, Checkpoint
from midtrain_dagster.training.checkpoints.average import AverageError, last_shares
from resources.artifacts import pointer_path

MODEL = ModelConfig(hidden_size=16, layers=1, heads=1, kv_heads=1, intermediate_size=32)
STAGE: dict[str, Any] = {
    "start": "random",
    "tokens": "2k",
    "batch_tokens": 256,
    "sequence_length": 64,
    "schedule": [{"phase": "constant", "learning_rate": 0.001}],
    "mixture": {"domains": {"web": 0.5, "wikipedia": 0.5}, "max_epochs": 50},
    "seeds": [1, 2, 3],
    "checkpoints": {"milestones": 512},
}
REWOUND: dict[str, Any] = {
    **STAGE,
    "start": "base",
    "milestone": 2,
    "tokens": "1k",
    "seeds": None,
    "seed": 1,
    "schedule": [{"phase": "constant"}],
    "inherit": {"data": "keep"},
    "checkpoints": {},
}
"""The half of the base that comes after its second milestone, once more."""
SOUPS: dict[str, Any] = {
    "plain": {"of": "base"},
    "weighted": {"of": {"base": 3, "base/seed_3": 1}},
    "last": {"of": "base", "last": 3},
    "smoothed": {"of": "base", "last": 3, "decay": 0.5},
}
RUNS = ("base", "base/seed_2", "base/seed_3")


def put(graph: Any, name: str, folder: Path, milestones: int = 3) -> Artifact:
    """A checkpoint as training leaves it, with another seed's weights at each milestone."""
    store = graph.artifacts.store()

    def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
        into = f"parts/checkpoint/{fingerprint_}"
        seed = sum(map(ord, name))
        new_model(MODEL, vocabulary=20, sequence_length=64, seed=seed).save_pretrained(folder)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        files |= {"optimizer.safetensors": b"moments", "log.jsonl": b"", "state.json": b"{}"}
        parts = [write_output(store.storage, into, *each) for each in files.items()]
        for step in range(milestones):
            label = f"step-{2 * step + 2:06d}"
            new_model(MODEL, vocabulary=20, sequence_length=64, seed=step).save_pretrained(folder)
            weights = (folder / "model.safetensors").read_bytes()
            part = write_output(
                store.storage, f"{into}/{label}", MILESTONE, weights, file="model.safetensors"
            )
            parts.append(part.model_copy(update={"label": label}))
        return parts, {}

    made = store.make(
        "checkpoint", {"loop": 1}, {"name": name, "milestones": milestones}, {}, build
    )
    entry = {"method": "checkpoint", "fingerprint": made.fingerprint}
    pointer = pointer_path([graph.recipe.name, "checkpoint", *name.split("/")], None)
    store.storage.write(pointer, json.dumps(entry).encode())
    return made


@pytest.fixture
def kitchen(graph: Any, tmp_path: Path) -> Any:
    """The graph with four soups, and a checkpoint of each run in its store."""
    made = graph(stages={"base": STAGE}, soups=SOUPS)
    for name in RUNS:
        put(made, name, tmp_path / name.replace("/", "-"))
    return made


def keys(*names: str) -> list[str]:
    return [f"checkpoint/{name}" for name in names]


def weights(artifact: Artifact, table: str = "model.safetensors", label: str = "") -> Any:
    (part,) = (p for p in artifact.manifest.parts if p.table == table and p.label == label)
    return load(artifact.storage.read(part.path))


def test_soups_are_the_means_of_their_ingredients(kitchen: Any) -> None:
    kitchen.make(*keys(*SOUPS))
    runs = {name: weights(kitchen.artifact(f"checkpoint/{name}")) for name in RUNS}
    base = kitchen.artifact("checkpoint/base")
    steps = [weights(base, MILESTONE, f"step-{step:06d}") for step in (4, 6)]
    expected = {
        "plain": [(each, 1 / 3) for each in runs.values()],
        "weighted": [(runs["base"], 0.75), (runs["base/seed_3"], 0.25)],
        "last": [(each, 1 / 3) for each in (*steps, runs["base"])],
        "smoothed": list(zip((*steps, runs["base"]), last_shares(3, 0.5), strict=True)),
    }
    for name, ingredients in expected.items():
        mine = weights(kitchen.artifact(f"checkpoint/{name}"))
        for tensor, value in mine.items():
            mean = sum(each[tensor].double() * share for each, share in ingredients)
            assert (value - mean).abs().max() < 1e-6, (name, tensor)


def test_soup_is_a_folder_that_loads_and_says_what_is_in_it(kitchen: Any) -> None:
    from transformers import AutoModelForCausalLM

    (made,) = kitchen.make("checkpoint/smoothed")
    artifact = kitchen.artifact("checkpoint/smoothed")
    names = file_names(Checkpoint(artifact).files)
    assert names.keys() == {
        *("model.safetensors", "config.json", "generation_config.json", "soup.json")
    }
    with artifact.storage.local_folder(names) as folder:
        model = AutoModelForCausalLM.from_pretrained(folder)
        theirs = load_file(folder / "model.safetensors")
        record = json.loads((folder / "soup.json").read_text())
    assert all((model.state_dict()[name] == value).all() for name, value in theirs.items())
    shares = dict(
        zip(["base step-000004", "base step-000006", "base"], last_shares(3, 0.5), strict=True)
    )
    assert record["ingredients"] == shares
    base = kitchen.artifact("checkpoint/base")
    assert artifact.manifest.upstream == {"ingredient_0": base.fingerprint}
    (event,) = made.get_asset_materialization_events()
    shown = event.materialization.metadata["averaged"].value
    assert "| base step-000004 | 0.143 |" in shown


def test_soup_is_made_again_only_when_an_ingredient_changes(kitchen: Any, tmp_path: Path) -> None:
    kitchen.make("checkpoint/plain")
    first = kitchen.artifact("checkpoint/plain").fingerprint
    kitchen.make("checkpoint/plain")
    assert kitchen.artifact("checkpoint/plain").fingerprint == first
    put(kitchen, "base/seed_3", tmp_path / "again", milestones=1)
    kitchen.make("checkpoint/plain")
    assert kitchen.artifact("checkpoint/plain").fingerprint != first


def test_soup_of_a_checkpoint_that_kept_too_few_is_an_error(kitchen: Any, tmp_path: Path) -> None:
    put(kitchen, "base", tmp_path / "few", milestones=1)
    with pytest.raises(AverageError, match="base keeps 2 checkpoints, and 3 are to be averaged"):
        kitchen.make("checkpoint/last")


def test_soup_says_what_it_is(kitchen: Any) -> None:
    assert kitchen.recipe.checkpoints() == [*RUNS, *SOUPS]
    descriptions = {
        spec.key.path[-1]: spec.description
        for asset in soup_assets(kitchen.recipe)
        for spec in asset.specs
    }
    assert descriptions["weighted"] == (
        "A soup: the weights of `base` (0.75), `base/seed_3` (0.25), averaged."
    )
    assert descriptions["smoothed"] == (
        "The last 3 checkpoints of `base`, each weighing 0.5 times the next."
    )


@pytest.mark.slow
def test_seeds_and_milestones_are_trained_and_averaged(graph: Any, root: Path, on_ray: Any) -> None:
    """The quick tests above put the checkpoints there by hand; here they are what training left."""
    base = STAGE | {"checkpoints": {"milestones": 512, "moments": True}}
    kitchen = graph(stages={"base": base, "rewound": REWOUND}, soups=SOUPS)
    runs_ = (*RUNS, "rewound")
    kitchen.make(*kitchen.TO_THE_SHARDS, "preflight", *keys(*runs_, *SOUPS))
    kitchen.make("held_out_leaks", "held_out_losses")
    # From the middle with its moments, rate and position in the data, it ends in the same bytes.
    files = [
        Checkpoint(kitchen.artifact(key)).artifact.parts(name)[0].digest
        for name in ("model.safetensors", "optimizer.safetensors")
        for key in keys("base", "rewound")
    ]
    assert files[0] == files[1]
    assert files[2] == files[3]
    runs = [Checkpoint(kitchen.artifact(key)) for key in keys(*RUNS)]
    assert len({run.artifact.parts("model.safetensors")[0].digest for run in runs}) == 3
    assert [part.label for part in runs[0].milestones] == [
        *("step-000002", "step-000004", "step-000006")
    ]
    assert [run.record.seed for run in runs] == [1, 2, 3]
    assert all(run.log.height == 8 for run in runs)
    measured = kitchen.artifact("held_out_losses")
    checkpoints = measured.read("losses")["checkpoint"].unique(maintain_order=True)
    assert set(checkpoints) == {*runs_, *SOUPS}
    first, *of_soups = (check.name for check in checks_of_losses(kitchen.recipe, measured))
    assert first == "rewound_general_loss"
    assert len(of_soups) == len(SOUPS)
