"""Batches that change: what they read as, that they are written back, where steps then are."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.training.batch.notation import printed
from midtrain_dagster.training.batch.ramp import levels_of
from midtrain_dagster.training.batch.steps import Levels, steps_of
from midtrain_dagster.training.scale import Scale, distortions, scaled_stage
from midtrain_dagster.training.stage import Stage

FIELDS: dict[str, Any] = {
    "start": "random",
    "tokens": "15.6T",
    "batch_tokens": "4M -> 8M @ 252M -> 16M @ 2.87T",
    "sequence_length": 4000,
    "schedule": "Warmup(8e-5, 8000 steps) -> Cosine(8e-7)",
    "mixture": {"domains": {"web": 1.0}},
}


def stage(**changed: Any) -> Stage:
    return Stage.model_validate(FIELDS | changed)


@st.composite
def ramps(draw: st.DrawFn) -> Levels:
    sizes = draw(st.lists(st.integers(1, 50), min_size=1, max_size=4))
    assume(all(one != other for one, other in pairwise(sizes)))
    gaps = draw(st.lists(st.integers(1, 300), min_size=len(sizes) - 1, max_size=len(sizes) - 1))
    return tuple(zip(sizes, [0, *np.cumsum(gaps).tolist()], strict=True))


def one_by_one(levels: Levels, tokens: int) -> list[tuple[int, int]]:
    """Tokens before each step and in it: a step has the batch of its first token."""
    found, seen = [], 0
    while seen < tokens:
        size = [size for size, after in levels if after <= seen][-1]
        found.append((seen, size))
        seen += size
    return found


def test_llama_3_has_three_batches() -> None:
    """Llama 3 (arXiv 2407.21783), section 3.4.1: 4M, 8M after 252M tokens, 16M after 2.87T."""
    batches = stage().batches
    assert batches.sizes == (4_000_000, 8_000_000, 16_000_000)
    assert batches.begins == (0, 252_000_000, 2_870_004_000_000)
    assert batches.first == (0, 63, 63 + 358_719)
    assert batches.count == 63 + 358_719 + 795_625


def test_rates_are_of_tokens_and_do_not_jump_where_the_batch_does() -> None:
    small = stage(
        tokens=4000,
        batch_tokens="10 -> 40 @ 1000",
        sequence_length=10,
        schedule="Warmup(1e-3, 500 tokens) -> Decay(0)",
    )
    rates = small.learning_rates(None)
    seen = small.batches.before(np.arange(small.steps + 1))
    assert (small.steps, seen[100], seen[101]) == (175, 1000, 1040)
    np.testing.assert_allclose(rates, np.interp(seen, [0, 500, 4000], [0, 1e-3, 0]), rtol=1e-12)


def test_steps_of_a_schedule_follow_the_batch() -> None:
    first, _ = stage().schedule
    assert first.tokens == 63 * 4_000_000 + (8000 - 63) * 8_000_000
    halves = stage(schedule="Warmup(8e-5, 50%) -> Constant()").schedule
    assert next(iter(halves)).tokens == stage().batches.tokens_before(
        stage().batches.nearest(7.8e12)
    )


@given(ramps(), st.integers(1, 2000))
def test_steps_are_those_that_are_counted_one_by_one(levels: Levels, tokens: int) -> None:
    expected = one_by_one(levels, tokens)
    try:
        steps = steps_of(levels, tokens)
    except ValueError:
        # A level that no step has is refused.
        assert {size for _, size in expected} != {size for size, _ in levels} or len(levels) > 1
        return
    assert [(steps.tokens_before(n), steps.size(n)) for n in range(steps.count)] == expected
    assert steps.before(np.arange(steps.count + 1)).tolist() == [
        *(before for before, _ in expected),
        steps.tokens,
    ]
    begins = [before for before, _ in expected]
    for place in range(0, steps.tokens_before(steps.count - 1) + 1, 7):
        assert steps.step_from(place) == next(n for n, at in enumerate(begins) if at >= place)
    assert sum(count * windows for count, windows in steps.runs(1)) == steps.tokens


@given(ramps())
def test_what_is_printed_is_read_back(levels: Levels) -> None:
    assume(len(levels) > 1)
    tokens = levels[-1][1] + 200
    sizes = {"tokens": tokens, "sequence_length": 2, "schedule": "Constant(1e-3)"}
    doubled: Levels = tuple((2 * size, after) for size, after in levels)
    try:
        steps_of(doubled, tokens)
    except ValueError:
        return
    made = stage(batch_tokens=printed(doubled), **sizes)
    assert levels_of(made.batch_tokens) == doubled
    listed = [{"tokens": size, "after": after} for size, after in doubled]
    assert stage(batch_tokens=listed, **sizes) == made
    assert Stage.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ("4M -> 8M", "at character 7, '8M': it does not say from where on: write 8M @ 252M"),
        ("4M @ 1M -> 8M @ 2M", "at character 6, '1M': the first level begins with the stage"),
        ("4M -> 8N @ 2M", "at character 7, '8N': '8N' is no count of tokens"),
        ("4M -> 8M @ 2M -> 16M @ 1M", "at character 24, '1M': levels begin one after the other"),
        ("4M -> 8M @ 20T", "at character 12, '20T': the stage has 15,600,000,000,000 tokens"),
        ("4M -> 8M @ 120%", "at character 12, '120%': a share of the stage's tokens is above 0%"),
        ("4M @", "at character 1, '4M': a level is written as 8M @ 252M"),
        ("4M -> ", "at character 7, '': a level is written"),
        ("4M -> 8M @ 1M -> 16M @ 2M", "level 2 of 8000000 tokens a step ends after 2000000"),
        ("4M -> 5_002 @ 10%", "sequence_length 4000 does not divide batch_tokens 5002"),
        ([{"tokens": 4000}], "at least 2 items"),
        ([{"tokens": 4000, "after": 3}, {"tokens": 8000, "after": 9}], "begins with the stage"),
        ([{"tokens": 4000}, {"tokens": 4000, "after": 9}], "has the 4000 tokens of that before"),
    ],
)
def test_a_mistake_is_told_with_its_place(batch: Any, told: str) -> None:
    with pytest.raises(ValidationError) as raised:
        stage(batch_tokens=batch)
    assert told in str(raised.value)


def test_a_plain_count_is_the_cause_that_it_was() -> None:
    assert canonical(stage(batch_tokens="4M"))["batch_tokens"] == 4_000_000
    assert canonical(stage())["batch_tokens"][1] == {"tokens": 8_000_000, "after": 252_000_000}


@pytest.mark.parametrize("tokens", [1e6, 1e9, 1e12])
def test_a_ramp_is_shrunk_with_its_stage(tokens: float) -> None:
    """Each level keeps a step; its place keeps its share of the stage as far as it can."""
    small = scaled_stage(stage(), Scale(tokens=tokens, batch=1000, length=10))
    assert small.batches.sizes == (4000, 8000, 16_000)
    ends = [*small.batches.first[1:], small.batches.count]
    assert all(first < end for first, end in zip(small.batches.first, ends, strict=True))
    (line, *_) = [each for each in distortions({"a": stage()}, {"a": small}) if "batch" in each]
    assert line.startswith("a: its batch 4M -> 8M @ 252M -> 16M @ 2.87T became 4k -> 8k @ ")
    reduced = stage(batch_tokens="16M -> 4M @ 50%")
    small = scaled_stage(reduced, Scale(tokens=tokens, batch=1000, length=10))
    assert small.batches.sizes == (16_000, 4000)
    assert small.batches.begins[1] / small.tokens == pytest.approx(0.5, abs=0.05)
