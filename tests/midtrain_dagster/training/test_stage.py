"""What a stage may say, and the learning rates of its steps."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.stage import Stage

BASE: dict[str, Any] = {
    "start": "random",
    "tokens": 10_000,
    "batch_tokens": 1_024,
    "sequence_length": 128,
    "schedule": [
        {"phase": "warmup", "to": 1e-3, "tokens": 1_000},
        {"phase": "constant", "tokens": 8_000},
        {"phase": "decay", "shape": "linear", "to": 4e-4},
    ],
    "mixture": {"domains": {"web": 1.0}},
}
ANNEALED: dict[str, Any] = BASE | {
    "start": "base",
    "schedule": [{"phase": "decay", "shape": "one_minus_sqrt", "to": 0.0}],
}
WHY = {"reset": "a fresh warm-up, as OLMo 3 does before it extends the context"}


def stage(fields: dict[str, Any], **changed: Any) -> Stage:
    return Stage.model_validate(fields | changed)


def test_stage_has_steps_enough_for_all_tokens() -> None:
    assert stage(BASE).steps == 10
    assert stage(BASE, tokens=10_241).steps == 11
    assert stage(BASE).windows_per_step == 8


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sequence_length": 100}, "sequence_length 100 does not divide batch_tokens 1024"),
        ({"micro_batch_tokens": 200}, "does not divide micro_batch_tokens 200"),
        ({"workers": 9}, "workers 9 exceed the 8 windows"),
        ({"rope": {"method": "none"}}, "rope changes an inherited model"),
        ({"tokens": 8_000}, "phase 2 .constant. ends at token 9000, but the stage has 8000"),
        ({"inherit": {"moments": "reset"}}, "inherit"),
        ({"inherit": {"moments": {"reset": ""}}}, "inherit"),
        ({"inherit": {"weights": {"reset": "why"}}}, "the moments of the old ones fit none"),
        ({"inherit": {"weights": {"map": "why"}}}, "their moments have to go the same way"),
        ({"checkpoints": {"keep_last": 1}}, "keep_last"),
        ({"lenght": 128}, "lenght"),
    ],
)
def test_stage_names_the_fields_of_a_mistake(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        stage(BASE, **changed)


def test_learning_rates_of_the_steps_and_the_one_it_leaves() -> None:
    rates = stage(BASE).learning_rates(None)
    assert rates.shape == (11,)
    np.testing.assert_allclose(rates[[0, 1, 8]], [0, 1e-3, 1e-3])
    assert rates[-1] == 4e-4
    assert stage(ANNEALED).learning_rates(4e-4)[[0, -1]].tolist() == [4e-4, 0.0]


def test_where_a_schedule_ends_is_known_without_its_steps() -> None:
    assert stage(BASE).final_learning_rate(None) == stage(BASE).learning_rates(None)[-1]
    long = stage(ANNEALED, tokens="40T", schedule=[{"phase": "constant"}])
    assert long.final_learning_rate(4e-4) == 4e-4
    with pytest.raises(TransitionError, match="the learning rate of 'base' is not known"):
        long.final_learning_rate(None)


def test_learning_rates_warm_up_from_zero_where_they_are_reset() -> None:
    schedule = [
        {"phase": "warmup", "to": 2e-4, "tokens": 2_048},
        {"phase": "decay", "shape": "linear", "to": 0.0},
    ]
    fresh = stage(ANNEALED, schedule=schedule, inherit={"learning_rate": WHY})
    np.testing.assert_allclose(fresh.learning_rates(4e-4)[:3], [0, 1e-4, 2e-4])


def test_a_stage_that_inherits_rate_zero_trains_nothing() -> None:
    with pytest.raises(TransitionError, match=r"phase 1 \(constant\) stays at rate 0"):
        stage(ANNEALED, schedule=[{"phase": "constant"}]).learning_rates(0.0)


def test_a_stage_of_one_step_at_rate_zero_is_refused() -> None:
    """The first step of a warm-up from 0 has rate 0, as transformers' schedules have."""
    warmup = [{"phase": "warmup", "to": 1e-3}]
    with pytest.raises(ValidationError, match="its only step has rate 0"):
        stage(BASE, tokens=1_024, schedule=warmup)
    assert stage(BASE, tokens=1_025, schedule=warmup).begins_at_zero
    assert not stage(BASE, tokens=1_024, schedule=[warmup[0] | {"start": 1e-4}]).begins_at_zero
    assert not stage(ANNEALED).begins_at_zero


