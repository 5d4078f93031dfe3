"""What is wrong with microanneals is told when a recipe is loaded: the field, and what to write."""

from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.core.problems import View
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.problems import problems
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stage import Stage

VIEW = View(
    sources={"pages": "web", "forum": "web", "library": "code", "sums": "mathematics"},
    synthetic={"pairs": "qa"},
    benchmarks=("quiz",),
    bands={"mathematics": ["mathematics/1", "mathematics/2"]},
)
ASKED: dict[str, Any] = {"start": "base", "tokens": "10k", "candidates": ["code", "forum"]}
TUNING = FineTuning.model_validate({"domains": {"web": 1}, "rate": 1e-3, "batch_tokens": 1024})


def base(**fields: Any) -> Run:
    stage = {
        "start": "random",
        "tokens": 10_240,
        "batch_tokens": 1_024,
        "sequence_length": 128,
        "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
        "mixture": {"domains": {"web": 1.0}},
    }
    return Run("base", Stage.model_validate(stage | fields), 1)


def found(
    *, run: Run | None = None, given: bool = False, tuning: FineTuning | None = None, **fields: Any
) -> dict[str, str]:
    asked = Microanneals.model_validate(ASKED | fields)
    runs = [] if given else [run or base()]
    every = problems({"sources": asked}, runs, Scale(), tuning, VIEW, base_given=given)
    return {".".join(map(str, place[2:])): reason for place, reason in every}


def test_a_section_that_fits_has_no_problem() -> None:
    assert found() == {}
    assert found(targets=["loss/code", "answers/quiz"]) == {}
    assert found(judged_after="fine_tuning", tuning=TUNING) == {}
    assert found(candidates=["mathematics/1"]) == {}


@pytest.mark.parametrize(
    ("fields", "place", "told"),
    [
        ({"start": "bases"}, "start", "no checkpoint of a stage 'bases' is declared (base)"),
        ({"candidates": ["cod"]}, "candidates.0", "neither a domain nor a source"),
        ({"candidates": ["mathematics"]}, "candidates.0", "name one of mathematics/1"),
        ({"general": {"wed": 1}}, "general.wed", "no source feeds 'wed'"),
        ({"general": {"qa": 1}}, "general", "none of the general domains is natural"),
        ({"targets": ["loss/cod"]}, "targets.0", "no source feeds 'cod'"),
        ({"targets": ["loss/qa"]}, "targets.0", "is synthetic"),
        ({"targets": ["answers/exam"]}, "targets.0", "no benchmark 'exam' is declared (quiz)"),
        ({"targets": ["code"]}, "targets.0", "'code' is no target: they are `loss/DOMAIN`"),
        ({"candidates": ["qa"]}, "targets", "say targets: [loss/DOMAIN"),
        ({"judged_after": "fine_tuning"}, "judged_after", "add a section `fine_tuning`"),
        ({"milestone": 1}, "milestone", "keeps nothing on the way"),
        ({"tokens": 1024}, "tokens", "1,024 tokens are a single step of 1,024"),
        ({"sequence_length": 100}, "batch_tokens", "does not divide"),
    ],
)
def test_each_mistake_is_told_where_it_stands(
    fields: dict[str, Any], place: str, told: str
) -> None:
    problem = found(**fields)
    assert told in problem.get(place, problem.get("", ""))


def test_a_start_that_has_decayed_has_no_rate_to_fall_from() -> None:
    decayed = base(
        schedule=[
            {"phase": "warmup", "to": 1e-3, "tokens": 2048},
            {"phase": "decay", "shape": "linear", "to": 0.0},
        ]
    )
    assert "ends at rate 0" in found(run=decayed)["start"]
    assert found(run=decayed, rate=3e-4) == {}


def test_a_given_base_says_neither_window_nor_batch_nor_mixture() -> None:
    told = []
    said: dict[str, Any] = {}
    for more in ({"general": {"web": 1}}, {"batch_tokens": 1024}, {"sequence_length": 128}):
        told.append(found(given=True, **said)[""])
        said |= more
    assert [
        each
        for each in ("general", "batch_tokens", "sequence_length")
        if not any(f"`{each}" in one for one in told)
    ] == []
    assert found(given=True, **said) == {}


def test_a_mixture_that_is_found_says_no_general_shares() -> None:
    assert "say `general" in found(run=base(mixture={"from": "searched"}))[""]


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_a_share_of_nothing_or_all_is_refused(share: float) -> None:
    with pytest.raises(ValidationError, match="share"):
        Microanneals.model_validate(ASKED | {"share": share})


def test_names_twice_and_shares_that_do_not_sum_are_refused() -> None:
    with pytest.raises(ValidationError, match="seeds has 1 twice"):
        Microanneals.model_validate(ASKED | {"seeds": [1, 1]})
    with pytest.raises(ValidationError, match=r"must sum to 1, but sum to 0\.7"):
        Microanneals.model_validate(ASKED | {"general": {"web": 0.7}})
