"""The survey's notation: what it reads as, that it is written back, and where it goes wrong."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.training.schedule.notation import NAMES, NotationError, parsed, printed
from midtrain_dagster.training.schedule.schedule import Schedule
from midtrain_dagster.training.schedule.shape import NAMES as SHAPES
from midtrain_dagster.training.stage import Stage

TRILLION = 10**12


def read(text: str, tokens: int = 100 * TRILLION, batch_tokens: int = 10**6) -> Schedule:
    return Schedule.model_validate(parsed(text, tokens=tokens, batch_tokens=batch_tokens))


def rates(text: str, seen: list[float], tokens: int) -> list[float]:
    found = read(text, tokens).learning_rates(seen, tokens=tokens, found=0.0)
    return [float(each) for each in found]


@pytest.mark.parametrize(
    ("text", "tokens", "seen", "expected"),
    [
        (  # dots.llm1; the table does not say how long the warm-up is
            "Warmup(3e-4, 8B) → Constant(3e-4, 10T) → Decay(3e-5, 1T) → Decay(1e-5, 200B)",
            11_208 * 10**9,
            [0, 8e9, 10.008e12, 10.508e12, 11.008e12, 11.108e12, 11.208e12],
            [0, 3e-4, 3e-4, 1.65e-4, 3e-5, 2e-5, 1e-5],
        ),
        (  # MiMo-7B: half-way down a cosine is the mean of its ends
            "Warmup(1.07e-4, 84B) → Constant(1.07e-4, 10.2T) → Cosine(3e-5)",
            17_784 * 10**9,
            [84e9, 10.284e12, 14.034e12, 17.784e12],
            [1.07e-4, 1.07e-4, 6.85e-5, 3e-5],
        ),
        (  # DeepSeek-V3, whose last rate is a jump
            "Warmup(2.2e-4, 2000 steps) -> Constant(2.2e-4, 10T) -> Constant(7.3e-6)",
            11 * TRILLION,
            [1e9, 2e9, 10.002e12, 11e12],
            [1.1e-4, 2.2e-4, 7.3e-6, 7.3e-6],
        ),
        (  # AFM's restart: behind the semicolon the warm-up begins at 0
            "Warmup(1e-2, 1T) → Cosine(5e-5, 6T); Warmup(3e-4, 1T) → Decay(3e-7)",
            9 * TRILLION,
            [1e12, 7e12, 7.5e12, 8e12, 9e12],
            [1e-2, 0, 1.5e-4, 3e-4, 3e-7],
        ),
        (  # Hunyuan-Large: a share of the highest rate, in the last 5%
            "Warmup(4e-4, 5%) -> Linear(½ηmax, 90%) -> Decay(eta_max/10)",
            20 * TRILLION,
            [1e12, 19e12, 20e12],
            [4e-4, 2e-4, 4e-5],
        ),
        (  # MiniCPM, and a phase that says where it begins
            "Constant(1e-2, 1T) -> Exponential(1e-2..1e-4)",
            2 * TRILLION,
            [0, 1e12, 1.5e12, 2e12],
            [1e-2, 1e-2, 1e-3, 1e-4],
        ),
    ],
)
def test_schedules_of_the_survey_have_their_values_at_every_boundary(
    text: str, tokens: int, seen: list[float], expected: list[float]
) -> None:
    np.testing.assert_allclose(rates(text, seen, tokens), expected, rtol=1e-12)


learning_rates = st.floats(1e-8, 1.0) | st.sampled_from([3e-4, 1e-5])
lengths = st.integers(1, 10**15) | st.sampled_from([10**12, 3 * 10**9, 5_000])


def phases(*, is_last: bool) -> st.SearchStrategy[dict[str, Any]]:
    tokens = lengths if not is_last else lengths | st.none()
    start = learning_rates | st.none()
    shapes = st.sampled_from(SHAPES) | st.builds(
        lambda exponent: {"method": "power", "exponent": exponent}, st.floats(0.1, 2)
    )
    named = {"start": start, "to": learning_rates, "tokens": tokens}
    return st.one_of(
        st.fixed_dictionaries({"phase": st.just("warmup"), **named}),
        st.fixed_dictionaries(
            {"phase": st.just("constant"), "learning_rate": start, "tokens": tokens}
        ),
        st.fixed_dictionaries({"phase": st.just("decay"), "shape": shapes, **named}),
    )


@given(st.lists(phases(is_last=False), max_size=5), phases(is_last=True))
def test_a_schedule_that_is_written_is_read_as_the_same(
    first: list[dict[str, Any]], last: dict[str, Any]
) -> None:
    schedule = Schedule.model_validate([*first, last])
    assert read(printed(schedule)) == schedule


@given(st.text(alphabet="Warmup Constant()->;,.%0123456789e-kMBT steps[]=_η½/", max_size=80))
def test_any_text_is_a_schedule_or_refused_with_its_place(text: str) -> None:
    try:
        phases = parsed(text, tokens=1000, batch_tokens=10)
    except NotationError as error:
        assert 1 <= int(str(error).split("at character ")[1].split(",")[0]) <= len(text) + 1
    else:
        assert phases


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Constant(3e-4, 10T) -> Cosin(1e-5)", "at character 24, 'Cosin': no phase is called so: "
         "did you mean Cosine?"),
        ("Warmup(3e-4, 1T) at 8K→32K", "at character 18, 'at 8K→32K': phases are joined by ->"),
        ("Decay(-, 800B)", "at character 7, '-, 800B)': '-' is no rate"),
        ("Constant(3e-4, 120%)", "at character 16, '120%)': a share of the stage's tokens"),
        ("Decay(eta_max/10)", "no rate is said before"),
        ("Decay(1T)", "the rate that it ends with is missing"),
        ("Constant(1e-3, 1T); Decay(1e-5)", "behind ; it has to say where it begins"),
        ("Warmup(3e-4, 1.5 steps)", "not a whole number"),
        ("Constant(10T, 3e-4)", "a rate, and then a length"),
        ("Constant 3e-4", "at character 1, 'Constant 3e-4': a phase is written as"),
        ("Power[steep](1e-5)", "a setting is written as"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(NotationError) as error:
        parsed(text, tokens=10**15, batch_tokens=10**6)
    assert told in str(error.value)


def test_every_phase_and_shape_has_a_name() -> None:
    assert set(NAMES) == {"warmup", "constant", "decay", *SHAPES}
    assert NAMES["one_minus_sqrt"] == "OneMinusSqrt"


STAGE = {
    "start": "random",
    "tokens": "1M",
    "batch_tokens": 1000,
    "sequence_length": 100,
    "mixture": {"domains": {"web": 1}},
}


def test_a_stage_takes_the_notation_and_keeps_the_list() -> None:
    stage = Stage.model_validate(
        {**STAGE, "schedule": "Warmup(1e-3, 10 steps) -> Constant(1e-3, 50%) -> Decay(0)"}
    )
    assert [phase.tokens for phase in stage.schedule] == [10_000, 500_000, None]
    listed = Stage.model_validate({**STAGE, "schedule": stage.schedule.model_dump()})
    assert listed == stage


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("Warmup(1e-3, 2M) -> Decay(0)", "ends at token 2000000, but the stage has 1000000"),
        ("Warmup(1e-3) -> Decay(0)", "phase 1 (warmup) needs tokens"),
        ("Warmup(1e-3, 1k) -> Decay(2e-3)", "a decay falls"),
        ("Warmup(1e-3, 1k) -> Power(0)", "never reaches 0"),
        ("Warmup(1e-3, 1k) -> Decai(0)", "at character 21, 'Decai'"),
    ],
)
def test_a_stage_refuses_what_its_tokens_do_not_hold(schedule: str, told: str) -> None:
    with pytest.raises(ValidationError, match="schedule") as error:
        Stage.model_validate({**STAGE, "schedule": schedule})
    assert told in str(error.value)


@pytest.mark.parametrize("timescale", [1, 40, 1000])
def test_inverse_sqrt_is_the_curve_of_transformers(timescale: int) -> None:
    from transformers import get_inverse_sqrt_schedule

    steps = 200
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1e-3)
    scheduler = get_inverse_sqrt_schedule(optimizer, num_warmup_steps=0, timescale=timescale)
    theirs = []
    for _ in range(steps + 1):
        theirs.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    ours = rates(f"InverseSqrt({theirs[0]!r}..{theirs[-1]!r})", list(range(steps + 1)), steps)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_power_is_a_power_of_the_tokens() -> None:
    """``β nᵇ`` from n = 1,000 to 9,000, by the Power Scheduler's own formula."""
    n = np.array([1000, 2000, 5000, 9000], np.float64)
    theirs = 4.6 * n**-0.51
    first, *_, last = map(float, theirs)
    ours = rates(f"Power({first!r}..{last!r})", list(n - 1000), 8000)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
