"""How every figure looks, defined once: colours, type, axes, and deterministic bytes.

Colours are Okabe and Ito's (*Color Universal Design*, 2008), darkened where they would be too pale
for lines on white; grey is kept for what one compares with. Figures are made without pyplot, so
there is no global state and nothing to close. Text in an SVG stays text: it is laid out with
DejaVu Sans, which comes with matplotlib and so is the same everywhere, and shown in the reader's
own sans serif, which is narrower.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO, StringIO
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.words import (
    before_tuning,
    is_control,
    is_fine_tuned,
    is_main,
    stage_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1d2733"
MUTED = "#66717f"
RULE = "#d9dee4"
BAND = "#f3f5f8"
PAPER = "#ffffff"
GOOD = "#00755c"
BAD = "#b3401c"

BLUE, VERMILION, GREEN, AMBER = "#0069a8", "#c8500a", "#00856a", "#b87f00"
PURPLE, SKY, OLIVE, GREY = "#a8598c", "#4ea3d6", "#8a8420", "#8b95a1"
BROWN, AZURE = "#753c08", "#3d8fc9"

PALETTE = (BLUE, AMBER, GREEN, PURPLE, SKY, VERMILION, OLIVE, GREY)
"""For categories without an order, most needed first."""

STAGES = ((BLUE, AMBER), (GREEN, BROWN), (PURPLE, AZURE), (VERMILION, OLIVE))
"""A stage's colour and its control's. Those of the first two stages, with the base's grey, differ
by 17 or more in CIE Lab also to eyes without red or green cones (Machado et al. 2009)."""

FONTS = (
    "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
)

WIDTH = 10.0
"""Inches of a figure that fills the page; 9 points of type are then about 12 pixels."""

PNG_WIDTH = 960
"""Dots of a picture in Dagster's UI."""

_RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "svg.hashsalt": "midtrain",
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Figures made and saved inside look as above."""
    import matplotlib as mpl

    with mpl.rc_context(_RC):  # type: ignore[arg-type]
        yield


def figure(height: float, rows: int = 1, columns: int = 1, **grid: Any) -> "tuple[Figure, Any]":
    """A page-wide figure of ``height`` inches with a grid of axes (as ``Figure.subplots``)."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(WIDTH, height), layout="constrained")
    return made, made.subplots(rows, columns, **grid)


def category_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, by its place among them."""
    return dict(zip(names, cycle(PALETTE), strict=False))


class Look(NamedTuple):
    """How a checkpoint is drawn: what it is shows by more than its colour."""

    colour: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str
    face: str
    """The colour inside the marker, which is the paper's for a control."""


def checkpoint_looks(checkpoints: Sequence[str]) -> dict[str, Look]:
    """The look of each checkpoint of a run, by name.

    The first, which is the base, is grey. A stage (or soup) is a solid line with discs, its control
    a dashed line with hollow diamonds in a colour of its own, another seed of it a dotted line with
    triangles in the stage's colour. What fine-tuning made of any has its colour and face, a line of
    dashes and dots, and squares. A look goes by the place among ``checkpoints``; with all those
    of a recipe it is the same in every figure.
    """
    base, *stages = dict.fromkeys(map(stage_of, checkpoints))
    pairs = {base: (GREY, INK)} | dict(zip(stages, cycle(STAGES), strict=False))
    looks = {}
    for name in checkpoints:
        own, control = pairs[stage_of(name)]
        if is_fine_tuned(name):
            of_control = is_control(before_tuning(name))
            colour, face = (control, PAPER) if of_control else (own, own)
            looks[name] = Look(colour, (0, (4, 1.5, 1, 1.5)), "s", face)
        elif is_control(name):
            looks[name] = Look(control, (0, (4, 2)), "D", PAPER)
        elif is_main(name):
            looks[name] = Look(own, "solid", "o", own)
        else:
            looks[name] = Look(own, (0, (1, 1.5)), "^", own)
    return looks


def category_rows(axes: "Axes", names: Sequence[str]) -> None:
    """Set up axes for horizontal bars: a row for each name, from above, and counts below."""
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelcolor=INK, labelsize=9)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
    axes.axvline(0, color=RULE, lw=1.2)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def bar_label(axes: "Axes", x: float, row: int, text: str) -> None:
    """Write beside the end of a row's bar."""
    axes.annotate(
        text, (x, row), xytext=(5, 0), textcoords="offset points", va="center", color=MUTED
    )


def label_lines(axes: "Axes", labels: Sequence[tuple[str, float, str]], gap: float = 0.07) -> None:
    """Write names beside the right end of lines, pushed apart where they would overlap.

    ``labels`` are (text, the line's last y in data units, colour); ``gap`` is the least distance
    as a share of the axes' height, or less where so many would not fit.
    """
    gap = min(gap, 1 / max(1, len(labels) - 1))
    transform = axes.transData + axes.transAxes.inverted()
    x = axes.get_xlim()[1]
    ends = sorted(
        (float(transform.transform((x, y))[1]), text, colour) for text, y, colour in labels
    )
    places = spread([y for y, _, _ in ends], gap)
    for place, (_, text, colour) in zip(places, ends, strict=True):
        axes.annotate(
            text,
            (1.0, place),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Ascending places moved as little as needed to lie ``gap`` apart and, if they can, in [0, 1].

    Places that would overlap become one block, centred on its members' mean or as near to it as
    the ends allow (pool adjacent violators).
    """

    def centre(total: float, size: int) -> float:
        half = (size - 1) / 2 * gap
        return max(min(total / size, 1 - half), half)

    blocks: list[tuple[float, int]] = []
    for place in places:
        total, size = place, 1
        while (
            blocks and centre(total, size) - centre(*blocks[-1]) < gap * (size + blocks[-1][1]) / 2
        ):
            below, members = blocks.pop()
            total, size = total + below, size + members
        blocks.append((total, size))
    return [
        centre(total, size) + (member - (size - 1) / 2) * gap
        for total, size in blocks
        for member in range(size)
    ]


def figure_svg(made: "Figure") -> str:
    """The figure as an ``<svg>`` element: the same figure gives the same bytes."""
    buffer = StringIO()
    with house_style():
        made.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans'", FONTS)
    return re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL).rstrip() + "\n"


def figure_png(made: "Figure") -> bytes:
    """The figure as a PNG for Dagster's UI, without a date or a version in it.

    Its dialogue is no wider than four fifths of the window and shows a picture dot by dot, so one
    of 960 dots is whole in a window of 1,250 or more; larger ones are cut.
    """
    buffer = BytesIO()
    with house_style():
        made.savefig(buffer, format="png", dpi=PNG_WIDTH / WIDTH, metadata={"Software": None})
    return buffer.getvalue()
