from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.plan import COURSE, VERSION, MixtureError, Plan, Span, Window
from midtrain_dagster.mixture.weights import Mixture

LENGTHS = {"web": [30, 5, 12, 7, 7, 3, 20, 9, 1, 16], "code": [40, 11, 2, 8], "qa": [4] * 9}


def plan_of(
    shards_of: Any, lengths: dict[str, list[int]], section: dict[str, Any], **other: Any
) -> Plan:
    with TemporaryDirectory() as folder:
        shards = shards_of(Path(folder), lengths, 2)
    settings = {"seed": 7, "stage": "anneal", "sequence_length": 16, "windows_per_step": 6}
    mixture = Mixture.model_validate({"max_epochs": 1000, **section})
    return Plan(shards, mixture, **{**settings, "steps": 12, **other})


@pytest.fixture(scope="module")
def plan(shards_of: Any) -> Plan:
    domains = {"web": {0.0: 0.7, 1.0: 0.3}, "code": {0.0: 0.1, 1.0: 0.5}, "qa": 0.2}
    return plan_of(shards_of, LENGTHS, {"domains": domains})


def windows_of(plan: Plan) -> dict[tuple[int, int], Window]:
    places = [(step, slot) for step in range(plan.steps) for slot in range(plan.windows_per_step)]
    return {place: plan.window(*place) for place in places}


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    domains = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True))
    lengths = st.lists(st.integers(1, 40), min_size=1, max_size=12)
    raw = {domain: draw(st.integers(1, 9)) for domain in domains}
    return {
        "lengths": {domain: draw(lengths) for domain in domains},
        "section": {"domains": {domain: raw[domain] / sum(raw.values()) for domain in domains}},
        "seed": draw(st.integers(0, 5)),
        "sequence_length": draw(st.integers(2, 20)),
        "windows_per_step": draw(st.integers(1, 8)),
        "steps": draw(st.integers(1, 10)),
    }


@settings(max_examples=40, deadline=None)
@given(plans(), st.randoms(use_true_random=False))
def test_windows_are_pure_and_found_in_any_order(shards_of: Any, made: Any, random: Any) -> None:
    forward = windows_of(plan_of(shards_of, **made))
    order = list(forward)
    random.shuffle(order)
    fresh = plan_of(shards_of, **made)
    assert {place: fresh.window(*place) for place in order} == forward


@settings(max_examples=40, deadline=None)
@given(plans())
def test_windows_hold_what_the_books_say(shards_of: Any, made: Any) -> None:
    plan = plan_of(shards_of, **made)
    windows = windows_of(plan)
    seen: dict[str, int] = Counter()
    for window in windows.values():
        tokens = sum(span.stop - span.start for span in window.spans)
        assert 1 <= tokens <= plan.sequence_length
        seen[window.domain] += tokens
        for document, start, stop in window.spans:
            assert plan.shards.domains[plan.shards.domain_of[document]] == window.domain
            assert 0 <= start < stop <= plan.shards.lengths[document]
    assert {domain: count for domain, count in plan.delivered().items() if count} == seen
    assert plan.efficiency() == sum(seen.values()) / (len(windows) * plan.sequence_length)


@settings(max_examples=40, deadline=None)
@given(plans())
def test_questions_in_both_directions_agree(shards_of: Any, made: Any) -> None:
    plan = plan_of(shards_of, **made)
    columns = ["id", "step", "slot", "start", "stop"]
    by_step = pl.concat(
        plan.documents_of_step(step).with_columns(step=pl.lit(step, pl.Int64))
        for step in range(plan.steps)
    )
    by_document = pl.concat(
        plan.steps_of_document(identity).with_columns(id=pl.lit(identity))
        for identity in plan.shards.ids
    )
    assert by_step.select(columns).sort(columns).equals(by_document.select(columns).sort(columns))


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 6, 7])
def test_workers_share_the_slots(plan: Plan, world_size: int) -> None:
    taken = [slot for rank in range(world_size) for slot in plan.slots(rank, world_size)]
    assert sorted(taken) == list(range(plan.windows_per_step))


def test_every_epoch_of_every_domain_is_every_token_once(plan: Plan) -> None:
    taken: dict[str, list[tuple[Span, ...]]] = {}
    for window in windows_of(plan).values():
        taken.setdefault(window.domain, []).append(window.spans)
    for domain, epochs in plan.epochs().items():
        one = round(len(taken[domain]) / epochs)
        assert epochs >= 1
        documents = plan.shards.documents_of(domain)
        every = {(d, token) for d in documents for token in range(plan.shards.lengths[d])}
        for epoch in range(int(epochs)):
            windows = taken[domain][epoch * one : (epoch + 1) * one]
            seen = Counter(
                (s[0], token) for spans in windows for s in spans for token in range(*s[1:])
            )
            assert seen == Counter(every)


