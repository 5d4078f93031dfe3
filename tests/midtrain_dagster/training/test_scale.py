"""A run shrunk to a laptop keeps its proportions where it can, and says where it cannot."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.mixture.weights import LongDocuments
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import RecipeError, load_recipe
from midtrain_dagster.training.rope import Yarn
from midtrain_dagster.training.scale import Scale, distortions, scaled_stage
from midtrain_dagster.training.stage import Stage

STAGE = Stage.model_validate(
    {
        "start": "base",
        "tokens": "50B",
        "batch_tokens": "4M",
        "sequence_length": 4000,
        "schedule": [
            {"phase": "warmup", "start": 0, "to": 1e-3, "tokens": "10B"},
            {"phase": "constant", "tokens": "20B"},
            {"phase": "decay", "to": 0},
        ],
        "inherit": {"rate": {"reset": "a new schedule"}},
        "mixture": {
            "domains": {"web": 1.0},
            "long_documents": {"minimum_tokens": 2000, "share": 0.3},
        },
        "rope": {"method": "yarn", "factor": 4, "original_length": 1000},
        "micro_batch_tokens": 8000,
    }
)


def test_without_a_scale_a_stage_is_itself() -> None:
    assert scaled_stage(STAGE, Scale()) is STAGE
    assert distortions({"only": STAGE}, Scale()) == []


def test_each_quantity_has_its_divisor() -> None:
    small = scaled_stage(STAGE, Scale(tokens=1e5, batch=1000, length=10))
    assert (small.tokens, small.batch_tokens, small.sequence_length) == (500_000, 4000, 400)
    assert isinstance(small.rope, Yarn)
    assert small.rope.original_length == 100
    assert small.mixture.long_documents == LongDocuments(minimum_tokens=200, share=0.3)
    assert small.micro_batch_tokens == 8000


def test_milestones_stay_as_many() -> None:
    fields = STAGE.model_dump(exclude_unset=True) | {"checkpoints": {"milestones": "10B"}}
    full = Stage.model_validate(fields)
    small = scaled_stage(full, Scale(tokens=1e5, batch=1000, length=10))
    assert small.checkpoints.milestones == small.tokens // 5
    assert small.checkpoints.keep_last == full.checkpoints.keep_last


def test_the_schedule_keeps_its_shape() -> None:
    """The same rates at the same share of the stage."""
    small = scaled_stage(STAGE, Scale(tokens=1e5, batch=1000, length=10))
    parts = np.linspace(0, 1, 11)
    full, shrunk = (
        each.schedule.rates(parts * each.tokens, tokens=each.tokens, found=None)
        for each in (STAGE, small)
    )
    np.testing.assert_allclose(full, shrunk, rtol=1e-9)


def test_a_stage_has_its_least_steps_and_never_more_tokens_than_it_had() -> None:
    assert scaled_stage(STAGE, Scale(tokens=1e9, batch=1000, minimum_steps=25)).steps == 25
    few = STAGE.model_copy(update={"tokens": 8_000_000})
    schedule = few.model_dump(exclude_unset=True) | {"schedule": [{"phase": "constant", "rate": 1}]}
    assert scaled_stage(Stage.model_validate(schedule), Scale(length=2)).tokens == 8_000_000


@settings(deadline=None)
@given(
    tokens=st.floats(1, 1e8),
    batch=st.integers(1, 10**7),
    length=st.integers(1, 10**4),
    steps=st.integers(1, 100),
)
def test_whatever_the_divisors_a_stage_stays_a_stage(tokens, batch, length, steps) -> None:
    scale = Scale(tokens=tokens, batch=batch, length=length, minimum_steps=steps)
    small = scaled_stage(STAGE, scale)
    assert small.batch_tokens % small.sequence_length == 0
    assert small.tokens <= STAGE.tokens
    assert small.steps >= min(steps, STAGE.steps)


def test_each_proportion_that_is_lost_is_told() -> None:
    long, short = STAGE, STAGE.model_copy(update={"tokens": 40_000_000_000})
    stages = {"base": long, "annealed": short}
    kept = distortions(stages, Scale(tokens=1e5, batch=1000))
    assert kept == [
        "base: 50,000,000,000 tokens became 500,000 (1/1e+05); 12,500 steps became 125; "
        "length 4,000 became 4,000",
        "annealed: 40,000,000,000 tokens became 400,000 (1/1e+05); 10,000 steps became 100; "
        "length 4,000 became 4,000",
    ]
    floored = distortions(stages, Scale(tokens=1e9, batch=1000))
    assert "base: 55.6% of all tokens became 50.0%" in floored


def test_a_control_shrinks_as_its_stage_does(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["extended"]["control"] = {"sequence_length": 64, "rope": None}
    recipe = Recipe.model_validate(fields | {"scale": {"length": 2}})
    control = recipe.control("extended")
    assert control is not None
    assert (recipe.stage("extended").sequence_length, control.sequence_length) == (128, 32)


def test_a_scale_that_leaves_no_window_for_a_worker_is_told(tiny: Path, tmp_path: Path) -> None:
    text = tiny.read_text().replace("    checkpoint_every: 4\n", "    workers: 4\n")
    path = tmp_path / "tiny.yaml"
    path.write_text(text + "\nscale: {batch: 16}\n")
    with pytest.raises(RecipeError, match=r"scale: stage 'base': .*workers 4 exceed the 1 windows"):
        load_recipe(path)
