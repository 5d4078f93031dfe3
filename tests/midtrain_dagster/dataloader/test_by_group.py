"""What a stage reads of groups of documents is what its windows hold of them."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.by_group import GROUPS, shares_of_groups
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.mixture.weights import Mixture


def plan_of(shards_of: Any, lengths: dict[str, list[int]], domains: Any, **other: Any) -> Plan:
    with TemporaryDirectory() as folder:
        shards = shards_of(Path(folder), lengths, 2)
    mixture = Mixture(domains=domains, max_epochs=1000)
    fields = {"seed": 7, "stage": "annealed", "sequence_length": 16, "windows_per_step": 3}
    return Plan(shards, mixture, **{**fields, "steps": 5, **other})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=4, max_size=30), st.integers(1, 12), st.integers(0, 4))
def test_delivered_is_what_the_windows_hold(
    shards_of: Any, lengths: list[int], steps: int, seed: int
) -> None:
    corpus = {"web": lengths, "distilled": lengths[:3]}
    plan = plan_of(shards_of, corpus, {"web": 0.7, "distilled": 0.3}, steps=steps, seed=seed)
    group = np.random.default_rng(seed).integers(0, 3, len(plan.shards.ids))
    table = shares_of_groups(plan, group, ["a", "b", "c"])
    seen: Counter[int] = Counter()
    for step in range(plan.steps):
        for slot in range(plan.windows_of(step)):
            for document, start, stop in plan.window(step, slot).spans:
                seen[int(group[document])] += stop - start
    assert table.schema == GROUPS
    assert table["tokens"].to_list() == [seen[number] for number in range(3)]
    assert table["delivered"].to_list() == pytest.approx([seen[n] / seen.total() for n in range(3)])


def test_a_group_is_to_have_its_part_of_its_domains_share(shards_of: Any) -> None:
    corpus = {"distilled": [4, 4, 8], "web": [16] * 8}
    plan = plan_of(shards_of, corpus, {"distilled": 0.25, "web": 0.75}, steps=40)
    is_web = np.array([plan.shards.domains[n] == "web" for n in plan.shards.domain_of])
    group = np.where(is_web, 2, np.where(plan.shards.lengths == 8, 1, 0))
    planned = shares_of_groups(plan, group, ["two short", "one long", "natural"])["planned"]
    assert planned.to_list() == pytest.approx([0.125, 0.125, 0.75])