def test_shares_hold_at_every_step(shards_of: Any) -> None:
    # Documents as long as a window: a window is 16 tokens of its domain, so shares are countable.
    domains = {"web": {0.0: 0.7, 1.0: 0.3}, "code": {0.0: 0.1, 1.0: 0.5}, "qa": 0.2}
    lengths = {"web": [16] * 30, "code": [32] * 9, "qa": [16] * 5}
    plan = plan_of(shards_of, lengths, {"domains": domains}, steps=40, windows_per_step=5)
    claimed, taken = Counter[str](), Counter[str]()
    for step in range(plan.steps):
        for domain, share in plan.mixture.weights((step + 0.5) / plan.steps).items():
            claimed[domain] += share * plan.windows_per_step
        taken.update(plan.window(step, slot).domain for slot in range(plan.windows_per_step))
        assert max(abs(claimed[domain] - taken[domain]) for domain in claimed) <= 0.75 + 1e-9
    assert plan.planned() == pytest.approx({domain: 16 * n for domain, n in claimed.items()})
    assert plan.delivered() == {domain: 16 * n for domain, n in taken.items()}
    assert plan.efficiency() == 1


def test_shares_are_of_tokens_where_windows_fill_unequally(shards_of: Any) -> None:
    lengths = {"half": [9] * 40, "full": [16] * 40}
    section = {"domains": {"half": 0.5, "full": 0.5}}
    plan = plan_of(shards_of, lengths, section, windows_per_step=50, steps=20)
    delivered = plan.delivered()
    assert delivered["half"] == pytest.approx(delivered["full"], abs=2 * 16)
    assert plan.planned()["half"] == pytest.approx(plan.planned()["full"])


def test_long_documents_get_their_share(shards_of: Any) -> None:
    lengths = {"web": [16] * 90 + [32] * 10, "books": [64] * 5, "qa": [8] * 60}
    section = {
        "domains": {"web": 0.6, "books": 0.1, "qa": 0.3},
        "long_documents": {"minimum_tokens": 32, "share": 0.4},
    }
    plan = plan_of(shards_of, lengths, section, windows_per_step=10, steps=30)
    tokens: Counter[tuple[str, bool]] = Counter()
    for window in windows_of(plan).values():
        for document, start, stop in window.spans:
            tokens[window.domain, bool(plan.shards.lengths[document] >= 32)] += stop - start
    total = sum(tokens.values())
    shares = {name: count / total for name, count in tokens.items()}
    expected = {("web", True): 0.3, ("web", False): 0.3, ("books", True): 0.1, ("qa", False): 0.3}
    assert shares == pytest.approx(expected, abs=1 / 300)
    assert plan.epochs()["web"] == pytest.approx(90 / 20, abs=0.06)


@pytest.mark.parametrize(("share", "allowed"), [(0.8, "0.100 to 0.700"), (0.05, "0.100 to 0.700")])
def test_long_documents_out_of_reach(shards_of: Any, share: float, allowed: str) -> None:
    lengths = {"web": [16] * 9 + [32], "books": [64] * 5, "qa": [8] * 60}
    section = {
        "domains": {"web": 0.6, "books": 0.1, "qa": 0.3},
        "long_documents": {"minimum_tokens": 32, "share": share},
    }
    with pytest.raises(MixtureError, match=allowed):
        plan_of(shards_of, lengths, section)


def test_a_domain_without_documents_is_an_error(shards_of: Any) -> None:
    section = {"domains": {"web": 0.9, "books": 0.1}}
    with pytest.raises(MixtureError, match=r"books a share.*code, qa, web"):
        plan_of(shards_of, LENGTHS, section)


def test_a_domain_without_share_is_none(shards_of: Any) -> None:
    plan = plan_of(shards_of, LENGTHS, {"domains": {"web": 1.0, "books": 0.0}})
    assert plan.epochs().keys() == {"web"}
    plan.check()


def test_more_epochs_than_declared_are_an_error(shards_of: Any) -> None:
    domains = {"web": 0.5, "qa": 0.5}
    lengths = {"web": [16] * 100, "qa": [16] * 6}
    plan = plan_of(shards_of, lengths, {"domains": domains, "max_epochs": 4})
    assert plan.epochs() == {"qa": 6.0, "web": 0.36}
    with pytest.raises(MixtureError, match=r"96 tokens of domain qa .* 6\.00 times.* 4"):
        plan.check()
    section = {"domains": domains, "max_epochs": 4, "max_epochs_of": {"qa": 6}}
    plan_of(shards_of, lengths, section).check()


def test_order_of_the_recipe_is_no_cause(shards_of: Any) -> None:
    one = plan_of(shards_of, LENGTHS, {"domains": {"web": 0.6, "qa": 0.4}})
    other = plan_of(shards_of, LENGTHS, {"domains": {"qa": 0.4, "web": 0.6}})
    assert windows_of(one) == windows_of(other)


def test_stages_and_seeds_differ(shards_of: Any) -> None:
    section = {"domains": {"web": 1.0}}
    one, stage, seed = (
        windows_of(plan_of(shards_of, LENGTHS, section, **other))
        for other in ({}, {"stage": "extend"}, {"seed": 8})
    )
    assert one != stage
    assert one != seed


