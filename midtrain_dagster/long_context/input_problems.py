"""What long contexts ask that cannot be had, and stages that only a loss would judge."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.problems import Location
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
    """Stages that lengthen windows, of which nothing but a loss will say whether they did: one
    doubt, however many they are.

    ``windows`` has of each stage the window of its start, and its own.
    """
    grown = {
        name: (before, window)
        for name, (before, window) in windows.items()
        if window > before and ((asked := gates.get(name)) is None or asked.needles is None)
    }
    if not grown:
        return
    grows = {
        name: f"from {before:,} to {window:,} tokens" for name, (before, window) in grown.items()
    }
    if len(grown) == 1:
        ((name, told),) = grows.items()
        place: Location = ("stages", name)
    else:
        place = ("stages",)
        each = ", ".join(f"{name} {grow}" for name, grow in grows.items())
        told = f"in {len(grown)} stages ({each})"
    yield doubt(
        place,
        f"windows grow {told}, and only losses would say whether that went well, which fall on "
        "long data while tasks get worse: ask for needles (`checks: {needles: {}}`, and their "
        "tasks in `long_context`)",
    )
