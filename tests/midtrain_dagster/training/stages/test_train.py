"""Which runs a stage stands for: itself, its seeds, its control."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stage_kinds import StageSection
from midtrain_dagster.training.stages.train import Train
from midtrain_dagster.training.transition.check import check_transition

BASE: dict[str, Any] = {
    "start": "random",
    "tokens": 10_240,
    "batch_tokens": 1_024,
    "sequence_length": 128,
    "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
    "mixture": {"domains": {"web": 1.0}},
}
ANNEALED = BASE | {"start": "base", "schedule": [{"phase": "constant"}]}


def runs(scale: Scale | None = None, **changed: Any) -> list[Run]:
    section = Train.model_validate(ANNEALED | changed)
    return list(section.runs("annealed", scale or Scale(), seed=42))


def base() -> Run:
    (run,) = Train.model_validate(BASE).runs("base", Scale(), seed=42)
    return run


def test_train_is_the_kind_of_a_stage_that_names_none() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(StageSection)
    for section in (BASE, BASE | {"kind": "train"}):
        assert adapter.validate_python(section) == Train.model_validate(BASE)
    with pytest.raises(ValidationError, match="'guess'"):
        adapter.validate_python(BASE | {"kind": "guess"})


def test_train_is_one_run_with_its_own_seed_or_the_recipes() -> None:
    (run,) = runs()
    assert (run.name, run.role, run.start, run.seed) == ("annealed", "stage", "base", 42)
    assert run.stage.seed is None
    assert [run.seed for run in runs(seed=7)] == [7]


def test_train_has_a_control_that_replaces_whole_fields() -> None:
    control = {"mixture": {"domains": {"code": 1.0}}, "tokens": 20_480}
    own, other = runs(control=control, optimizer={"weight_decay": 0.0})
    assert (other.name, other.role, other.stage_name) == ("annealed/control", "control", "annealed")
    assert other.stage.mixture.domains == {"code": 1.0}
    assert other.stage.tokens == 20_480
    back = {"mixture": own.stage.mixture, "tokens": own.stage.tokens}
    assert other.stage.model_copy(update=back) == own.stage


def test_train_has_a_control_that_may_take_back_an_extension() -> None:
    extended = {"sequence_length": 256, "rope": {"method": "abf", "base": 5e5}}
    control = runs(**extended, control={"sequence_length": 128, "rope": None})[1]
    check_transition(base(), control)


@pytest.mark.parametrize("control", [{"lenght": 128}, {"sequence_length": 100}])
def test_train_is_checked_with_its_control(control: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="control"):
        runs(control=control)


def test_train_with_seeds_is_as_many_runs_and_one_control() -> None:
    made = runs(seeds=[1, 2, 3], control={"z_loss": 1e-4})
    names = ["annealed", "annealed/seed_2", "annealed/seed_3", "annealed/control"]
    assert [run.name for run in made] == names
    assert [run.seed for run in made] == [run.stage.seed for run in made] == [1, 2, 3, 1]
    # The recipe said it with `seeds`: that the base had another seed is no mistake.
    for run in made:
        check_transition(base(), run)


@pytest.mark.parametrize(
    "changed",
    [
        {"seeds": [1]},
        {"seeds": [1, 2, 1]},
        {"seeds": [1, 2], "seed": 1},
        {"seeds": [1, 2], "inherit": {"data": "keep"}},
    ],
)
def test_train_refuses_seeds_that_make_no_soup(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="seeds"):
        runs(**changed)


def test_train_shrinks_its_control_as_itself() -> None:
    extended = {"sequence_length": 256, "rope": {"method": "none"}}
    control = {"sequence_length": 128, "rope": None}
    lengths = [
        run.stage.sequence_length for run in runs(Scale(length=2), **extended, control=control)
    ]
    assert lengths == [128, 64]
    with pytest.raises(ValidationError, match="workers 8 exceed the 4 windows"):
        runs(Scale(batch=2), workers=8)
