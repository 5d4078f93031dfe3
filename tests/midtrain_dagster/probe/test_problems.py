"""What does not fit together is said before anything is made."""

from typing import Any

from midtrain_dagster.core.problems import View
from midtrain_dagster.probe.problems import problems
from midtrain_dagster.probe.settings import Probe

VIEW = View(sources={"crawl": "web", "wiki": "wikipedia"})
NAMES = ["base", "annealed"]


def found(probe: dict[str, Any] | None, drawn: dict[str, list[str]], given: bool = True) -> Any:
    section = None if probe is None else Probe(**probe)
    return list(problems(section, drawn, NAMES, VIEW, base_given=given))


def test_a_given_base_can_be_asked_by_whoever_draws_towards_it() -> None:
    assert found({"domains": ["web"]}, {"qa": ["web"]}) == []
    assert found({"domains": ["web"], "checkpoint": "annealed"}, {}) == []
    assert found({"domains": ["web"]}, {}, given=False) == []


def test_a_circle_is_named() -> None:
    ((place, reason),) = found({"domains": ["web"]}, {"qa": ["web"]}, given=False)
    assert place == ("probe", "checkpoint")
    assert reason.startswith("a circle: 'base' is trained on what qa writes")
    ((_, reason),) = found({"domains": ["web"], "checkpoint": "annealed"}, {"a": ["web"]})
    assert reason.startswith("a circle: 'annealed' is trained on what a writes")


def test_what_is_not_there_is_named() -> None:
    assert found(None, {"qa": ["web"]})[0][0] == ("synthesis", "qa", "draw")
    (problem,) = found({"domains": ["web"]}, {"qa": ["web", "wikipedia"]})
    assert problem[0] == ("synthesis", "qa", "draw") and "nothing about wikipedia" in problem[1]
    (problem,) = found({"domains": ["web"]}, {"tools": []})
    assert "its seeds are no documents" in problem[1]
    wrong = {"domains": ["web", "wiki"], "checkpoint": "anneald", "topics": 1}
    places = [place for place, _ in found(wrong, {})]
    assert places == [("probe", "domains", 1), ("probe", "topics"), ("probe", "checkpoint")]
