"""The tables of benchmarks in ``docs/benchmarks.md``: written from the presets themselves.

``python -m midtrain_dagster.evaluation.registry_page`` writes them anew between two marks of the
page, and leaves the rest; a test keeps them equal to the presets.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from midtrain_dagster.evaluation.presets.preset import Preset, Suite
from midtrain_dagster.evaluation.registry import PRESETS

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- presets: begin -->\n", "<!-- presets: end -->\n"

TITLES: dict[Suite, str] = {
    "survey": "The survey's Table 2",
    "olmes": "OLMES' core set, beside those above",
    "other": "Others",
}

HEAD = (
    "| preset | | ability | data | asked | metric | licence | harness task |\n"
    "|---|---|---|---|---|---|---|---|"
)


def tables() -> str:
    """What stands between the marks, in Markdown."""
    lines = [""]
    for suite, title in TITLES.items():
        chosen = {name: each for name, each in PRESETS.items() if each.suite == suite}
        lines += [f"## {title}", "", HEAD, *(_row(*each) for each in chosen.items()), ""]
    lines += ["## What is not done here", "", *_lacks(), ""]
    lines += ["## The fields of each", "", *_fields()]
    return "\n".join(lines).rstrip() + "\n\n"


def page(written: str) -> str:
    """The page with its tables as they should be. Raises ValueError where a mark is missing."""
    before, begin, rest = written.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks the marks {BEGIN.strip()} and {END.strip()}")
    return f"{before}{begin}{tables()}{end}{after}"


def _row(name: str, preset: Preset) -> str:
    said = f"{preset.title} ({preset.citation})"
    harness = f"`{preset.harness}`" if preset.harness else ""
    cells = (
        f"`{name}`",
        said,
        preset.ability,
        preset.where,
        preset.asked,
        preset.metric,
        preset.licence,
        harness,
    )
    return f"| {' | '.join(cells)} |"


def _lacks() -> Iterator[str]:
    for name, preset in PRESETS.items():
        if preset.refused:
            yield f"- `{name}` is refused: {preset.refused}."
        elif preset.missing:
            yield f"- `{name}`: {preset.missing}."


def _fields() -> Iterator[str]:
    for name, preset in PRESETS.items():
        if preset.fields:
            yield f"- `{name}`: `{json.dumps(preset.fields, ensure_ascii=False)}`"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
