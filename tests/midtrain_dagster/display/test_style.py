from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.display import style


def drawn() -> "tuple[object, object]":
    with style.house_style():
        made, axes = style.figure(2.0)
        axes.plot([0, 1, 2], [1.0, 0.5, 0.4])
        axes.fill_between([0, 2], [0, 0], [1, 1], alpha=0.2)
        axes.set_title("Loss <of> $\\frac & all")
        style.label_lines(axes, [("annealed", 0.4, style.BLUE), ("base", 0.41, style.GREY)])
    return made, axes


def test_an_svg_has_the_same_bytes_each_time_and_no_date() -> None:
    first, second = (style.figure_svg(drawn()[0]) for _ in range(2))
    assert first == second == style.figure_svg(drawn()[0])
    assert first.startswith("<svg")
    assert "<metadata" not in first
    assert "<dc:date" not in first


def test_text_stays_text_and_is_no_formula() -> None:
    svg = style.figure_svg(drawn()[0])
    assert "Loss &lt;of&gt; $\\frac &amp; all" in svg
    assert style.FONTS.split(",")[0] in svg
    assert "DejaVu" not in svg


def test_a_png_has_the_same_bytes_each_time() -> None:
    first = style.figure_png(drawn()[0])
    assert first == style.figure_png(drawn()[0])
    assert first.startswith(b"\x89PNG")
    assert b"matplotlib" not in first


def test_settings_do_not_leak() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn()
    assert dict(mpl.rcParams) == before


def test_checkpoint_colours_tell_base_control_and_stages_apart() -> None:
    names = ["base", "annealed", "annealed/control", "annealed/seed_2", "extended"]
    colours = style.checkpoint_colours(names)
    assert colours["base"] == style.GREY
    assert colours["annealed/control"] == style.AMBER
    assert colours["annealed/seed_2"] == colours["annealed"]
    assert len(set(colours.values())) == 4


def test_category_colours_go_by_place() -> None:
    assert style.category_colours("abc") == dict(zip("abc", style.PALETTE, strict=False))


@pytest.mark.parametrize("colour", [style.INK, style.MUTED, *style.PALETTE[:4]])
def test_text_and_lines_stand_out_from_paper(colour: str) -> None:
    """At least 3:1, which WCAG asks of graphics."""

    def channel(value: int) -> float:
        scaled = value / 255
        return scaled / 12.92 if scaled <= 0.04045 else ((scaled + 0.055) / 1.055) ** 2.4

    red, green, blue = (channel(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert 1.05 / (luminance + 0.05) >= 3


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.01, 0.12))
def test_spread_keeps_order_and_distance(places: list[float], gap: float) -> None:
    moved = style.spread(sorted(places), gap)
    assert len(moved) == len(places)
    assert all(after - before >= gap - 1e-9 for before, after in pairwise(moved))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in moved)


def test_spread_leaves_alone_what_is_apart_and_centres_what_is_not() -> None:
    assert style.spread([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    assert style.spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert style.spread([], 0.1) == []