def test_outside_the_plan(plan: Plan) -> None:
    for step, slot in ((-1, 0), (12, 0), (0, -1), (0, 6)):
        with pytest.raises(IndexError, match="outside the plan"):
            plan.window(step, slot)
    with pytest.raises(ValueError, match="rank 2 of 2"):
        plan.slots(2, 2)
    with pytest.raises(KeyError, match="absent"):
        plan.steps_of_document("absent")


def test_golden(plan: Plan) -> None:
    shown = [plan.window(step, slot) for step, slot in ((0, 0), (0, 1), (5, 3), (11, 5))]
    assert (VERSION, shown) == (
        1,
        [
            Window("web", (Span(3, 0, 16),)),
            Window("web", (Span(0, 0, 16),)),
            Window("web", (Span(15, 0, 9), Span(2, 0, 7))),
            Window("qa", (Span(9, 0, 4),)),
        ],
    )


def test_runs_of_equal_steps_are_one(shards_of: Any) -> None:
    section = {"domains": {"web": {0.0: 0.7, 1.0: 0.3}, "qa": {0.0: 0.3, 1.0: 0.7}}}
    one = plan_of(shards_of, LENGTHS, section)
    other = plan_of(shards_of, LENGTHS, section, windows_per_step=((5, 6), (7, 6)))
    assert windows_of(one) == windows_of(other)
    assert one.planned() == pytest.approx(other.planned())


def test_course_is_what_is_planned_and_delivered_part_by_part(shards_of: Any) -> None:
    domains = {"web": "constant 0.75 -> 0.25 @ 50%", "code": "0.8 of rest", "qa": "0.2 of rest"}
    lengths = {"web": [16] * 30, "code": [32] * 9, "qa": [16] * 5}
    plan = plan_of(shards_of, lengths, {"domains": domains}, steps=8, windows_per_step=40)
    course = plan.course(4)
    assert course.schema == COURSE
    assert course["begin"].unique().to_list() == [0, 1280, 2560, 3840]
    for planned in ("planned", "delivered"):
        found = course.pivot("domain", index="begin", values=planned).drop("begin")
        np.testing.assert_allclose(found["web"], [0.75, 0.75, 0.25, 0.25], atol=1 / 80)
        np.testing.assert_allclose(found["qa"], [0.05, 0.05, 0.15, 0.15], atol=1 / 80)
    held = course.with_columns(tokens=(pl.col("end") - pl.col("begin")) * pl.col("delivered"))
    sums = dict(held.group_by("domain").agg(pl.col("tokens").sum()).iter_rows())
    assert sums == pytest.approx(plan.delivered())
    assert plan.course(100).height == 8 * 3, "no part is less than a step"


def test_epochs_are_bounded_where_a_share_rises_late(shards_of: Any) -> None:
    """The ceiling is for what is taken in all, however it is spread over the stage."""
    section = {"domains": {"web": "rest", "qa": "0 -> 1 @ 100%"}, "max_epochs": 4}
    lengths = {"web": [16] * 100, "qa": [16] * 6}
    plan = plan_of(shards_of, lengths, section)
    assert plan.epochs()["qa"] == 6.0
    with pytest.raises(MixtureError, match=r"domain qa .* 6\.00 times.* 4"):
        plan.check()


def test_shares_hold_where_the_batch_changes(shards_of: Any) -> None:
    """Progress is in tokens: a step of twice the windows is twice as long a part of the stage."""
    domains = {"web": {0.0: 1.0, 1.0: 0.0}, "code": {0.0: 0.0, 1.0: 1.0}}
    lengths = {"web": [16] * 30, "code": [32] * 9}
    runs = ((10, 2), (5, 8), (4, 5))
    plan = plan_of(shards_of, lengths, {"domains": domains}, steps=19, windows_per_step=runs)
    sizes = [size for count, size in runs for _ in range(count)]
    claimed, taken, begun = Counter[str](), Counter[str](), 0
    for step, size in enumerate(sizes):
        assert plan.windows_of(step) == size == len(plan.slots(0, 1, step))
        for domain, share in plan.mixture.weights((begun + size / 2) / 80).items():
            claimed[domain] += share * size
        taken.update(plan.window(step, slot).domain for slot in range(size))
        assert max(abs(claimed[domain] - taken[domain]) for domain in claimed) <= 0.5 + 1e-9
        begun += size
    assert plan.planned() == pytest.approx({"web": 640, "code": 640})
    assert plan.delivered() == {"web": 640, "code": 640}
    assert plan.efficiency() == 1
    seen = {step: plan.documents_of_step(step).height for step in range(19)}
    assert list(seen.values()) == sizes
    rows = pl.concat(plan.steps_of_document(each) for each in plan.shards.ids)
    assert Counter(rows["step"].to_list()) == seen
    with pytest.raises(IndexError, match="slot 2 is outside the plan"):
        plan.window(0, 2)
    with pytest.raises(ValueError, match="have different windows: say which"):
        plan.slots(0, 1)
    with pytest.raises(ValueError, match="18 steps, but its runs of them 19"):
        plan_of(shards_of, lengths, {"domains": domains}, steps=18, windows_per_step=runs)
