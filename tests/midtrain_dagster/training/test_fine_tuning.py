"""The small fine-tuning: the same for every checkpoint, and a checkpoint like any other."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.core.problems import View
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.problems import fine_tuning_problems
from midtrain_dagster.training.record import record_of
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import Stage

SECTION: dict[str, Any] = {
    "domains": {"web": 0.5, "qa": 0.5},
    "steps": 100,
    "rate": 1e-3,
    "batch_tokens": 1024,
    "loss_on": "all",
}
STAGE = Stage.model_validate(
    {
        "start": "random",
        "tokens": 10_240,
        "batch_tokens": 1_024,
        "sequence_length": 128,
        "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
        "mixture": {"domains": {"web": 1.0}},
        "optimizer": {"method": "muon"},
    }
)
RUN = Run("base", STAGE, 7)
VIEW = View(
    sources={"pages": "web", "chats": "chat"}, synthetic={"pairs": "qa"}, conversations={"chat"}
)


def tuning(**fields: Any) -> FineTuning:
    return FineTuning.model_validate(SECTION | fields)


@pytest.fixture
def tuned(tiny: Path) -> Recipe:
    """The tiny recipe with a fine-tuning of every checkpoint, and with a soup."""
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True, by_alias=True)
    fields["soups"] = {"merged": {"of": ["base", "annealed"]}}
    return Recipe.model_validate(fields | {"fine_tuning": SECTION})


def test_it_has_the_window_and_optimizer_of_what_it_tunes_and_a_rate_of_its_own() -> None:
    stage = tuning().stage("base", STAGE)
    assert (stage.sequence_length, stage.optimizer.method, stage.steps) == (128, "muon", 100)
    rates = stage.learning_rates(None)
    assert rates[0] == 0
    assert rates[3] == pytest.approx(1e-3)
    assert rates[-1] == 0
    assert not stage.inherit.takes_moments
    assert tuning(sequence_length=64).stage("base", STAGE).sequence_length == 64


def test_every_checkpoint_has_one_and_the_base_stays_first(tuned: Recipe) -> None:
    names = tuned.checkpoints()
    assert names[0] == "base"
    made = [name for name in names if not name.endswith("/fine_tuned")]
    assert [*made, *(f"{name}/fine_tuned" for name in made)] == names
    runs = {run.name: run for run in tuned.runs() if run.role == "fine_tuned"}
    assert runs.keys() == set(names) - set(made)
    assert runs["annealed/control/fine_tuned"].start == "annealed/control"
    assert runs["merged/fine_tuned"].stage.sequence_length == 64
    assert runs["extended/fine_tuned"].stage.sequence_length == 256


def test_all_see_the_same_documents_in_the_same_order(tuned: Recipe) -> None:
    runs = [run for run in tuned.runs() if run.role == "fine_tuned"]
    assert {record_of(run).stage_name for run in runs} == {"fine_tuning"}
    assert {run.seed for run in runs} == {tuned.seed}
    assert record_of(RUN).stage_name == "base"


def test_what_is_raised_and_measured_stays_as_it_was(tuned: Recipe, tiny: Path) -> None:
    assert tuned.measures.general == load_recipe(tiny).measures.general
    assert tuned.measures.targets == load_recipe(tiny).measures.targets


def test_only_those_that_are_named_are_tuned() -> None:
    assert tuning(checkpoints=["b"]).tuned(["a", "b"]) == ["b"]
    assert tuning(checkpoints=[]).tuned(["a", "b"]) == []


@pytest.mark.parametrize(
    ("fields", "place", "told"),
    [
        ({}, None, ""),
        ({"domains": {"wed": 1}}, "fine_tuning.domains.wed", "no source feeds 'wed'"),
        ({"loss_on": "assistant"}, "fine_tuning.loss_on", "no domain of its mixture has conv"),
        ({"loss_on": "assistant", "domains": {"chat": 1}}, None, ""),
        ({"checkpoints": ["anealed"]}, "fine_tuning.checkpoints.0", "no checkpoint 'anealed'"),
        ({"batch_tokens": 1000}, "fine_tuning", "does not divide"),
        ({"domains": {"web": 0.5}}, "fine_tuning", "sum to 0.5"),
    ],
)
def test_mistakes_are_told_where_they_stand(
    fields: dict[str, Any], place: str | None, told: str
) -> None:
    found = {
        ".".join(map(str, place)): reason
        for place, reason in fine_tuning_problems(tuning(**fields), ["base"], [RUN], VIEW)
    }
    assert told in found.get(str(place), "")
    assert set(found) == ({place} if place else set())


def test_a_rate_has_to_be_said() -> None:
    with pytest.raises(ValidationError, match="rate"):
        FineTuning.model_validate({each: SECTION[each] for each in SECTION if each != "rate"})
