"""From proxies that were really trained to a mixture: what a search writes, proposals read."""

import pytest

from midtrain_dagster.core.execution import InProcess
from midtrain_dagster.core.parts import make_parts, read_table, write_output
from midtrain_dagster.mixture.methods.proposed import Config

from .conftest import Ground, search

DOMAINS = ("web", "code", "mathematics")


def test_mixture_is_proposed_from_a_search(ground: Ground) -> None:
    shards = ground.shards(dict.fromkeys(DOMAINS, 60))
    tables = ground.search(search(rounds=[12]), shards).tables
    parts = [write_output(ground.store.storage, "parts/swarm", *each) for each in tables.items()]
    swarm = ground.store.make("swarm", {}, None, {}, lambda _: (parts, {}))
    section = {
        "method": "proposed",
        "search": "small",
        "law": {"law": "log_linear"},
        "targets": {"loss/code": 1},
        "tokens": 2000,
        "ceilings": {"code": 0.8},
        "floors": {"web": 0.05},
        "kl_weight": 0.0,
        "folds": 4,
        "resamples": 20,
    }
    work = Config.model_validate(section).work(shards.parts("train_index"), {"swarm": swarm})
    (made,) = make_parts(ground.store, InProcess(), [work])
    found = {part.table: read_table(ground.store.storage, part) for part in made}
    shares = dict(found["weights"].select("domain", "share").iter_rows())
    # What is read is learnt: the loss on code asks for as much code as it may have.
    assert shares["code"] == pytest.approx(0.8, abs=1e-3) and shares["web"] >= 0.05 - 1e-9
    assert sum(shares.values()) == pytest.approx(1)
    (error,) = found["held_out_error"].iter_rows(named=True)
    assert error["proxies"] == 12 and error["unit"] == "nats a token"
    assert error["spearman"] > 0.5
    assert found["gain"]["difference"].max() < 0
