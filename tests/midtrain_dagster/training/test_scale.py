"""A run shrunk to a laptop keeps its proportions where it can, and says where it cannot."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.untie_knots import UntieKnots
from midtrain_dagster.mixture.weights import LongDocuments
from midtrain_dagster.training.rope.methods.yarn import Yarn
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
        "inherit": {"learning_rate": {"reset": "a new schedule"}},
        "mixture": {
            "domains": {"web": 1.0},
            "long_documents": {"minimum_tokens": 2000, "share": 0.3},
        },
        "rope": {"method": "yarn", "factor": 4, "original_length": 1000},
        "micro_batch_tokens": 8000,
    }
)


def test_scaled_stage_is_itself_without_a_scale() -> None:
    assert scaled_stage(STAGE, Scale()) is STAGE
    assert distortions({"only": STAGE}, {"only": STAGE}) == []


def test_scaled_stage_has_a_divisor_for_each_quantity() -> None:
    small = scaled_stage(STAGE, Scale(tokens=1e5, batch=1000, length=10))
    assert (small.tokens, small.batch_tokens, small.sequence_length) == (500_000, 4000, 400)
    assert isinstance(small.rope, Yarn)
    assert small.rope.original_length == 100
    assert small.mixture.long_documents == LongDocuments(minimum_tokens=200, share=0.3)
    assert small.micro_batch_tokens == 8000


def test_scaled_stage_has_the_same_classes_and_shorter_chunks() -> None:
    fields = STAGE.model_dump(exclude_unset=True)
    fields["mixture"] = {"domains": {"web": 1.0}, "length_classes": "prolong"}
    fields["packing"] = {"method": "untie_knots", "chunk_tokens": 1000}
    small = scaled_stage(Stage.model_validate(fields), Scale(tokens=1e5, batch=1000, length=10))
    assert small.packing == UntieKnots(chunk_tokens=100)
    assert small.mixture.length_classes is not None
    assert small.mixture.length_classes.long_share == 0.6


def test_scaled_stage_keeps_as_many_milestones() -> None:
    fields = STAGE.model_dump(exclude_unset=True) | {"checkpoints": {"milestones": "10B"}}
    full = Stage.model_validate(fields)
    small = scaled_stage(full, Scale(tokens=1e5, batch=1000, length=10))
    assert small.checkpoints.milestones == small.tokens // 5
    assert small.checkpoints.keep_last == full.checkpoints.keep_last


def test_scaled_stage_keeps_the_shape_of_its_schedule() -> None:
    """The same learning rates at the same share of the stage."""
    small = scaled_stage(STAGE, Scale(tokens=1e5, batch=1000, length=10))
    parts = np.linspace(0, 1, 11)
    full, shrunk = (
        each.schedule.learning_rates(parts * each.tokens, tokens=each.tokens, found=None)
        for each in (STAGE, small)
    )
    np.testing.assert_allclose(full, shrunk, rtol=1e-9)


def test_scaled_stage_has_its_least_steps_and_never_more_tokens() -> None:
    assert scaled_stage(STAGE, Scale(tokens=1e9, batch=1000, minimum_steps=25)).steps == 25
    few = STAGE.model_copy(update={"tokens": 8_000_000})
    schedule = few.model_dump(exclude_unset=True) | {
        "schedule": [{"phase": "constant", "learning_rate": 1}]
    }
    assert scaled_stage(Stage.model_validate(schedule), Scale(length=2)).tokens == 8_000_000


@settings(deadline=None)
@given(
    tokens=st.floats(1, 1e8),
    batch=st.integers(1, 10**7),
    length=st.integers(1, 10**4),
    steps=st.integers(1, 100),
)
def test_scaled_stage_stays_a_stage_for_all_divisors(tokens, batch, length, steps) -> None:
    scale = Scale(tokens=tokens, batch=batch, length=length, minimum_steps=steps)
    small = scaled_stage(STAGE, scale)
    assert small.batch_tokens % small.sequence_length == 0
    assert small.tokens <= STAGE.tokens
    assert small.steps >= min(steps, STAGE.steps)


def test_distortions_name_each_proportion_that_is_lost() -> None:
    stages = {"base": STAGE, "annealed": STAGE.model_copy(update={"tokens": 40_000_000_000})}

    def scaled(scale: Scale) -> dict[str, Stage]:
        return {name: scaled_stage(stage, scale) for name, stage in stages.items()}

    assert distortions(stages, scaled(Scale(tokens=1e5, batch=1000))) == [
        "base: 50,000,000,000 tokens became 500,000 (1/1e+05); 12,500 steps became 125; "
        "length 4,000 became 4,000",
        "annealed: 40,000,000,000 tokens became 400,000 (1/1e+05); 10,000 steps became 100; "
        "length 4,000 became 4,000",
    ]
    floored = distortions(stages, scaled(Scale(tokens=1e9, batch=1000)))
    assert "base: 55.6% of all tokens became 50.0%" in floored


def test_steps_that_estimate_moments_shrink_with_the_stage() -> None:
    fields = STAGE.model_dump(exclude_unset=True) | {
        "start": "base",
        "inherit": {"moments": {"reestimate": "none come with it", "steps": 100}},
    }
    stage = Stage.model_validate(fields)
    small = scaled_stage(stage, Scale(tokens=10))
    assert (small.reestimated_steps, small.learning_steps) == (10, stage.learning_steps // 10)
    assert scaled_stage(stage, Scale(tokens=1e9)).reestimated_steps == 1


def test_distortions_name_each_phase_that_becomes_another_part_of_its_stage() -> None:
    small = scaled_stage(STAGE, Scale(tokens=1e9, batch=1000, minimum_steps=3))
    _, *phases = distortions({"only": STAGE}, {"only": small})
    assert phases == [
        "only: its warmup, 20.0% of it, became 33.3%",
        "only: its constant, 40.0% of it, became 33.3%",
        "only: its decay, 40.0% of it, became 33.3%",
    ]
