"""What a whole run left of its training stages, and a base that comes with the recipe."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.training import training_assets
from midtrain_dagster.core.parts import file_names
from midtrain_dagster.mixture.reference import FoundMixture, MixtureReference
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.tokens.splits import open_shards
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.checkpoints.checkpoint import verify_checkpoint
from midtrain_dagster.training.record import plan_of
from midtrain_dagster.training.transition.given import BaseCheckpointError


def checkpoint(tiny_run: Any, name: str) -> Checkpoint:
    return Checkpoint(tiny_run[f"checkpoint/{name}"])


def test_checkpoint_is_a_whole_folder_and_its_log_has_every_step(tiny_run: Any) -> None:
    for run in tiny_run.recipe.runs():
        made, stage = checkpoint(tiny_run, run.name), run.stage
        files = file_names(made.files)
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= files.keys()
        with made.artifact.storage.local_folder(files) as folder:
            state = verify_checkpoint(folder)
        assert made.state == state
        assert (state.step, state.tokens) == (stage.steps, stage.steps * stage.batch_tokens)
        assert made.log["step"].to_list() == list(range(stage.steps))
        assert made.log["loss"].is_finite().all()


def test_learning_rate_goes_on_where_the_stage_before_ended(tiny_run: Any) -> None:
    """The schedule of ``extended`` is only ``constant``: it keeps what ``annealed`` ended with."""
    base, annealed, extended = (
        checkpoint(tiny_run, name).log["learning_rate"] for name in ("base", "annealed", "extended")
    )
    assert base[-1] == annealed[0] == pytest.approx(5e-3)
    assert set(extended) == {1e-3}


def test_mixture_of_a_run_is_what_its_stage_says(tiny_run: Any) -> None:
    for run in tiny_run.recipe.runs():
        made, mixture = checkpoint(tiny_run, run.name), run.stage.mixture
        if isinstance(mixture, MixtureReference):
            found = FoundMixture(tiny_run[f"mixture/{mixture.from_}"])
            mixture = mixture.resolved(found.shares)
        assert made.record.mixture == mixture
        table = made.mixture
        assert table["delivered"].sum() == pytest.approx(1)
        assert set(table["domain"]) == set(mixture.domains)
        for row in table.iter_rows(named=True):
            assert row["epochs"] <= mixture.ceiling(row["domain"]) + 1
            share = mixture.weights(0.5)[row["domain"]]
            assert row["planned"] == pytest.approx(share, abs=0.02), (run.name, row)
            assert row["delivered"] == pytest.approx(share, abs=0.07), (run.name, row)


def test_record_of_a_run_makes_its_plan_again(tiny_run: Any) -> None:
    shards = tiny_run["token_shards"]
    parts = [*shards.parts("train_tokens"), *shards.parts("train_index")]
    with shards.storage.local_folder(file_names(parts)) as folder:
        opened = open_shards(folder, dtype="<u2")
        for run in tiny_run.recipe.runs():
            made = checkpoint(tiny_run, run.name)
            assert (made.record.run, made.record.seed) == (run.name, run.seed)
            counted = dict(made.mixture.select("domain", "tokens").iter_rows())
            assert plan_of(made.record, opened).delivered() == counted


def test_control_has_the_same_start_and_another_mixture(tiny_run: Any) -> None:
    stage, control = (checkpoint(tiny_run, name) for name in ("annealed", "annealed/control"))
    assert stage.artifact.manifest.upstream == control.artifact.manifest.upstream
    assert stage.fingerprint != control.fingerprint
    assert not stage.mixture.equals(control.mixture)
    assert stage.log["learning_rate"].equals(control.log["learning_rate"])


def test_checkpoint_says_how_long_and_from_what(tiny: Path) -> None:
    descriptions = {
        spec.key.to_user_string(): str(spec.description)
        for asset in training_assets(load_recipe(tiny))
        for spec in asset.specs
    }
    assert descriptions["tiny/checkpoint/base"] == (
        "A checkpoint: 16 steps of 1,024 tokens at length 64, from random weights."
    )
    assert "continuing `base`." in descriptions["tiny/checkpoint/annealed"]
    assert "The control" in descriptions["tiny/checkpoint/annealed/control"]


def given_base(graph: Any, folder: str) -> Any:
    stage = {
        "start": "base",
        "tokens": "2k",
        "batch_tokens": 256,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "learning_rate": 0.001}],
        "inherit": {"moments": {"reset": "none are given"}, "learning_rate": {"reset": "unknown"}},
        "mixture": {"domains": {"web": 1.0}},
    }
    return graph(base={"checkpoint": folder}, stages={"annealed": stage})


def test_given_base_is_copied_as_it_is_and_where_it_lay_is_no_cause(
    graph: Any, tiny_run: Any, tmp_path: Path
) -> None:
    base = checkpoint(tiny_run, "base")
    made = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        for name, path in file_names(base.files).items():
            (tmp_path / place / name).write_bytes(tiny_run.store.storage.read(path))
        graph_ = given_base(graph, str(tmp_path / place))
        graph_.make("checkpoint/base")
        made.append(Checkpoint(graph_.artifact("checkpoint/base")))
    assert made[0].fingerprint == made[1].fingerprint
    copied, given = (
        pl.DataFrame({"table": [part.table for part in parts], "digest": [p.digest for p in parts]})
        for parts in (made[0].files, base.files)
    )
    assert copied.sort("table").equals(given.sort("table"))
    assert not made[0].is_trained


def test_given_base_that_is_not_there_is_named(graph: Any, tmp_path: Path) -> None:
    with pytest.raises(BaseCheckpointError, match="nowhere: there is no such folder"):
        given_base(graph, str(tmp_path / "nowhere")).make("checkpoint/base")