def test_a_phase_within_a_step_is_refused() -> None:
    step = stage(ANNEALED).batch_tokens
    short = [{"phase": "constant", "tokens": stage(ANNEALED).tokens - 1}]
    with pytest.raises(TransitionError, match=f"within one step of {step}"):
        stage(ANNEALED, schedule=[*short, {"phase": "decay", "to": 0}]).learning_rates(1e-3)
    with pytest.raises(ValidationError, match=f"within one step of {step}"):
        stage(
            ANNEALED,
            inherit={"learning_rate": WHY},
            schedule=[
                {"phase": "warmup", "to": 1e-3, "tokens": step + 1},
                {"phase": "constant", "tokens": step - 1},
                {"phase": "decay", "to": 0},
            ],
        )


def test_learning_rates_may_be_taken_over_scaled() -> None:
    scaled = {"learning_rate": {"map": "a batch of half the size", "factor": 0.5}}
    assert stage(ANNEALED, inherit=scaled).learning_rates(4e-4)[0] == 2e-4


def test_learning_rates_that_are_kept_have_to_be_known() -> None:
    with pytest.raises(TransitionError, match="learning rate of 'base' is not known"):
        stage(ANNEALED).learning_rates(None)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_seed_is_one_that_every_generator_takes(seed: int) -> None:
    with pytest.raises(ValidationError, match="seed"):
        stage(BASE, seed=seed)
    assert stage(BASE, seed=2**63 - 1).seed == 2**63 - 1


def test_stage_travels_as_json() -> None:
    schedule = [{"phase": "constant", "learning_rate": 1e-3}]
    said = stage(ANNEALED, inherit={"learning_rate": WHY}, schedule=schedule)
    assert Stage.model_validate(said.model_dump(mode="json")) == said


def test_stage_takes_shares_or_the_name_of_a_mixture() -> None:
    said = stage(ANNEALED, mixture={"from": "searched", "max_epochs": 2})
    assert said.mixture == MixtureReference(from_="searched", max_epochs=2)
    assert Stage.model_validate(said.model_dump(exclude_unset=True)) == said


def test_stage_has_no_cause_in_where_and_how_safely_it_runs() -> None:
    elsewhere = {
        "workers": 2,
        "accelerator": "gpu",
        "parallel": "fsdp",
        "activation_checkpointing": True,
        "checkpoint_every": 3,
        "restarts": 2,
        "checkpoints": {"keep_last": 5},
    }
    assert canonical(stage(BASE, **elsewhere)) == canonical(stage(BASE))
    for cause in ({"checkpoints": {"milestones": 4096}}, {"seed": 3}, {"precision": "bf16"}):
        assert canonical(stage(BASE, **cause)) != canonical(stage(BASE))


def test_moments_are_estimated_anew_before_the_stages_own_tokens() -> None:
    anew = {"moments": {"reestimate": "a release without a state", "steps": 7}}
    plain, said = stage(ANNEALED), stage(ANNEALED, inherit=anew)
    assert (said.steps, said.learning_steps) == (plain.steps + 7, plain.steps)
    rates = said.learning_rates(4e-4)
    assert not rates[:7].any()
    assert (rates[7:] == plain.learning_rates(4e-4)).all()
    assert not said.inherit.takes_moments
    assert Stage.model_validate(said.model_dump(mode="json")) == said
    with pytest.raises(ValidationError, match="random ones have none"):
        stage(BASE, inherit=anew)
    with pytest.raises(ValidationError, match=r"\{reestimate: WHY, steps: N\}"):
        stage(ANNEALED, inherit={"moments": "reestimate"})


def test_an_optimizer_is_a_cause_where_it_is_not_adamw() -> None:
    named = {"method": "adamw", "weight_decay": 0.1}
    assert canonical(stage(BASE, optimizer=named)) == canonical(stage(BASE))
    assert canonical(stage(BASE, optimizer={"method": "muon"})) != canonical(stage(BASE))
