"""What a stage may say, and which transitions are refused."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.transition.check import check_transition
from midtrain_dagster.training.transition.inherit import TransitionError

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


def test_steps_are_enough_for_all_tokens() -> None:
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
def test_a_mistake_names_its_fields(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        stage(BASE, **changed)


def test_rates_of_the_steps_and_the_rate_it_leaves() -> None:
    rates = stage(BASE).rates(None)
    assert rates.shape == (11,)
    np.testing.assert_allclose(rates[[0, 1, 8]], [0, 1e-3, 1e-3])
    assert rates[-1] == 4e-4
    assert stage(ANNEALED).rates(4e-4)[[0, -1]].tolist() == [4e-4, 0.0]


def test_a_control_replaces_whole_fields() -> None:
    control = {"mixture": {"domains": {"code": 1.0}}, "tokens": 20_000}
    annealed = stage(ANNEALED, control=control, optimizer={"weight_decay": 0.0})
    other = annealed.control_stage()
    assert other.mixture.domains == {"code": 1.0}
    assert (other.tokens, other.control) == (20_000, None)
    assert (
        other.model_copy(
            update={"mixture": annealed.mixture, "tokens": annealed.tokens, "control": control}
        )
        == annealed
    )


def test_a_control_may_take_back_an_extension() -> None:
    extended = stage(
        ANNEALED,
        sequence_length=256,
        rope={"method": "abf", "base": 5e5},
        control={"sequence_length": 128, "rope": None},
    )
    check_transition(stage(BASE), extended.control_stage())


@pytest.mark.parametrize("control", [{"lenght": 128}, {"sequence_length": 100}])
def test_a_control_is_checked_with_its_stage(control: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="control"):
        stage(ANNEALED, control=control)


def test_a_stage_without_a_control_says_so() -> None:
    with pytest.raises(ValueError, match="no control"):
        stage(ANNEALED).control_stage()


def test_a_rate_that_goes_on_is_accepted() -> None:
    check_transition(stage(BASE), stage(ANNEALED))
    said = [{"phase": "decay", "shape": "linear", "start": 4e-4, "to": 0.0}]
    check_transition(stage(BASE), stage(ANNEALED, schedule=said))


def test_a_rate_that_jumps_must_say_why() -> None:
    jump = [{"phase": "constant", "rate": 1e-3}]
    with pytest.raises(TransitionError, match=r"jumps from 0\.0004, where 'base' ends, to 0\.001"):
        check_transition(stage(BASE), stage(ANNEALED, schedule=jump))
    check_transition(stage(BASE), stage(ANNEALED, schedule=jump, inherit={"rate": WHY}))


def test_a_reset_rate_warms_up_from_zero() -> None:
    schedule = [
        {"phase": "warmup", "to": 2e-4, "tokens": 2_048},
        {"phase": "decay", "shape": "linear", "to": 0.0},
    ]
    rates = stage(ANNEALED, schedule=schedule, inherit={"rate": WHY}).rates(4e-4)
    np.testing.assert_allclose(rates[:3], [0, 1e-4, 2e-4])


def test_a_rate_may_be_taken_over_scaled() -> None:
    scaled = {"rate": {"map": "a batch of half the size", "factor": 0.5}}
    assert stage(ANNEALED, inherit=scaled).rates(4e-4)[0] == 2e-4
    said = [{"phase": "decay", "shape": "linear", "start": 2e-4, "to": 0.0}]
    check_transition(stage(BASE), stage(ANNEALED, schedule=said, inherit=scaled))
    with pytest.raises(TransitionError, match=r"jumps from 0\.0004, .* to 0\.0002"):
        check_transition(stage(BASE), stage(ANNEALED, schedule=said))


def test_a_seed_that_changes_must_say_why() -> None:
    other = stage(ANNEALED, seed=7)
    with pytest.raises(TransitionError, match=r"seed changes from 42, that of 'base', to 7"):
        check_transition(stage(BASE), other, seed=42)
    with pytest.raises(TransitionError, match="from 1, that of 'base', to 42"):
        check_transition(stage(BASE, seed=1), stage(ANNEALED), seed=42)
    check_transition(stage(BASE), other)  # a recipe's own seed may be the same
    check_transition(stage(BASE), stage(ANNEALED, seed=42), seed=42)
    check_transition(stage(BASE), stage(ANNEALED, seed=7, inherit={"rng": WHY}), seed=42)


def test_a_position_is_kept_within_one_order_alone() -> None:
    keep = {"data": "keep"}
    check_transition(stage(BASE), stage(ANNEALED, inherit=keep))
    with pytest.raises(TransitionError, match="sequence_length changes from 128 to 64"):
        check_transition(stage(BASE), stage(ANNEALED, inherit=keep, sequence_length=64))
    long = {"domains": {"web": 1.0}, "long_documents": {"minimum_tokens": 64, "share": 0.5}}
    with pytest.raises(TransitionError, match=r"mixture\.long_documents changes"):
        check_transition(stage(BASE), stage(ANNEALED, inherit=keep, mixture=long))
    with pytest.raises(TransitionError, match="keep both or reset both"):
        check_transition(stage(BASE), stage(ANNEALED, inherit=keep | {"rng": WHY}))


def test_a_schedule_that_cannot_go_on_is_found_at_the_transition() -> None:
    rising = stage(ANNEALED, schedule=[{"phase": "decay", "shape": "linear", "to": 5e-4}])
    with pytest.raises(TransitionError, match="a decay falls"):
        check_transition(stage(BASE), rising)


def test_a_kept_rate_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(TransitionError, match="rate of 'base' is not known"):
        stage(ANNEALED).rates(None)


def test_a_longer_window_must_say_what_is_done_to_the_positions() -> None:
    longer = {"sequence_length": 256}
    with pytest.raises(TransitionError, match="sequence_length grows from 128 to 256"):
        check_transition(stage(BASE), stage(ANNEALED, **longer))
    check_transition(stage(BASE), stage(ANNEALED, **longer, rope={"method": "none"}))
    check_transition(stage(BASE), stage(ANNEALED, sequence_length=64))


def test_a_stage_travels_as_json() -> None:
    said = stage(ANNEALED, inherit={"rate": WHY}, schedule=[{"phase": "constant", "rate": 1e-3}])
    assert Stage.model_validate(said.model_dump(mode="json")) == said


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"heads": 3}, "hidden_size 32"), ({"kv_heads": 3}, "kv_heads 3 does not divide heads 4")],
)
def test_a_model_whose_heads_do_not_fit(changed: dict[str, int], message: str) -> None:
    fields = {"hidden_size": 32, "layers": 1, "heads": 4, "kv_heads": 2, "intermediate_size": 64}
    with pytest.raises(ValidationError, match=message):
        ModelConfig.model_validate(fields | changed)


def test_several_seeds_are_as_many_runs() -> None:
    made = stage(ANNEALED, seeds=[1, 2, 3])
    runs = made.seed_runs("annealed")
    assert list(runs) == ["annealed", "annealed_seed_2", "annealed_seed_3"]
    assert [each.seed for each in runs.values()] == [1, 2, 3]
    assert all(each.seeds is None for each in runs.values())
    # The recipe said it with `seeds`: that the base had another seed is no mistake.
    for each in runs.values():
        check_transition(stage(BASE), each, seed=42)
    assert stage(ANNEALED).seed_runs("annealed") == {"annealed": stage(ANNEALED)}


@pytest.mark.parametrize(
    "changed",
    [
        {"seeds": [1]},
        {"seeds": [1, 2, 1]},
        {"seeds": [1, 2], "seed": 1},
        {"seeds": [1, 2], "inherit": {"data": "keep"}},
    ],
)
def test_seeds_that_make_no_soup_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="seeds"):
        stage(ANNEALED, **changed)
