"""All that is wrong with stages and soups, each where it stands; whole recipes: ``test_recipe``."""

from typing import Any

from midtrain_dagster.core.problems import Location, View
from midtrain_dagster.models.new import ModelConfig
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
VIEW = View(
    seed=42, sources={"pages": "web"}, mixtures=("searched", "proposed"), capped={"proposed": 8}
)


def found(
    soups: dict[str, Any] | None = None,
    *,
    base_given: bool = False,
    model: ModelConfig | None = None,
    **stages: dict[str, Any],
) -> dict[Location, str]:
    sections = {name: Train.model_validate(fields) for name, fields in stages.items()}
    return dict(
        problems(
            sections,
            {name: Soup.model_validate(fields) for name, fields in (soups or {}).items()},
            Scale(),
            base_given=base_given,
            view=VIEW,
            model=model,
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


def test_problems_of_a_rate_that_follows_a_batch_nobody_knows() -> None:
    rule = {"inherit": {"learning_rate": {"map": "a larger batch", "batch": "sqrt"}}}
    on = NEXT | {"schedule": [{"phase": "constant"}]} | rule
    assert not found(base=BASE, annealed=on)
    place = ("stages", "annealed", "inherit", "learning_rate", "batch")
    (reason,) = (found(base_given=True, annealed=on)[place],)
    assert reason.startswith("the batch with which 'base' ended is not known")


def test_problems_of_windows_that_heads_cannot_share() -> None:
    model = ModelConfig(hidden_size=32, layers=1, heads=4, kv_heads=2, intermediate_size=32)
    shared = BASE | {"workers": 4, "context_parallel": 4}
    said = "4 workers cannot share the 2 kv_heads of the model"
    assert found(base=shared, model=model) == {("stages", "base", "context_parallel"): said}
    assert not found(base=shared | {"context_parallel": 2}, model=model)


def test_problems_of_a_loss_on_what_nobody_says() -> None:
    masked = NEXT | {"loss_on": "assistant", "control": {"loss_on": "all"}}
    assert list(found(base=BASE, next=masked)) == [("stages", "next", "loss_on")]
    control = NEXT | {"control": {"loss_on": "assistant"}}
    assert list(found(base=BASE, next=control)) == [("stages", "next", "control", "loss_on")]


def test_problems_of_documents_that_are_to_be_turned() -> None:
    turning = NEXT | {"fill_in_the_middle": {"domains": ["web", "wed"]}}
    assert found(base=BASE, next=turning) == {
        ("stages", "next", "fill_in_the_middle", "domains", 1): (
            "'wed' has no share in its mixture (web); did you mean 'web'?"
        )
    }
    view = View(seed=42, sources={"pages": "web"}, mixtures=(), conversations={"web"})
    stages = {"base": Train.model_validate(BASE | {"fill_in_the_middle": {"domains": ["web"]}})}
    (problem,) = problems(stages, {}, Scale(), base_given=False, view=view)
    assert problem[1] == "'web' has conversations, whose turns have their order"


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


def test_problems_of_a_start_at_a_milestone() -> None:
    kept = {"checkpoints": {"milestones": 2_048, "moments": True}}
    at = NEXT | {"milestone": 3}
    assert not found(base=BASE | kept, next=at)
    (reason,) = found(base=BASE | kept, next=NEXT | {"milestone": 5}).values()
    assert reason == (
        "milestone: of 'base': it has 4 milestones before its end, after 2,048, 4,096, 6,144, "
        "8,192 tokens"
    )
    (reason,) = found(base=BASE, next=at).values()
    assert "give it checkpoints: {milestones: TOKENS, moments: true}" in reason
    (reason,) = found(
        {"soup": {"of": "base", "last": 2}},
        base=BASE | kept,
        next=at | {"start": "soup", "inherit": RESETS},
    ).values()
    assert reason == "milestone: 'soup' is a soup and has none"
    given = found(base_given=True, next=at)
    assert given == {("stages", "next", "milestone"): "the base is given, and has none"}
    # The rate that is inherited is that of the milestone, and not of the end.
    decays = BASE | kept | {"schedule": [{"phase": "decay", "start": 1e-3, "to": 1e-4}]}
    rate = {"schedule": [{"phase": "constant", "learning_rate": 1e-3 - 9e-4 * 0.6}]}
    assert not found(base=decays, next=at | rate)
    assert list(found(base=decays, next=NEXT | rate)) == [("stages", "next")]


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


def test_problems_of_epochs_that_contradict_those_within_which_a_mixture_is_found() -> None:
    place = ("stages", "base", "mixture")
    of = {"max_epochs_of": {"web": 3}}
    said = found(base=BASE | {"mixture": {"from": "proposed", "max_epochs": 4} | of})
    assert said[*place, "max_epochs"] == (
        "mixture 'proposed' is found within max_epochs 8, to which the stage keeps, and it says 4: "
        "say it there alone, or for single domains in max_epochs_of"
    )
    assert "so it may read web more than 3 times" in said[*place, "max_epochs_of", "web"]
    more = {"max_epochs": 8, "max_epochs_of": {"web": 20}}
    assert not found(base=BASE | {"mixture": {"from": "proposed"} | more})


def yarn(factor: float, original: int = 128) -> dict[str, Any]:
    return {"rope": {"method": "yarn", "factor": factor, "original_length": original}}


LONG = NEXT | {"sequence_length": 512, "inherit": {"moments": {"reset": "other positions"}}}
LONGER = {"sequence_length": 2048, "batch_tokens": 2048, "tokens": 20_480}
MODEL = ModelConfig(hidden_size=64, layers=1, heads=2, kv_heads=1, intermediate_size=32)


def positions(soups: dict[str, Any] | None = None, **stages: dict[str, Any]) -> dict[Location, str]:
    """What is wrong with stages after a base of 128 tokens that is trained in the graph."""
    return found(soups, model=MODEL, base=BASE, **stages)


def test_problems_of_positions_are_told_with_the_right_numbers() -> None:
    long, longer = LONG | yarn(4), LONG | {"start": "long"} | LONGER
    short = LONG | {"start": "long", "sequence_length": 128}
    # A shorter stage takes nothing back; and DeepSeek-V3 extends twice with one factor.
    assert not positions(long=long, short=short, again=LONG | {"start": "short"} | yarn(4))
    assert not positions(long=LONG | yarn(40), longer=longer | yarn(40))
    assert positions(long=LONG | yarn(2)) == {
        ("stages", "long", "rope"): "llama: factors count from the window of 128 tokens before any "
        "scaling: 2 reaches 256 of 512 tokens: for 512 tokens say factor: 4"
    }
    said = positions(long=long, longer=longer | yarn(4, 512))
    assert said[("stages", "longer", "rope")].endswith("say original_length: 128")
    said = positions(long=long, longer=longer | yarn(4))
    assert said[("stages", "longer", "rope")].endswith("for 2048 tokens say factor: 16")
    # A control is told where its stage is right.
    control = long | {"control": yarn(2)}
    assert list(positions(long=control)) == [("stages", "long", "control", "rope")]
    assert list(positions(long=control | yarn(3))) == [("stages", "long", "rope")]
    soup = {"soup": {"of": ["long", "other"]}}
    resets = {"inherit": LONG["inherit"] | RESETS}
    after = positions(
        soup, long=long, other=long, last=longer | {"start": "soup"} | resets | yarn(8)
    )
    assert after[("stages", "last", "rope")].endswith("for 2048 tokens say factor: 16")
