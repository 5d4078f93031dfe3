"""What a whole run left of its training stages, and a base that comes with the recipe."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.training import checkpoint_files, training_assets
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.checkpoints.checkpoint import verify_checkpoint
from midtrain_dagster.training.transition.given import BaseCheckpointError
from resources.artifacts import load_materialized


@pytest.fixture
def recipe(tiny: Path) -> Recipe:
    return load_recipe(tiny)


@pytest.fixture
def checkpoint(whole_run: Any) -> Any:
    store = ArtifactStore(Storage(root=str(whole_run[0].root)))

    def of(name: str) -> Artifact:
        return load_materialized(store, ["tiny", name])

    return of


def test_a_checkpoint_is_a_whole_folder_and_its_log_has_every_step(recipe, checkpoint) -> None:
    for name, stage, _ in recipe.runs():
        artifact = checkpoint(name)
        files = {part.table: part.path for part in checkpoint_files(artifact)}
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= files.keys()
        with artifact.storage.local_folder(files) as folder:
            state = verify_checkpoint(folder)
        assert (state.step, state.tokens) == (stage.steps, stage.steps * stage.batch_tokens)
        log = artifact.read("log")
        assert log["step"].to_list() == list(range(stage.steps))
        assert log["loss"].is_finite().all()


def test_rates_go_on_where_the_stage_before_ended(recipe, checkpoint) -> None:
    """The schedule of ``extended`` is only ``constant``: it keeps what ``annealed`` ended with."""
    assert checkpoint("base").read("log")["rate"][-1] == pytest.approx(5e-3)
    assert checkpoint("annealed").read("log")["rate"][0] == pytest.approx(5e-3)
    assert set(checkpoint("extended").read("log")["rate"]) == {1e-3}


def test_a_stage_got_what_its_mixture_says(recipe, checkpoint) -> None:
    for name, stage, _ in recipe.runs():
        mixture = checkpoint(name).read("mixture")
        assert mixture["delivered"].sum() == pytest.approx(1)
        assert set(mixture["domain"]) == set(stage.mixture.domains)
        for row in mixture.iter_rows(named=True):
            assert row["epochs"] <= stage.mixture.ceiling(row["domain"]) + 1
            share = stage.mixture.weights(0.5)[row["domain"]]
            assert row["delivered"] == pytest.approx(share, abs=0.07), (name, row)


def test_the_control_has_the_same_start_and_another_mixture(checkpoint) -> None:
    stage, control = checkpoint("annealed"), checkpoint("annealed_control")
    assert stage.manifest.upstream == control.manifest.upstream
    assert stage.fingerprint != control.fingerprint
    assert not stage.read("mixture").equals(control.read("mixture"))
    rates = [each.read("log").select("step", "rate") for each in (stage, control)]
    assert rates[0].equals(rates[1])


def test_every_stage_says_how_long_and_from_what(recipe: Recipe) -> None:
    descriptions = {
        spec.key.path[-1]: spec.description
        for asset in training_assets(recipe)
        for spec in asset.specs
    }
    assert descriptions["base"] == (
        "A checkpoint: 16 steps of 1,024 tokens at length 64, from random weights."
    )
    assert "continuing `base`." in str(descriptions["annealed"])
    assert "The control" in str(descriptions["annealed_control"])


def given_base(graph: Any, checkpoint: str) -> Any:
    stage = {
        "start": "base",
        "tokens": "2k",
        "batch_tokens": 256,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "rate": 0.001}],
        "inherit": {"moments": {"reset": "none are given"}, "rate": {"reset": "not known"}},
        "mixture": {"domains": {"web": 1.0}},
    }
    return graph(base={"checkpoint": checkpoint}, stages={"annealed": stage})


def test_a_given_base_is_copied_as_it_is_and_where_it_lay_is_no_cause(
    graph, whole_run, checkpoint, tmp_path
) -> None:
    made = []
    for place in ("here", "there"):
        files = {part.table: part.path for part in checkpoint_files(checkpoint("base"))}
        (tmp_path / place).mkdir()
        for name, path in files.items():
            (tmp_path / place / name).write_bytes((whole_run[0].root / path).read_bytes())
        graph_ = given_base(graph, str(tmp_path / place))
        graph_.make("base")
        made.append(graph_.artifact("base"))
    assert made[0].fingerprint == made[1].fingerprint
    parts = pl.DataFrame([(part.table, part.digest) for part in made[0].manifest.parts])
    given = pl.DataFrame(
        [(part.table, part.digest) for part in checkpoint_files(checkpoint("base"))]
    )
    assert parts.sort("column_0").equals(given.sort("column_0"))


def test_a_base_that_is_not_there_is_named(graph, tmp_path) -> None:
    with pytest.raises(BaseCheckpointError, match="nowhere: there is no such folder"):
        given_base(graph, str(tmp_path / "nowhere")).make("base")
