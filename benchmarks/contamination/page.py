"""The tables of docs/decontamination.md and README.md, and their plot, from a run's results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PLOT = ROOT / "docs" / "images" / "decontamination.svg"
BEGIN, END = "<!-- by kind: begin -->", "<!-- by kind: end -->"
IN_README = ("edited", "qwen_math", "decon (tool), defaults", "decon (tool), best")

Result = dict[str, Any]

GOALS = {
    0.97: (
        "verbatim", "re-wrapped, re-cased", "own paragraph", "amid 400 words", "amid 20 kB",
        "question only", "short, with choices", "short, question only",
    ),
    0.9: ("5% of words damaged", "15% of words damaged", "names changed", "numbers changed"),
    0.8: ("code renamed", "sentences reordered"),
}  # fmt: skip
"""The F1 that one preset is to reach, by kind."""


def write(results: Sequence[Result]) -> None:
    """Put the tables between their marks, and draw the plot."""
    _between(ROOT / "docs" / "decontamination.md", _table(results))
    some = [each for each in results if each["tool"] in IN_README]
    _between(ROOT / "README.md", _table(some, only_f1=True))
    plot(some)


def _between(path: Path, told: str) -> None:
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}", encoding="utf-8")


def _short(tool: str) -> str:
    if not tool.startswith("{"):
        return f"`{tool}`" if "(" not in tool else tool
    return f"`{tool[1:-1].replace(chr(34), '')}`".replace("method: ", "")


def goal(kind: str) -> str:
    """The goal of a kind as it is printed; nothing where there is none."""
    return next((f"{least}" for least, kinds in GOALS.items() if kind in kinds), "")


def _table(results: Sequence[Result], *, only_f1: bool = False) -> str:
    """A row a kind; of each tool recall and F1, or F1 alone."""
    head = ["kind", "planted", "goal (F1)", *(_short(each["tool"]) for each in results)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for place, row in enumerate(results[0]["kinds"]):
        cells = [row["kind"], str(row["planted"]), goal(row["kind"])]
        for each in results:
            mine = each["kinds"][place]
            cells.append(
                f"{mine['f1']:.2f}" if only_f1 else f"{mine['recall']:.3f} / {mine['f1']:.3f}"
            )
        lines.append(f"| {' | '.join(cells)} |")
    total = sum(each["documents"] for each in results[0]["negatives"])
    flagged = [str(sum(one["flagged"] for one in each["negatives"])) for each in results]
    lines.append(f"| **hard negatives flagged** | of {total:,} | | {' | '.join(flagged)} |")
    return "\n".join(lines)


def plot(results: Sequence[Result]) -> None:
    """F1 by kind as bars, a colour a tool, with the goals as marks."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "by kind"
    from matplotlib import pyplot as plt

    kinds = [row["kind"] for row in results[0]["kinds"]]
    figure, axes = plt.subplots(figsize=(9, 7))
    height = 0.8 / len(results)
    colours = ("#1b6ca8", "#8fbcdb", "#c9c9c9", "#777777")
    for number, each in enumerate(results):
        places = [place + number * height - 0.4 for place in range(len(kinds))]
        values = [row["f1"] for row in each["kinds"]]
        axes.barh(
            places, values, height, align="edge", label=each["tool"], color=colours[number % 4]
        )
    for place, kind in enumerate(kinds):
        if goal(kind):
            axes.plot(
                [float(goal(kind))] * 2, [place - 0.45, place + 0.45], color="#b5322b", lw=1.2
            )
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xlim(0, 1)
    axes.set_xlabel("F1 (the red marks are the goals)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(len(kinds) - 0.5, -0.6)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=4, frameon=False, fontsize=8)
    figure.tight_layout()
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})
    plt.close(figure)
