"""The picture of a running stage: what it has so far, and what it lacks."""

import polars as pl
import pytest

from midtrain_dagster.display.style import VERMILION, figure_png
from midtrain_dagster.training.live_plot import live_training
from midtrain_dagster.training.metrics.log import RECORDS


def records(steps: int) -> pl.DataFrame:
    rows = [
        {
            "step": step,
            "tokens": 1000 * (step + 1),
            "loss": None if step == 3 else 5 - 0.1 * step,
            "gradient_norm": None if step == 3 else 1.0 + step % 2,
            "skipped": "not finite" if step == 3 else "spike" if step == 5 else None,
            "tokens_per_second": 4000.0,
            "mfu": 0.375,
        }
        for step in range(steps)
    ]
    return pl.DataFrame(rows, schema=RECORDS)


def test_it_shows_what_there_is_and_how_far_it_is() -> None:
    made = live_training("annealed", records(20), total_tokens=50_000)
    loss, norm, speed = made.axes
    assert loss.get_title(loc="left") == (
        "annealed: step 20, 20,000 tokens with padding, 2 skipped (red). Training loss, nats "
        "per token"
    )
    pale, smoothed, marks = loss.lines
    assert 4000 not in pale.get_xdata()
    assert len(pale.get_xdata()) == len(smoothed.get_xdata()) == 19
    assert list(marks.get_xdata()) == [4000, 6000]
    assert marks.get_color() == VERMILION
    assert speed.get_xlim() == (0, 50_000)
    assert speed.get_title(loc="left") == "Tokens per second, 38% of the device's peak"
    assert norm.get_yscale() == "log"
    assert figure_png(made).startswith(b"\x89PNG")


def test_one_step_and_a_device_without_a_known_peak_will_do() -> None:
    first = records(1).with_columns(mfu=pl.lit(None, pl.Float64))
    made = live_training("base", first, total_tokens=50_000)
    assert made.axes[2].get_title(loc="left") == "Tokens per second"
    assert figure_png(made) == figure_png(live_training("base", first, total_tokens=50_000))


def test_a_stage_that_only_skipped_is_drawn() -> None:
    made = live_training("base", records(4)[3:], total_tokens=50_000)
    assert figure_png(made).startswith(b"\x89PNG")


def test_without_a_step_there_is_no_picture() -> None:
    with pytest.raises(ValueError, match="base: no step has been recorded yet"):
        live_training("base", records(0), total_tokens=1)
