"""What a search may say, and what it is told that it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from .conftest import PROXY, search

LAW = {"law": "log_linear"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"domains": ["web", "web"]}, "domains names web twice"),
        ({"without": ["wbe"]}, "without names 'wbe', not among the domains"),
        ({"without": ["web", "code"]}, "without leaves fewer than two domains"),
        ({"prior": {"web": 1.0}}, "prior has no share for code, mathematics: each domain"),
        (
            {"prior": {"web": 1, "code": 1, "maths": 1}},
            "prior names 'maths', not among the domains; did you mean 'mathematics'?; prior has no "
            "share for mathematics",
        ),
        ({"proxy": PROXY | {"tokens": 128}}, "its 128 tokens are a single step of 128, in which"),
        ({"rounds": [8, 4]}, "rounds after the first are drawn by a law"),
        ({"law": LAW}, "law and objective are for several rounds"),
        (
            {"rounds": [3, 2], "law": LAW},
            "'log_linear' has 4 parameters with 3 domains, but the fi",
        ),
        ({"sizes": {"default": {"tokens": 2048}}}, "the size of `proxy` is called 'default'"),
        ({"sizes": {"long": {"tokens": 2048, "proxies": 9}}}, "long: 9 proxies of 6 mixtures"),
        ({"sizes": {"long": {}}}, "give another `model`, other `tokens`, or both"),
        ({"repeat": {}}, "give either the `stage` or the `tokens`"),
        ({"proxy": PROXY | {"start": "base"}}, "it starts from 'base', so it has that model"),
        ({"proxy": PROXY | {"batch_tokens": 100}}, "sequence_length 32 does not divide batch_to"),
        ({"draw": "regmx"}, "regmx"),
    ],
)
def test_what_does_not_fit_is_told(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError) as error:
        search(**fields)
    assert reason in str(error.value)


def test_proxies_rise_and_stay_from_random_weights_and_decay_from_a_checkpoint() -> None:
    fresh = search().proxy.stage({"web": 1.0})
    rates = fresh.learning_rates(None)
    assert rates[0] == 0 and rates[1] == rates[-1] == pytest.approx(3e-3)
    annealing = {key: value for key, value in PROXY.items() if key != "model"}
    late = search(proxy=annealing | {"start": "base"}).proxy
    assert late.new_model is None
    rates = late.stage({"web": 1.0}).learning_rates(1e-2)
    assert rates[0] == pytest.approx(1e-2) and rates[-1] == 0
    assert rates[4] == pytest.approx(5e-3)


def test_a_size_keeps_what_it_does_not_say_and_stretches_a_schedule() -> None:
    schedule = [{"phase": "warmup", "to": 1e-2, "tokens": 256}, {"phase": "constant"}]
    section = search(proxy=PROXY | {"schedule": schedule}, sizes={"long": {"tokens": 2048}})
    usual, long = section.proxies.values()
    assert (usual.tokens, long.tokens) == (1024, 2048)
    assert long.model == usual.model
    phase = long.stage({"web": 1.0}).schedule.root[0]
    assert phase.tokens == 512
