"""A swarm is trained and measured, found again where nothing touches it, and fails by the row."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.core.execution import OnRay
from midtrain_dagster.experiments.search import tables
from midtrain_dagster.experiments.search.stability import STABILITY
from midtrain_dagster.experiments.search.swarm import Made
from midtrain_dagster.mixture.method import NoTokensError

from .conftest import PROXY, Ground, search

Make = Callable[..., Made]
DOMAINS = ("web", "code", "mathematics")


def best(made: Made, domain: str) -> float:
    """The share of a domain in the mixture of the proxy that is best at it."""
    losses = made.tables["losses"].filter(target=f"loss/{domain}").sort("value")
    proxy = losses["proxy"][0]
    share = made.tables["mixtures"].filter(proxy=proxy, domain=domain)["share"]
    return float(share[0])


def test_every_mixture_is_trained_and_measured_on_every_domain(made: Make) -> None:
    found = made(search())
    schemas = {"mixtures": tables.MIXTURES, "proxies": tables.PROXIES, "losses": tables.LOSSES}
    schemas |= {"domains": tables.DOMAINS, "stability": STABILITY}
    assert {name: table.schema for name, table in found.tables.items()} == schemas
    proxies = found.tables["proxies"]
    assert proxies["proxy"].to_list() == list(range(6))
    assert proxies["failed"].null_count() == 6
    assert (proxies["tokens"] == 1024).all() and (proxies["parameters"] > 5000).all()
    sums = found.tables["mixtures"].group_by("proxy").agg(pl.col("share").sum())["share"]
    assert np.allclose(sums, 1)
    losses = found.tables["losses"]
    assert losses.height == 18 and losses["value"].is_between(1, 8).all()
    assert (losses["tokens"] > 100).all()
    assert vars(found.counts) == {
        "trained": 6,
        "trained_before": 0,
        "measured": 6,
        "measured_before": 0,
    }
    # What is read is learnt: the best proxy of each domain has more of it than an even share.
    assert all(best(found, domain) > 1 / 3 for domain in DOMAINS)


def test_a_search_that_is_made_again_trains_nothing(made: Make) -> None:
    first, again = made(search()), made(search())
    assert again.counts.trained == again.counts.measured == 0
    assert again.counts.trained_before == 6
    assert all(first.tables[name].equals(again.tables[name]) for name in first.tables)


def test_a_killed_search_goes_on_with_the_proxies_that_are_lacking(ground: Ground) -> None:
    shards = ground.shards(dict.fromkeys(DOMAINS, 60))
    calls = 0
    whole = ground.by_work

    def killed(works: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            whole(works[:2])
        raise KeyboardInterrupt

    ground.by_work = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        ground.search(search(), shards)
    ground.by_work = whole  # type: ignore[method-assign]
    assert ground.search(search(), shards).counts.trained == 4


def test_a_domain_that_changes_costs_the_proxies_that_read_it(ground: Ground) -> None:
    section = search(rounds=[12], absence=0.4, prior=dict.fromkeys(DOMAINS, 1.0))
    before = ground.search(section, ground.shards({"web": 60, "code": 60, "mathematics": 60}))
    after = ground.search(section, ground.shards({"web": 60, "code": 61, "mathematics": 60}))
    mixtures = before.tables["mixtures"]
    assert after.tables["mixtures"].equals(mixtures)
    touched = mixtures.filter(pl.col("domain") == "code", pl.col("share") > 0).height
    assert 0 < touched < 12
    assert after.counts.trained == touched
    assert after.counts.trained_before == 12 - touched
    # Its held-out documents are others too, so all are measured again, on weights that are there.
    assert after.counts.measured == 12


def test_a_domain_that_is_added_costs_the_proxies_that_read_it(ground: Ground) -> None:
    counts = dict.fromkeys((*DOMAINS, "law"), 60)
    shards = ground.shards(counts)
    ground.search(search(rounds=[12], absence=0.4), shards, losses=DOMAINS)
    more = search(rounds=[12], absence=0.4, domains=[*DOMAINS, "law"])
    after = ground.search(more, shards, losses=DOMAINS)
    with_law = after.tables["mixtures"].filter(pl.col("domain") == "law", pl.col("share") > 0)
    without = 12 - with_law.height
    assert without >= 3
    # Mixtures that come twice are drawn on, so one or two without it may be new as well.
    assert with_law.height <= after.counts.trained <= with_law.height + 2


def test_a_domain_that_is_removed_costs_none(ground: Ground) -> None:
    shards = ground.shards(dict.fromkeys((*DOMAINS, "law"), 60))
    section = search(rounds=[12], absence=0.4, domains=[*DOMAINS, "law"])
    before = ground.search(section, shards, losses=DOMAINS)
    kept = ground.shards(dict.fromkeys(DOMAINS, 60))
    fewer = section.model_copy(update={"without": ("law",)})
    after = ground.search(fewer, kept, losses=DOMAINS)
    assert after.counts.trained == after.counts.measured == 0
    touched = before.tables["mixtures"].filter(pl.col("domain") == "law", pl.col("share") > 0)
    assert 4 <= after.tables["proxies"].height <= 12 - touched.height
    assert set(after.tables["mixtures"]["domain"]) == set(DOMAINS)


def test_proxies_that_give_no_number_are_rows_with_their_reason(made: Make) -> None:
    schedule = [{"phase": "constant", "learning_rate": 1e30}]
    found = made(search(rounds=[2], proxy=PROXY | {"schedule": schedule}))
    proxies = found.tables["proxies"]
    assert proxies["failed"].null_count() == 0
    assert proxies["failed"][0].startswith("proxy, step 1: loss ")
    assert proxies["parameters"].null_count() == 2
    assert found.tables["losses"].is_empty()
    assert found.tables["stability"].is_empty()


def test_later_rounds_are_drawn_near_what_a_law_finds_best(made: Make) -> None:
    weights = {"loss/code": 1.0}
    law = {"law": "log_linear"}
    found = made(search(rounds=[8, 4], law=law, objective=weights, draw="space_filling"))
    proxies = found.tables["proxies"]
    assert proxies["round"].to_list() == [0] * 8 + [1] * 4
    code = found.tables["mixtures"].filter(domain="code").sort("proxy")["share"]
    assert code[8:].mean() > code[:8].mean() + 0.2  # type: ignore[operator]
    rows = found.tables["mixtures"].pivot("domain", index="proxy", values="share").drop("proxy")
    assert rows.n_unique() == 12


def test_the_same_mixtures_in_other_sizes_are_compared_by_rank(made: Make) -> None:
    larger = PROXY["model"] | {"hidden_size": 32}  # type: ignore[operator]
    sizes = {"longer": {"tokens": 2048}, "larger": {"model": larger, "proxies": 4}}
    found = made(search(sizes=sizes))
    proxies = found.tables["proxies"]
    assert dict(proxies.group_by("size").len().iter_rows()) == {
        "default": 6,
        "longer": 6,
        "larger": 4,
    }
    assert proxies.filter(size="longer")["tokens"].unique().to_list() == [2048]
    shares = found.tables["mixtures"].join(proxies, on="proxy").filter(mixture=2, domain="code")
    assert shares["share"].n_unique() == 1 and shares.height == 3
    stability = found.tables["stability"]
    assert stability.height == 9
    assert stability.filter(size="default", other="longer")["mixtures"].unique().to_list() == [6]
    assert stability.filter(other="larger")["mixtures"].unique().to_list() == [4]
    assert stability["spearman"].is_between(-1, 1).all()


def test_proxies_repeat_as_often_as_the_run_that_is_meant(made: Make) -> None:
    whole, limited = made(search(rounds=[2])), made(search(rounds=[2]), repeated=4096)
    tokens, read = (limited.tables["domains"][each].to_numpy() for each in ("tokens", "read"))
    # A quarter of the documents for a quarter of the tokens, to the last document.
    assert np.all(read >= tokens / 4) and np.all(read < tokens / 4 + 100)
    assert (whole.tables["domains"]["read"] == whole.tables["domains"]["tokens"]).all()
    assert not limited.tables["losses"]["value"].equals(whole.tables["losses"]["value"])


def test_a_wanted_domain_without_a_token_is_told_before_anything_is_trained(ground: Ground) -> None:
    shards = ground.shards({"web": 60, "code": 60})
    with pytest.raises(NoTokensError, match=r"no curated token of mathematics to be mixed"):
        ground.search(search(), shards)
    assert not ground.done


@pytest.mark.slow
def test_proxies_are_tasks_of_ray_and_the_same_as_in_this_process(
    ground: Ground,
) -> None:
    shards = ground.shards(dict.fromkeys(DOMAINS, 60))
    here = ground.search(search(), shards)
    apart = Ground(ground.store, ground.tokenizer, ground.folder, execution=OnRay())
    for folder in ("train.train", "measure.measure"):
        shutil.rmtree(Path(ground.store.storage.root) / "parts" / folder)
    there = apart.search(search(), shards)
    assert there.counts.trained == 6
    assert all(here.tables[name].equals(there.tables[name]) for name in here.tables)
