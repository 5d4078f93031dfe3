from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.by_length import course_by_length, largest_documents, lengths_of
from midtrain_dagster.dataloader.plan import MixtureError, Plan
from midtrain_dagster.mixture.weights import Mixture

WEB = [3] * 40 + [5] * 30 + [12] * 20 + [16] * 8 + [40] * 6
BOOKS = [64] * 5 + [9] * 3


def plan_of(shards_of: Any, lengths: dict[str, list[int]], section: Any, **other: Any) -> Plan:
    with TemporaryDirectory() as folder:
        shards = shards_of(Path(folder), lengths, 2)
    mixture = Mixture.model_validate({"max_epochs": 1000, **section})
    fields = {"seed": 7, "stage": "extend", "sequence_length": 16, "windows_per_step": 10}
    return Plan(shards, mixture, **{**fields, "steps": 40, **other})


def counted(plan: Plan) -> Counter[str]:
    """The tokens of each class, counted window by window."""
    found: Counter[str] = Counter()
    for step in range(plan.steps):
        for slot in range(plan.windows_of(step)):
            for document, start, stop in plan.window(step, slot).spans:
                length = plan.shards.lengths[document]
                found[_class(length / plan.sequence_length)] += stop - start
    return found


def _class(part: float) -> str:
    if part >= 1:
        return "1 window up"
    if part >= 1 / 2:
        return "1/2 to 1 window"
    return "1/4 to 1/2 window" if part >= 1 / 4 else "under 1/4 window"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=4, max_size=30), st.integers(1, 12), st.integers(0, 4))
def test_delivered_is_what_the_windows_hold(
    shards_of: Any, lengths: list[int], steps: int, seed: int
) -> None:
    section = {"domains": {"web": 0.7, "books": 0.3}}
    corpus = {"web": lengths, "books": lengths[:2]}
    plan = plan_of(shards_of, corpus, section, steps=steps, seed=seed, windows_per_step=3)
    table = lengths_of(plan)
    seen = counted(plan)
    assert dict(table.select("class", "tokens").iter_rows()) == {
        name: seen[name] for name in table["class"]
    }
    assert table["planned"].sum() == pytest.approx(1)
    course = course_by_length(plan, 3)
    held = course.with_columns(tokens=pl.col("end") - pl.col("begin"))
    assert held.group_by("class").agg(pl.len()).height == 4
    assert held.group_by("begin").agg(pl.col("delivered").sum())["delivered"].to_list() == (
        pytest.approx([1.0] * held["begin"].n_unique())
    )


@pytest.mark.parametrize(
    ("rule", "shares"),
    [
        ("prolong", {"under 1 window": 0.4, "1 window up": 0.6}),
        ("phi_4", {"under 1/2 window": 0.7, "1/2 to 1 window": 0.1, "1 window up": 0.2}),
        ("qwen3", {"1/8 to 1/2 window": 0.25, "1/2 window up": 0.75}),
        (
            {"method": "shares", "shares": {0: 0.1, "1/4": 0.2, "1/2": 0.3, 1: 0.4}},
            {
                **{"under 1/4 window": 0.1, "1/4 to 1/2 window": 0.2, "1/2 to 1 window": 0.3},
                "1 window up": 0.4,
            },
        ),
    ],
)
def test_each_class_gets_its_share(shards_of: Any, rule: Any, shares: dict[str, float]) -> None:
    section = {"domains": {"web": 0.9, "books": 0.1}, "length_classes": rule}
    plan = plan_of(shards_of, {"web": WEB, "books": BOOKS}, section, windows_per_step=25)
    table = lengths_of(plan)
    # A thousandth of the stage: each domain and class is right to a window.
    for column in ("planned", "delivered"):
        assert dict(table.select("class", column).iter_rows()) == pytest.approx(shares, abs=3e-3)
    assert plan.delivered()["books"] / sum(plan.delivered().values()) == pytest.approx(
        0.1, abs=2e-3
    )


