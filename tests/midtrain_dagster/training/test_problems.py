"""All that is wrong with stages and soups, each where it stands; whole recipes: ``test_recipe``."""

from typing import Any

from midtrain_dagster.core.problems import Location, View
from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.problems import problems
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stages.train import Train

BASE: dict[str, Any] = {
    "start": "random",
    "tokens": 10_240,
    "batch_tokens": 1_024,
    "sequence_length": 128,
    "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
    "mixture": {"domains": {"web": 1.0}},
}
NEXT = BASE | {"start": "base"}
RESETS = {"moments": {"reset": "an average has none"}, "learning_rate": {"reset": "nor one"}}
VIEW = View(seed=42, sources={"pages": "web"}, mixtures=("searched",))


def found(
    soups: dict[str, Any] | None = None, *, base_given: bool = False, **stages: dict[str, Any]
) -> dict[Location, str]:
    sections = {name: Train.model_validate(fields) for name, fields in stages.items()}
    return dict(
        problems(
            sections,
            {name: Soup.model_validate(fields) for name, fields in (soups or {}).items()},
            Scale(),
            base_given=base_given,
            view=VIEW,
        )
    )


def test_problems_of_names_and_starts() -> None:
    assert not found(base=BASE, documents=NEXT, annealed_control=NEXT | {"start": "documents"})
    wanted = {("stages", "base"): "a base trained in the graph needs a stage 'base'"}
    assert found(other=BASE)[("stages", "base")].startswith(wanted[("stages", "base")])
    assert ("stages", "random") in found(base=BASE, random=NEXT)
    taken = found(base_given=True, base=NEXT)
    assert taken[("stages", "base")].startswith("this name is taken")
    said = found(base=BASE, early=NEXT | {"start": "late"}, late=NEXT)
    assert said == {("stages", "early", "start"): "'late' is no stage before it (random, base)"}
    control = NEXT | {"control": {"start": "nowhere"}}
    assert ("stages", "next", "control", "start") in found(base=BASE, next=control)


def test_problems_of_a_loss_on_what_nobody_says() -> None:
    masked = NEXT | {"loss_on": "assistant", "control": {"loss_on": "all"}}
    assert list(found(base=BASE, next=masked)) == [("stages", "next", "loss_on")]
    control = NEXT | {"control": {"loss_on": "assistant"}}
    assert list(found(base=BASE, next=control)) == [("stages", "next", "control", "loss_on")]


def test_problems_of_transitions_are_said_of_a_control_where_its_stage_is_right() -> None:
    wrong: dict[str, Any] = NEXT | {"control": {"seed": 2}}
    assert list(found(base=BASE, next=wrong)) == [("stages", "next", "control")]
    assert list(found(base=BASE, next=wrong | {"seed": 3})) == [("stages", "next")]


def test_problems_of_a_stage_that_starts_from_a_soup() -> None:
    soups = {"soup": {"of": ["base", "short"]}}
    short = NEXT | {"sequence_length": 64}
    next_ = NEXT | {"start": "soup", "inherit": RESETS}
    (reason,) = found(soups, base=BASE, short=short, next=next_).values()
    assert reason.startswith("'soup' is a soup of 'short': sequence_length grows from 64 to 128")
    # Of a soup of seeds each ingredient counts as the first, whose seed is the recipe's.
    seeds = NEXT | {"seeds": [42, 8]}
    assert not found({"soup": {"of": "seeds"}}, base=BASE, seeds=seeds, next=next_)
    early = found({"soup": {"of": ["base", "late"]}}, base=BASE, next=next_, late=NEXT)
    assert early[("stages", "next", "start")] == "the soup 'soup' comes after this stage"


def test_problems_of_soups() -> None:
    soups = {
        "one": {"of": "base"},
        "few": {"of": "base", "last": 3},
        "lost": {"of": ["base", "nowhere"]},
        "next": {"of": ["base", "next"]},
    }
    said = found(soups, base=BASE, next=NEXT)
    assert set(said) == {
        ("soups", "one", "of"),
        ("soups", "few", "last"),
        ("soups", "lost", "of"),
        ("soups", "next"),
    }
    milestones = {"checkpoints": {"milestones": 2_048}}
    assert not found({"few": soups["few"]}, base=BASE | milestones)


def test_problems_of_mixtures() -> None:
    control = {"control": {"mixture": {"domains": {"code": 1.0}}}}
    said = found(base=BASE | {"mixture": {"from": "lost"}}, next=NEXT | control)
    assert set(said) == {
        ("stages", "base", "mixture", "from"),
        ("stages", "next", "control", "mixture", "domains", "code"),
    }
    assert not found(base=BASE | {"mixture": {"from": "searched"}})
