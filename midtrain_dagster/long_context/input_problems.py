"""What long contexts ask that cannot be had, and stages that only a loss would judge."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.long_context.settings import Gates, LongContext


def position_findings(
    settings: LongContext, positions: Mapping[str, int], *, learned_positions: bool
) -> Iterator[Finding]:
    """Lengths beyond what any checkpoint has, or beyond the end of a table of positions.

    ``positions`` are those of each checkpoint, as far as they are known.
    """
    if not positions:
        return
    most = max(positions, key=positions.__getitem__)
    least = min(positions, key=positions.__getitem__)
    for number, length in enumerate(settings.lengths):
        place = ("long_context", "lengths", number)
        if length > positions[most]:
            yield Finding(
                place,
                f"{length} is beyond the {positions[most]} positions of {most!r}, and no "
                f"checkpoint has more: lower it to {positions[most]}, or extend one (`rope`, "
                "sequence_length)",
            )
        elif learned_positions and length > positions[least]:
            yield Finding(
                place,
                f"{length} is beyond the {positions[least]} positions of {least!r}, whose "
                "positions are a table that ends there",
            )


def ungated(
    windows: Mapping[str, tuple[int, int]], gates: Mapping[str, Gates]
) -> Iterator[Finding]:
    """Stages that lengthen windows, of which nothing but a loss will say whether they did.

    ``windows`` has of each stage the window of its start, and its own.
    """
    for name, (before, window) in windows.items():
        asked = gates.get(name)
        if window > before and (asked is None or asked.needles is None):
            yield doubt(
                ("stages", name),
                f"windows grow from {before:,} to {window:,} tokens, and only losses would say "
                "whether that went well, which fall on long data while tasks get worse: ask for "
                "needles (`checks: {needles: {}}`, and their tasks in `long_context`)",
            )