def test_documents_below_the_first_class_are_left_out(shards_of: Any) -> None:
    section = {"domains": {"web": 1.0}, "length_classes": "qwen3"}
    plan = plan_of(shards_of, {"web": [1] * 500 + WEB}, section)
    assert plan.shards.lengths[[d for pool in plan.pools for d in pool.documents]].min() == 3


def test_a_domain_may_be_a_class_of_its_own(shards_of: Any) -> None:
    """As synthetic long records: the rule's shares are of what it leaves."""
    rule = {"method": "prolong", "own_class": ["long_qa"]}
    section = {"domains": {"web": 0.8, "long_qa": 0.2}, "length_classes": rule}
    plan = plan_of(shards_of, {"web": WEB, "long_qa": [16] * 9 + [2] * 3}, section)
    shares = {"under 1 window": 0.32, "1 window up": 0.48, "long_qa": 0.2}
    table = lengths_of(plan)
    for column in ("planned", "delivered"):
        assert dict(table.select("class", column).iter_rows()) == pytest.approx(shares, abs=5e-3)


@pytest.mark.parametrize(
    ("lengths", "section", "told"),
    [
        ({"web": [3] * 90}, {"domains": {"web": 1.0}}, r"0\.600 .*1 window up.*\(none\).*0\.000"),
        (
            {"web": [3] * 90, "books": [99] * 9},
            {"domains": {"web": 0.8, "books": 0.2}},
            r"0\.600 of its tokens from documents of 1 window up .*\(books\) have 0\.200",
        ),
        (
            {"web": [3] * 9, "books": [99] * 9},
            {"domains": {"web": 0.1, "books": 0.9}},
            r"0\.400 of its tokens from documents of under 1 window .*\(web\) have 0\.100",
        ),
        (
            {"web": [1] * 90, "books": [99] * 9},
            {"domains": {"web": 0.5, "books": 0.5}, "length_classes": "qwen3"},
            "gives domain web a share, but length_classes takes none",
        ),
    ],
)
def test_shares_that_no_documents_can_give(
    shards_of: Any, lengths: Any, section: dict[str, Any], told: str
) -> None:
    with pytest.raises(MixtureError, match=told):
        plan_of(shards_of, lengths, {"length_classes": "prolong", **section})


def test_windows_too_short_for_the_classes(shards_of: Any) -> None:
    section = {"domains": {"web": 1.0}, "length_classes": "qwen3"}
    with pytest.raises(MixtureError, match="windows of 2 tokens are too short"):
        plan_of(shards_of, {"web": WEB}, section, sequence_length=2)


def test_epochs_of_a_class_are_bounded(shards_of: Any) -> None:
    section = {"domains": {"web": 1.0}, "length_classes": "prolong", "max_epochs": 4}
    plan = plan_of(shards_of, {"web": [3] * 900 + [16] * 10}, section)
    with pytest.raises(MixtureError, match=r"domain web \(1 window up documents\) 2\d\.\d\d times"):
        plan.check()


def test_a_class_of_one_document_shows(shards_of: Any) -> None:
    section = {"domains": {"web": 1.0}, "length_classes": "prolong"}
    plan = plan_of(shards_of, {"web": [3] * 100 + [900, 100]}, section)
    assert largest_documents(plan) == {
        ("web", "under 1 window"): 0.01,
        ("web", "1 window up"): 0.9,
    }


def test_shares_that_change_keep_the_classes(shards_of: Any) -> None:
    section = {
        "domains": {"web": "0.9 -> 0.5", "books": "0.1 -> 0.5"},
        "length_classes": {"method": "shares", "shares": {0: 0.4, 1: 0.6}},
    }
    plan = plan_of(shards_of, {"web": WEB, "books": BOOKS}, section, windows_per_step=50)
    course = course_by_length(plan, 4).filter(pl.col("class") == "1 window up")
    assert course["planned"].to_list() == pytest.approx([0.6] * 4, abs=1e-6)
    assert course["delivered"].to_list() == pytest.approx([0.6] * 4, abs=1e-2)
