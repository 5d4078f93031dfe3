"""What a search asks of the rest of a recipe and does not have is told before anything is made."""

from typing import Any

import pytest

from midtrain_dagster.core.problems import View
from midtrain_dagster.experiments.search.problems import Around, problems, starts_late, targets
from midtrain_dagster.training.scale import Scale

from .conftest import PROXY, search

VIEW = View(
    seed=7,
    sources={"one": "web", "two": "code", "three": "mathematics"},
    benchmarks=("gsm8k", "searched"),
)
ANNEALING = {key: value for key, value in PROXY.items() if key != "model"} | {"start": "annealed"}


def around(**fields: Any) -> Around:
    usual: dict[str, Any] = {
        "view": VIEW,
        "checkpoints": ["base", "annealed"],
        "stages": {"base": "random", "annealed": "base"},
        "tokens": {"base": 100, "annealed": 100_000},
        "fed": {},
        "answerable": ["gsm8k"],
        "scale": Scale(),
    }
    return Around(**usual | fields)


def test_a_search_that_fits_has_no_problem() -> None:
    asked = {"answers": ["gsm8k"], "losses": ["web"]}
    section = search(proxy=ANNEALING, targets=asked, repeat={"stage": "annealed"})
    assert not list(problems({"small": section}, around()))
    assert targets(section, VIEW) == ["loss/web", "answers/gsm8k"]
    assert targets(search(), VIEW) == ["loss/code", "loss/mathematics", "loss/web"]


@pytest.mark.parametrize(
    ("fields", "place", "reason"),
    [
        ({"domains": ["web", "cod"]}, ("domains", 1), "no source feeds 'cod'"),
        ({"targets": {"losses": ["law"]}}, ("targets", "losses", 0), "no source feeds 'law'"),
        ({"targets": {"answers": ["gsm"]}}, ("targets", "answers", 0), "no benchmark 'gsm' is"),
        ({"targets": {"answers": ["searched"]}}, ("targets", "answers", 0), "no right answer"),
        ({"targets": {"losses": []}}, ("targets", "losses"), "nothing is measured"),
        ({"proxy": ANNEALING | {"start": "bas"}}, ("proxy", "start"), "no checkpoint 'bas' is dec"),
        ({"proxy": ANNEALING, "seed": 8}, ("seed",), "proxies keep the seed 7 of 'annealed'"),
        ({"repeat": {"stage": "anneal"}}, ("repeat", "stage"), "no stage 'anneal' is declared"),
        ({"repeat": {"tokens": 100}}, ("repeat", "tokens"), "a run of 100 tokens is shorter than"),
        ({"repeat": {"stage": "base"}}, ("repeat", "stage"), "a run of 100 tokens is shorter than"),
        (
            {"rounds": [6, 2], "law": {"law": "log_linear"}, "objective": {"loss/law": 1}},
            ("objective", "loss/law"),
            "no target 'loss/law' is declared",
        ),
    ],
)
def test_what_is_not_there_is_told(fields: dict[str, Any], place: Any, reason: str) -> None:
    ((where, told),) = problems({"small": search(**fields)}, around())
    assert where == ("mixture_search", "small", *place)
    assert reason in told


def test_a_domain_that_is_not_wanted_any_more_need_not_be_fed() -> None:
    section = search(domains=["web", "code", "law"], without=["law"])
    assert not list(problems({"small": section}, around()))


def test_proxies_cannot_start_from_what_they_decide() -> None:
    section = search(proxy=ANNEALING)
    ((where, told),) = problems({"small": section}, around(fed={"small": {"annealed"}}))
    assert where == ("mixture_search", "small", "proxy", "start")
    assert "trained on a mixture that these proxies find" in told


def test_what_proxies_find_is_known_late_where_they_start_from_what_is_trained() -> None:
    given = search(proxy=ANNEALING | {"start": "base"})
    assert not starts_late(search(), base_given=False)
    assert not starts_late(given, base_given=True)
    assert starts_late(given, base_given=False)
