"""What a section of microanneals stands for: which decays, on what, measured how."""

from typing import Any

import pytest

from midtrain_dagster.core.problems import View
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.decisions import ALONE
from midtrain_dagster.experiments.microanneals.runs import (
    anneal,
    general_shares,
    measured_shares,
    measures_of,
    mixed_as,
    planned,
    sources_apart,
    targets_of,
)
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stage import Stage

VIEW = View(
    sources={"pages": "web", "forum": "web", "library": "code", "sums": "mathematics"},
    synthetic={"pairs": "qa"},
    bands={"mathematics": ["mathematics/1", "mathematics/2"]},
)
BASE = Run(
    "base",
    Stage.model_validate(
        {
            "start": "random",
            "tokens": 10_240,
            "batch_tokens": "1024 -> 2048 @ 5120",
            "sequence_length": 128,
            "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
            "mixture": {"domains": {"web": "0.9 -> 0.5", "code": "0.1 -> 0.5"}},
            "z_loss": 1e-4,
            "checkpoints": {"milestones": 2048, "moments": True},
        }
    ),
    1,
)


def asked(**fields: Any) -> Microanneals:
    usual = {"start": "base", "tokens": 20_480, "candidates": ["code", "forum"]}
    return Microanneals.model_validate(usual | fields)


def shares(stage: Stage) -> dict[str, float]:
    assert isinstance(stage.mixture, Mixture)
    return stage.mixture.weights(0.0)


def test_every_candidate_and_general_alone_have_each_seed() -> None:
    found = planned(asked(seeds=[3, 5]), BASE, Scale(), None)
    assert [(run.candidate, run.seed) for run in found] == [
        (name, seed) for name in (ALONE, "code", "forum") for seed in (3, 5)
    ]
    assert found[-1].domains == {"web", "code", "forum"}


def test_the_decay_is_the_starts_in_all_but_its_length_schedule_and_mixture() -> None:
    stage = anneal(asked(), "forum", BASE)
    assert (stage.batches.size(0), stage.sequence_length, stage.z_loss) == (2048, 128, 1e-4)
    assert shares(stage) == pytest.approx({"web": 0.25, "code": 0.25, "forum": 0.5})
    rates = stage.learning_rates(1e-3)
    assert (rates[0], rates[-1]) == (pytest.approx(1e-3), 0.0)
    assert stage.inherit.moments == "keep"


def test_a_milestone_has_its_own_batch_and_mixture() -> None:
    assert shares(anneal(asked(milestone=1), ALONE, BASE)) == pytest.approx(
        {"web": 0.82, "code": 0.18}, abs=0.06
    )
    assert anneal(asked(milestone=1), ALONE, BASE).batches.size(0) == 1024


def test_a_candidate_that_is_general_too_has_both_shares() -> None:
    assert shares(anneal(asked(share=0.4), "code", BASE)) == pytest.approx(
        {"web": 0.3, "code": 0.7}
    )


def test_a_rate_that_is_said_is_one_of_its_own() -> None:
    stage = anneal(asked(rate=2e-4), ALONE, BASE)
    assert not stage.inherits_learning_rate
    assert stage.learning_rates(None)[0] == pytest.approx(2e-4)


def test_a_scale_shrinks_them_as_it_does_stages() -> None:
    (first, *_) = planned(asked(), BASE, Scale(tokens=4, minimum_steps=2), None)
    assert first.phases[0].stage.tokens == 5_120


def test_a_fine_tuning_is_a_second_phase_where_it_judges() -> None:
    tuning = FineTuning.model_validate(
        {"domains": {"web": 1}, "rate": 1e-3, "batch_tokens": 1024, "steps": 30}
    )
    plain = planned(asked(), BASE, Scale(), tuning)
    judged = planned(asked(judged_after="fine_tuning"), BASE, Scale(), tuning)
    assert [phase.name for phase in plain[0].phases] == ["anneal"]
    assert [phase.name for phase in judged[0].phases] == ["anneal", "fine_tuning"]
    stage = judged[0].phases[1].stage
    assert (stage.steps, stage.loss_on, stage.sequence_length) == (30, "assistant", 128)
    rates = stage.learning_rates(None)
    assert rates[0] == 0
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] == 0


def test_sources_are_apart_where_general_domains_hold_them() -> None:
    section, general = asked(candidates=["code", "forum", "library"]), {"web": 1.0}
    apart = {
        each: sources_apart(section, each, general, VIEW)
        for each in (ALONE, "code", "forum", "library")
    }
    assert apart == {
        ALONE: {"forum"},
        "code": {"forum"},
        "forum": {"forum"},
        "library": {"forum", "library"},
    }


def test_targets_default_to_the_candidates_own_domains() -> None:
    section = asked(candidates=["library", "mathematics/1", "qa", "forum"])
    assert targets_of(section, VIEW) == ("loss/code", "loss/mathematics", "loss/web")
    assert mixed_as("mathematics/1", VIEW) == "mathematics/1"
    assert mixed_as("library", VIEW) == "code"


def test_general_loss_is_always_measured_bands_by_their_domain() -> None:
    section = asked(targets=["loss/code", "answers/quiz"])
    general = {"mathematics/1": 0.25, "mathematics/2": 0.25, "web": 0.4, "qa": 0.1}
    found = measures_of(section, general, VIEW, window=64, tokens=500)
    assert found.domains == ("code", "mathematics", "web")
    assert found.benchmarks == ("quiz",)
    assert measured_shares(general, VIEW) == {"mathematics": 0.5, "web": 0.4}
    assert general_shares(asked(), BASE) == pytest.approx({"web": 0.5, "code": 0.5})
