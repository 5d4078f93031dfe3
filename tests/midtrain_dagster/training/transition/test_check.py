"""Which transitions of a recipe's stages are mistakes; through whole recipes: ``test_recipe``."""

from typing import Any

from midtrain_dagster.training.transition.problems import mistakes

from midtrain_dagster.training.stage import Stage

STAGE: dict[str, Any] = {
    "start": "random",
    "tokens": "2k",
    "batch_tokens": 256,
    "sequence_length": 64,
    "schedule": [{"phase": "constant", "rate": 1e-3}],
    "mixture": {"domains": {"web": 1.0}},
}
RESETS = {"moments": {"reset": "an average has none"}, "rate": {"reset": "nor a rate"}}


def stages(**changed: dict[str, Any]) -> dict[str, Stage]:
    return {name: Stage.model_validate(STAGE | fields) for name, fields in changed.items()}


def test_a_stage_is_compared_with_the_stage_before_it() -> None:
    recipe = stages(base={}, longer={"start": "base", "sequence_length": 128})
    ((place, reason),) = mistakes(recipe, {}, seed=1)
    assert place == ("longer",)
    assert reason.startswith("sequence_length grows from 64 to 128")
    assert not list(mistakes(dict(reversed(recipe.items())), {}, seed=1))


def test_a_control_is_told_where_its_stage_is_right() -> None:
    wrong = {"start": "base", "control": {"seed": 2}}
    assert [place for place, _ in mistakes(stages(base={}, next=wrong), {}, seed=1)] == [
        ("next", "control")
    ]
    wrong["seed"] = 3
    assert [place for place, _ in mistakes(stages(base={}, next=wrong), {}, seed=1)] == [("next",)]


def test_every_ingredient_that_is_a_stage_is_compared() -> None:
    recipe = stages(
        base={},
        shorter={"start": "base", "batch_tokens": 256, "sequence_length": 32},
        next={"start": "soup", "inherit": RESETS},
    )
    ((place, reason),) = mistakes(recipe, {"soup": ["base", "shorter"]}, seed=1)
    assert place == ("next",)
    assert reason.startswith("'soup' is a soup of 'shorter': sequence_length grows from 32 to 64")
    assert not list(mistakes(recipe, {"soup": ["base", "a given checkpoint"]}, seed=1))


def test_of_a_soup_nothing_but_the_weights_is_kept() -> None:
    """Even where none of its ingredients is a stage."""
    recipe = stages(next={"start": "soup", "inherit": {"data": "keep"}})
    ((_, reason),) = mistakes(recipe, {"soup": ["one", "other"]}, seed=1)
    for lacking in ("no moments", "no rate", "no position in the data", "moments: {reset: WHY}"):
        assert lacking in reason
