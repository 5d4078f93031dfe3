"""Which transitions between runs are refused; through whole recipes: ``test_recipe``."""

from typing import Any

import pytest

from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.transition.check import check_soup, check_transition

BASE: dict[str, Any] = {
    "start": "random",
    "tokens": 10_000,
    "batch_tokens": 1_024,
    "sequence_length": 128,
    "schedule": [
        {"phase": "warmup", "to": 1e-3, "tokens": 1_000},
        {"phase": "decay", "shape": "linear", "to": 4e-4},
    ],
    "mixture": {"domains": {"web": 1.0}},
}
ANNEALED: dict[str, Any] = BASE | {
    "start": "base",
    "schedule": [{"phase": "decay", "shape": "one_minus_sqrt", "to": 0.0}],
}
WHY = {"reset": "a fresh warm-up, as OLMo 3 does before it extends the context"}


def base(**changed: Any) -> Run:
    return Run("base", Stage.model_validate(BASE | changed), seed=42)


def annealed(seed: int = 42, **changed: Any) -> Run:
    return Run("annealed", Stage.model_validate(ANNEALED | changed), seed)


def falling(start: float) -> list[dict[str, Any]]:
    return [{"phase": "decay", "shape": "linear", "start": start, "to": 0.0}]


def test_check_transition_accepts_a_learning_rate_that_goes_on() -> None:
    check_transition(base(), annealed())
    check_transition(base(), annealed(schedule=falling(4e-4)))
    half = {"learning_rate": {"map": "a batch of half the size", "factor": 0.5}}
    check_transition(base(), annealed(schedule=falling(2e-4), inherit=half))


def test_check_transition_wants_a_reason_for_a_learning_rate_that_jumps() -> None:
    jump = [{"phase": "constant", "learning_rate": 1e-3}]
    with pytest.raises(TransitionError, match=r"jumps from 0\.0004, where 'base' ends, to 0\.001"):
        check_transition(base(), annealed(schedule=jump))
    check_transition(base(), annealed(schedule=jump, inherit={"learning_rate": WHY}))


def test_check_transition_finds_a_schedule_that_cannot_go_on() -> None:
    rising = [{"phase": "decay", "shape": "linear", "to": 5e-4}]
    with pytest.raises(TransitionError, match="a decay falls"):
        check_transition(base(), annealed(schedule=rising))


def test_check_transition_wants_a_reason_for_another_seed() -> None:
    with pytest.raises(TransitionError, match=r"seed changes from 42, that of 'base', to 7"):
        check_transition(base(), annealed(seed=7))
    check_transition(base(), annealed(seed=7, inherit={"rng": WHY}))


def test_check_transition_keeps_a_position_within_one_order_alone() -> None:
    keep = {"data": "keep"}
    check_transition(base(), annealed(inherit=keep))
    with pytest.raises(TransitionError, match="sequence_length changes from 128 to 64"):
        check_transition(base(), annealed(inherit=keep, sequence_length=64))
    long = {"domains": {"web": 1.0}, "long_documents": {"minimum_tokens": 64, "share": 0.5}}
    with pytest.raises(TransitionError, match=r"mixture\.long_documents changes"):
        check_transition(base(), annealed(inherit=keep, mixture=long))
    classes = {"domains": {"web": 1.0}, "length_classes": "prolong"}
    with pytest.raises(TransitionError, match=r"mixture\.length_classes changes"):
        check_transition(base(), annealed(inherit=keep, mixture=classes))
    with pytest.raises(TransitionError, match="packing changes from best_fit"):
        check_transition(base(), annealed(inherit=keep, packing="untie_knots"))
    with pytest.raises(TransitionError, match="fill_in_the_middle changes from None"):
        fill = {"domains": ["web"]}
        check_transition(base(), annealed(inherit=keep, fill_in_the_middle=fill))
    with pytest.raises(TransitionError, match="keep both or reset both"):
        check_transition(base(), annealed(inherit=keep | {"rng": WHY}))


def test_check_transition_asks_what_a_longer_window_does_to_the_positions() -> None:
    longer = {"sequence_length": 256}
    with pytest.raises(TransitionError, match="sequence_length grows from 128 to 256"):
        check_transition(base(), annealed(**longer))
    check_transition(base(), annealed(**longer, rope={"method": "none"}))
    check_transition(base(), annealed(sequence_length=64))


def test_check_soup_keeps_nothing_but_the_weights() -> None:
    """Even where none of its ingredients is a stage."""
    with pytest.raises(TransitionError) as error:
        check_soup(annealed(start="soup", inherit={"data": "keep"}), {})
    for lacking in ("no moments", "no learning rate", "no position", "moments: {reset: WHY}"):
        assert lacking in str(error.value)


def test_check_soup_compares_every_ingredient() -> None:
    resets = {"moments": WHY, "learning_rate": WHY}
    schedule = falling(1e-3)
    next_ = annealed(start="soup", inherit=resets, schedule=schedule)
    check_soup(next_, {"base": base()})
    with pytest.raises(TransitionError, match=r"'soup' is a soup of 'short': .* from 64 to 128"):
        check_soup(next_, {"base": base(), "short": base(sequence_length=64)})


def test_another_optimizer_has_no_moments_to_keep() -> None:
    muon = {"optimizer": {"method": "muon"}}
    with pytest.raises(TransitionError, match=r"changes from AdamW, .* to Muon, which has others"):
        check_transition(base(), annealed(**muon))
    with pytest.raises(TransitionError, match=r"say optimizer: \{method: muon\}"):
        check_transition(base(**muon), annealed())
    check_transition(base(**muon), annealed(**muon))
    for anew in ({"reset": "another one"}, {"reestimate": "another one", "steps": 9}):
        check_transition(base(), annealed(**muon, inherit={"moments": anew}))
