"""What searches say in the report: what was drawn, what failed, what stays, and what holds."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.experiments.report_section import loss_rows, report_section
from midtrain_dagster.experiments.search import tables
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.experiments.search.stability import STABILITY
from midtrain_dagster.experiments.search.tables import Swarm

PROXY = {"tokens": 1024, "batch_tokens": 128, "sequence_length": 32}


def search(**fields: Any) -> MixtureSearch:
    usual = {"domains": ["web", "code"], "rounds": [4], "proxy": PROXY}
    return MixtureSearch.model_validate(usual | fields)


@pytest.fixture
def swarm(tmp_path: Path) -> Swarm:
    """Three proxies, of which one failed; the best at code has the most of it."""
    shares = [(0, 0.9), (1, 0.5), (2, 0.1)]
    found = {
        "mixtures": pl.DataFrame(
            [
                (proxy, domain, share)
                for proxy, web in shares
                for domain, share in (("web", web), ("code", 1 - web))
            ],
            tables.MIXTURES,
            orient="row",
        ),
        "proxies": pl.DataFrame(
            [
                (0, 0, 0, "default", 1024, 5000, 7, None),
                (1, 1, 0, "default", 1024, None, 7, "loss nan"),
                (2, 2, 0, "default", 1024, 5000, 7, None),
            ],
            tables.PROXIES,
            orient="row",
        ),
        "losses": pl.DataFrame(
            [
                (0, "loss/code", 5.0, "nats a token", 90),
                (2, "loss/code", 4.0, "nats a token", 90),
                (0, "loss/law", None, "nats a token", 0),
                (2, "loss/law", None, "nats a token", 0),
            ],
            tables.LOSSES,
            orient="row",
        ),
        "domains": pl.DataFrame(
            [("web", 0.75, 3000, 3000), ("code", 0.25, 1000, 1000)], tables.DOMAINS, orient="row"
        ),
        "stability": STABILITY.to_frame(),
    }
    store = ArtifactStore(Storage(root=str(tmp_path)))
    parts = [write_output(store.storage, "parts/swarm", *each) for each in found.items()]
    return Swarm(store.make("swarm", {}, None, {}, lambda _: (parts, {})))


def test_a_target_says_its_range_and_the_mixture_of_its_best(swarm: Swarm) -> None:
    _, rows = loss_rows(swarm)
    assert rows == [
        ("loss/code", "2", "4.000", "4.500", "5.000", "nats a token", "code 90%, web 10%"),
        ("loss/law", "0", *["\N{EN DASH}"] * 5),
    ]


def test_what_failed_and_what_was_left_out_are_told(swarm: Swarm) -> None:
    section = str(report_section({"small": (search(), swarm)}))
    assert "4 mixtures of 2 domains are drawn by the rule regmix" in section
    assert "3 proxies were trained on 3,072 tokens, and 1 failed" in section
    assert "1 of them came twice" in section
    assert "loss nan" in section
    assert "was not looked at" in section


def test_whether_proxies_repeat_is_told(swarm: Swarm) -> None:
    less, same = (
        str(report_section({"small": (search(**fields), swarm)}))
        for fields in ({}, {"repeat": {"tokens": 4096}})
    )
    assert "read from all documents there are" in less
    assert "read from all documents there are" not in same
