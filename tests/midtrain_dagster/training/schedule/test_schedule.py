"""The schedules of the survey: shapes of Table 1, boundaries, and every row of Table 3."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from midtrain_dagster.training.batch.steps import steps_of
from midtrain_dagster.training.schedule.schedule import Decay, Schedule
from midtrain_dagster.training.schedule.shapes.cosine import Cosine


def warmup(to: float, tokens: Any = None, **more: Any) -> dict[str, Any]:
    return {"phase": "warmup", "to": to, "tokens": tokens, **more}


def constant(learning_rate: float | None, tokens: Any = None) -> dict[str, Any]:
    return {"phase": "constant", "learning_rate": learning_rate, "tokens": tokens}


def decay(shape: Any, to: float, tokens: Any = None, **more: Any) -> dict[str, Any]:
    return {"phase": "decay", "shape": shape, "to": to, "tokens": tokens, **more}


def rates(phases: list[dict[str, Any]], seen: Any, tokens: int, found: float | None = 0.0) -> Any:
    return Schedule.model_validate(phases).learning_rates(seen, tokens=tokens, found=found)


WSD_GOLDEN = {
    # Table 1 with the peak 2, W = 10, T = 30, S = 50, end 1; half-way is x = 0.5.
    "linear": 1.5,
    "cosine": 1.5,
    "exponential": 2 * 0.5**0.5,
    "one_minus_sqrt": 2 - 0.5**0.5,
}


@pytest.mark.parametrize(("shape", "half_way"), WSD_GOLDEN.items())
def test_schedule_of_wsd_at_and_between_its_boundaries(shape: str, half_way: float) -> None:
    phases = [warmup(2.0, 10), constant(None, 20), decay(shape, 1.0)]
    found = rates(phases, [0, 5, 10, 29, 30, 40, 50, 60], 50)
    np.testing.assert_allclose(found, [0, 1, 2, 2, 2, half_way, 1, 1], rtol=1e-15)


def test_shapes_have_golden_values() -> None:
    # Quarter of the way from 1 to 0.01, by the formulas of Table 1 with the difference restored.
    golden = {
        "linear": 1 - 0.99 / 4,
        "cosine": 0.01 + 0.99 * 0.8535533905932737,  # (1 + cos(pi/4)) / 2
        "exponential": 0.31622776601683794,  # 0.01 ** 0.25
        "one_minus_sqrt": 0.01 + 0.99 * 0.5,
    }
    for shape, value in golden.items():
        np.testing.assert_allclose(rates([decay(shape, 0.01, start=1.0)], 25, 100), value)


@pytest.mark.parametrize("shape", ["linear", "cosine", "one_minus_sqrt"])
def test_decay_to_zero_ends_at_exactly_zero(shape: str) -> None:
    found = rates([decay(shape, 0.0, start=6.15e-5)], np.arange(1001), 1000)
    assert found[-1] == 0
    assert (np.diff(found) < 0).all()


def test_learning_rates_are_the_same_asked_alone_or_together() -> None:
    phases = [warmup(3e-3, 7), constant(None, 11), decay("one_minus_sqrt", 1e-4)]
    seen = np.arange(40).reshape(4, 10)
    alone = [[float(rates(phases, at, 31)) for at in row] for row in seen]
    np.testing.assert_array_equal(rates(phases, seen, 31), alone)


def test_learning_rates_go_on_from_what_is_found() -> None:
    assert rates([decay("linear", 0.0)], [0, 50], 100, found=4e-4).tolist() == [4e-4, 2e-4]
    assert rates([constant(None)], 7, 100, found=4e-4) == 4e-4
    assert rates([warmup(8e-4)], 50, 100, found=4e-4) == pytest.approx(6e-4)


T, B, M = 10**12, 10**9, 10**6
TABLE_3: dict[str, tuple[list[dict[str, Any]], dict[int, float]]] = {
    # The table gives warm-ups no tokens: 10B here. Each row: phases, then rates at some tokens.
    "dots.llm1": (
        [
            warmup(3e-4, "10B"),
            constant(3e-4, "10T"),
            decay("linear", 3e-5, "1T"),
            decay("linear", 1e-5, "200B"),
            constant(1e-5, "128B"),
        ],
        {10 * B + 10 * T + T // 2: 1.65e-4, 10 * B + 11 * T: 3e-5, 10 * B + 11 * T + 200 * B: 1e-5},
    ),
    "MiMo-7B": (
        [
            warmup(1.07e-4, "10B"),
            constant(1.07e-4, "10.2T"),
            decay("cosine", 3e-5, "7.5T"),
            constant(3e-5, "5.5T"),
            decay("cosine", 1e-5, "0.5T"),
        ],
        {10 * B + 10_200 * B + 3_750 * B: 6.85e-5, 10 * B + 23_450 * B: 2e-5},
    ),
    "Pangu Ultra": (
        [
            warmup(1e-4, "10B"),
            decay("cosine", 1e-5, "7.4T"),
            constant(1e-5, "4.6T"),
            decay("cosine", 7.5e-6, "0.8T"),
            constant(7.5e-6, "0.4T"),
        ],
        {10 * B + 7_400 * B: 1e-5, 10 * B + 12_800 * B: 7.5e-6},
    ),
    "MiniMax-Text-01": (
        [
            warmup(2e-4, "10B"),
            constant(2e-4, "7.2T"),
            constant(1.3e-4, "3.2T"),
            decay("exponential", 3e-5, "1T"),
        ],
        {
            10 * B + 7_200 * B - 1: 2e-4,
            10 * B + 7_200 * B: 1.3e-4,
            10 * B + 10_900 * B: (1.3e-4 * 3e-5) ** 0.5,
        },
    ),
    "OLMo 2 32B": (
        [warmup(6e-4, "10B"), decay("cosine", 6e-5, "6.5T"), decay("linear", 0.0, "100B")],
        {10 * B + 6_500 * B + 50 * B: 3e-5},
    ),
    "DeepSeek-V3": (
        [
            warmup(2.2e-4, "10B"),
            constant(2.2e-4, "10T"),
            decay("cosine", 2.2e-5, "4.3T"),
            constant(2.2e-5, "333B"),
            constant(7.3e-6, "167B"),
        ],
        {10 * B + 14_300 * B: 2.2e-5, 10 * B + 14_633 * B: 7.3e-6},
    ),
    "Phi-4 14B": ([warmup(3e-4, "10B"), decay("linear", 3e-5, "10T")], {10 * B: 3e-4}),
    "Yi-Lightning": (
        [warmup(2e-4, "10B"), decay("linear", 1e-4, "1T"), decay("linear", 1e-5, "1T")],
        {10 * B + T: 1e-4},
    ),
    "Hunyuan-Large": (
        [warmup(3e-4, "10B"), decay("cosine", 1e-4, "6.65T"), decay("linear", 3e-5, "350B")],
        {10 * B + 6_650 * B: 1e-4},
    ),
    "AFM 3B": ([warmup(1e-2, "10B"), decay("cosine", 5e-5, "6.3T")], {10 * B + 6_300 * B: 5e-5}),
    "AFM 3B, continued": (
        [warmup(3e-4, "10B"), decay("linear", 3e-7, "1T")],
        {5 * B: 1.5e-4, 10 * B + T: 3e-7},
    ),
    "Llama-3 405B": (
        # The end of the second decay is not printed; half of its start, here.
        [
            warmup(8e-5, "10B"),
            decay("cosine", 8e-7, "15.6T"),
            decay("linear", 4e-7, "800B"),
            decay("linear", 0.0, "40M"),
        ],
        {10 * B + 15_600 * B: 8e-7, 10 * B + 16_400 * B + 20 * M: 2e-7},
    ),
    "DeepSeek-V2": (
        [
            warmup(2.4e-4, "10B"),
            constant(2.4e-4, "4.86T"),
            constant(7.58e-5, "3.79T"),
            decay("linear", 2.39e-5, "810B"),
        ],
        {10 * B + 4_860 * B: 7.58e-5, 10 * B + 9_460 * B: 2.39e-5},
    ),
    "MiniCPM": (
        [warmup(1e-2, "10B"), constant(1e-2, "1T"), decay("exponential", 1e-4, "20B")],
        {10 * B + T + 10 * B: 1e-3},
    ),
    "OctoThinker": (
        [constant(2e-5, "200B"), decay("cosine", 2e-6, "20B")],
        {0: 2e-5, 200 * B: 2e-5, 210 * B: 1.1e-5},
    ),
}


@pytest.mark.parametrize("name", TABLE_3)
def test_schedule_of_table_3(name: str) -> None:
    phases, points = TABLE_3[name]
    schedule = Schedule.model_validate(phases)
    tokens = sum(phase.tokens or 0 for phase in schedule)
    found = schedule.learning_rates(list(points), tokens=tokens, found=0.0)
    np.testing.assert_allclose(found, list(points.values()), rtol=1e-9)
    assert schedule.learning_rates(tokens, tokens=tokens, found=0.0) == schedule.last_learning_rate


@pytest.mark.parametrize(
    ("phases", "found", "message"),
    [
        ([constant(None)], None, "does not say at which rate"),
        ([warmup(1e-3, 10)], 0.0, "has 10 tokens, but the stage has 100"),
        ([constant(1e-3, 101)], 0.0, "ends at token 101, but the stage has 100"),
        ([warmup(1e-3)], 2e-3, "a warm-up rises"),
        ([decay("linear", 1e-3)], 1e-4, "a decay falls"),
        ([constant(1e-3, 100), decay("linear", 0.0)], 0.0, "phase 2 .decay. ends at token 100"),
    ],
)
def test_schedule_that_does_not_fit_says_why(phases: Any, found: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rates(phases, 0, 100, found)


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ([decay("exponential", 0.0)], "never reaches 0"),
        ([constant(1e-3), constant(1e-4)], "phase 1 .constant. needs tokens"),
        ([], "at least 1 item"),
        ([{"phase": "plateau"}], "plateau"),
        ([decay("steep", 0.0)], "steep"),
        ([constant(-1.0)], "greater than or equal to 0"),
        ([constant(1e-3, "ten")], "no count of tokens"),
        ([constant(1e-3, "0.5")], "not a whole number"),
    ],
)
def test_schedule_refuses_a_mistake(phases: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Schedule.model_validate(phases)


def test_schedule_says_its_first_and_last_learning_rate() -> None:
    inheriting = Schedule.model_validate([constant(None)])
    assert (inheriting.first_learning_rate, inheriting.last_learning_rate) == (None, None)
    falling = Schedule.model_validate([constant(2e-4, 5), decay("linear", 1e-5, 5), constant(None)])
    assert (falling.first_learning_rate, falling.last_learning_rate) == (2e-4, 1e-5)


def test_resized_keeps_the_proportions_and_fills_the_stage() -> None:
    schedule = Schedule.model_validate(
        [warmup(1e-3, 33), constant(None, 33), decay("linear", 0, 34)]
    )
    segments = schedule.resized(0.1, steps_of(((1, 0),), 10)).segments(10, 0.0)
    assert [(part.begin, part.stop) for part in segments] == [(0, 3), (3, 7), (7, 10)]


def test_resized_leaves_each_phase_a_step() -> None:
    schedule = Schedule.model_validate(
        [warmup(1e-3, 1), constant(None, 998), decay("linear", 0, 1)]
    )
    segments = schedule.resized(0.004, steps_of(((2, 0),), 6)).segments(6, 0.0)
    assert [(part.begin, part.stop) for part in segments] == [(0, 2), (2, 4), (4, 6)]


def test_a_phase_that_stays_at_rate_zero_is_refused() -> None:
    finished = Schedule.model_validate([constant(None)])
    with pytest.raises(ValueError, match=r"phase 1 \(constant\) stays at rate 0"):
        finished.segments(10, 0.0)
    beyond = Schedule.model_validate([decay("linear", 0, 5), constant(None)])
    with pytest.raises(ValueError, match=r"phase 2 \(constant\) stays at rate 0"):
        beyond.segments(10, 1e-3)


def test_decay_takes_a_shape_by_name_or_written_out() -> None:
    for shape in ("cosine", {"method": "cosine"}):
        (phase,) = Schedule.model_validate([decay(shape, 0.0)])
        assert isinstance(phase, Decay)
        assert phase.shape == Cosine()
    with pytest.raises(ValidationError, match="steps"):
        Schedule.model_validate([decay({"method": "cosine", "steps": 3}, 0.0)])
