from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.core.problems import View
from midtrain_dagster.long_context.problems import problems
from midtrain_dagster.long_context.settings import Gates, LongContext

SECTION: dict[str, Any] = {"tasks": {"one": "needle"}, "lengths": [64, 128]}
VIEW = View(sources={"a": "web"}, synthetic={"b": "qa"})
STAGES = {"base": ("random", 64), "extended": ("base", 128)}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lengths": [128, 64]}, "the shortest first"),
        ({"lengths": [64, 64]}, "write each once"),
        ({"lengths": [8]}, "greater than or equal to 16"),
        ({"depths": [0.5, 0.1]}, "the least first"),
        ({"depths": [1.5]}, "less than or equal to 1"),
        ({"tasks": {"one": "nedle"}}, "nedle"),
        ({"tasks": {}}, "at least 1 item"),
    ],
)
def test_a_section_that_says_nothing_sensible_is_refused(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        LongContext.model_validate(SECTION | fields)


def test_a_gate_asks_for_something() -> None:
    with pytest.raises(ValidationError, match="a gate asks for something"):
        Gates(general_loss=None, scores=None)
    needles = Gates.model_validate({"needles": {}})
    of_random = needles.of_start("random")
    assert of_random is not None
    assert of_random.general_loss is of_random.scores is None
    assert Gates().of_start("random") is None
    assert needles.of_start("base") == needles


@pytest.mark.parametrize(
    ("section", "gates", "place", "reason"),
    [
        (SECTION | {"haystack": ["qa"]}, {}, "long_context.haystack.0", "'qa' is synthetic"),
        (SECTION | {"haystack": ["wob"]}, {}, "long_context.haystack.0", "did you mean 'web'"),
        (None, {"needles": {}}, "stages.extended.checks.needles", "say which tasks in"),
        (SECTION, {"needles": {"tasks": ["on"]}}, "stages.extended.checks.needles.tasks.0", "'on'"),
        (SECTION | {"lengths": [64]}, {"needles": {}}, "long_context.lengths", "window of 128"),
    ],
)
def test_sections_that_do_not_fit_together_are_named(
    section: dict[str, Any] | None, gates: dict[str, Any], place: str, reason: str
) -> None:
    settings = None if section is None else LongContext.model_validate(section)
    found = list(problems(settings, {"extended": Gates.model_validate(gates)}, STAGES, VIEW))
    assert [".".join(map(str, each)) for each, _ in found] == [place]
    assert reason in found[0][1]


def test_random_weights_have_nothing_to_recover() -> None:
    ((place, reason),) = problems(None, {"base": Gates()}, STAGES, VIEW)
    assert place == ("stages", "base", "checks")
    assert "random weights" in reason


def test_what_fits_has_no_problem() -> None:
    settings = LongContext.model_validate(SECTION | {"haystack": ["web"]})
    gates = Gates.model_validate({"needles": {"tasks": ["one"]}})
    assert not list(problems(settings, {"extended": gates}, STAGES, VIEW))


@pytest.mark.parametrize(
    ("divisor", "lengths"),
    [
        (1, (64, 4096, 32768, 131072)),
        (64, (64, 256, 512, 2048)),
        (4096, (64, 256)),
    ],
)
def test_a_rehearsal_divides_the_lengths_as_far_as_tasks_have_room(
    divisor: int, lengths: tuple[int, ...]
) -> None:
    settings = LongContext.model_validate(SECTION | {"lengths": [64, 4096, 32768, 131072]})
    assert settings.scaled(divisor).lengths == lengths
