from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.core.problems import View
from midtrain_dagster.experiments.doremi.method import Config

PROXY = {"tokens": "8k", "batch_tokens": 256, "sequence_length": 64}


def config(**fields: Any) -> Config:
    section = {"method": "doremi", "domains": ["web", "code"], "proxy": PROXY} | fields
    return Config.model_validate(section)


def test_prior_is_that_of_the_section_or_of_the_tokens() -> None:
    tokens = {"web": 300, "code": 100, "other": 600}
    assert config().prior_of(tokens) == {"web": 0.75, "code": 0.25}
    assert config(prior={"code": 2, "web": 3}).prior_of(tokens) == {"web": 0.6, "code": 0.4}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"domains": ["web"]}, "at least 2"),
        ({"domains": ["web", "web"]}, "names one twice"),
        ({"prior": {"web": 1}}, "a share for each of web, code"),
        ({"proxy": PROXY | {"start": "base"}}, "random weights"),
        ({"proxy": PROXY | {"batch_tokens": 64}}, "1 windows, fewer than the 2 domains"),
        ({"smoothing": 1}, "less than 1"),
    ],
)
def test_section_that_cannot_be_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        config(**fields)


def test_problems_are_domains_that_nothing_feeds() -> None:
    ((place, reason),) = config().problems(View(sources={"crawl": "web"}), {})
    assert (place, reason) == (("domains", 1), "no source feeds 'code' (fed: web)")
