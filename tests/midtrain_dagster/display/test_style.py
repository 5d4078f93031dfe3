from io import BytesIO
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

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


def test_names_of_many_lines_stay_beside_the_axes() -> None:
    """Names beyond them would leave a figure no room for its lines."""
    with style.house_style():
        _, axes = style.figure(6.0)
        style.label_lines(axes, [(f"checkpoint {n}", 0.5, style.BLUE) for n in range(40)])
    places = [text.xy[1] for text in axes.texts]
    assert len(set(places)) == 40
    assert min(places) >= -1e-9 and max(places) <= 1 + 1e-9


def test_a_png_has_the_same_bytes_each_time() -> None:
    first = style.figure_png(drawn()[0])
    assert first == style.figure_png(drawn()[0])
    assert first.startswith(b"\x89PNG")
    assert b"matplotlib" not in first
    with Image.open(BytesIO(first)) as picture:
        assert picture.width == style.PNG_WIDTH


def test_settings_do_not_leak() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn()
    assert dict(mpl.rcParams) == before


CHECKPOINTS = [
    *("base", "annealed", "annealed/control", "annealed/seed_2", "extended", "extended/control"),
]


def test_looks_tell_base_controls_and_stages_apart_by_more_than_colour() -> None:
    looks = style.checkpoint_looks(CHECKPOINTS)
    assert looks["base"].colour == style.GREY
    assert looks["annealed/seed_2"].colour == looks["annealed"].colour
    assert len({look.colour for look in looks.values()}) == 5
    for stage in ("annealed", "extended"):
        own, control = looks[stage], looks[f"{stage}/control"]
        assert own.line != control.line and own.marker != control.marker
        assert (own.face, control.face) == (own.colour, style.PAPER)
    looks = style.checkpoint_looks([*CHECKPOINTS, *(f"{name}/fine_tuned" for name in CHECKPOINTS)])
    assert len(set(looks.values())) == len(looks) - 1, "but two seeds of a stage, after it"
    for name in CHECKPOINTS:
        tuned = looks[f"{name}/fine_tuned"]
        assert (tuned.colour, tuned.face, tuned.marker) == (*looks[name][::3], "s")


# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as eyes without red or green cones
# see it.
SEEN = (
    np.eye(3),
    np.array(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    ),
    np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    ),
)
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, seen: np.ndarray) -> np.ndarray:
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(XYZ @ np.clip(seen @ linear, 0, 1) / (0.9505, 1, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_colours_of_the_first_stages_differ_to_colour_blind_eyes_too() -> None:
    colours = {look.colour for look in style.checkpoint_looks(CHECKPOINTS).values()}
    for seen in SEEN:
        for one, other in combinations(sorted(colours), 2):
            assert np.linalg.norm(lab(one, seen) - lab(other, seen)) > 17, (one, other)


def test_a_look_goes_by_all_checkpoints_of_the_recipe() -> None:
    soup = [*CHECKPOINTS[:4], "soup", "extended"]
    assert (
        style.checkpoint_looks(soup)["extended"] != style.checkpoint_looks(CHECKPOINTS)["extended"]
    )
    assert (
        style.checkpoint_looks(soup)["annealed"] == style.checkpoint_looks(CHECKPOINTS)["annealed"]
    )


def test_category_colours_go_by_place() -> None:
    assert style.category_colours("abc") == dict(zip("abc", style.PALETTE, strict=False))


@pytest.mark.parametrize(
    "colour", [style.INK, style.MUTED, *style.PALETTE[:4], *sum(style.STAGES, ())]
)
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
