"""How data that went away is told: the same in the terminal, in errors and in the report.

A loss is a source's: so much of so much, for these reasons, each with a few examples and with the
field of the recipe that stands behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from midtrain_dagster.display import numbers
from midtrain_dagster.display.words import excerpt

EXAMPLE_CHARACTERS = 160
"""Of an example's own words, so that a message of many sources can be read."""

REASONS = 5
"""Reasons that are named of a source that is over its ceiling."""


@dataclass(frozen=True)
class Reason:
    """A word to count by, how many it took (of a whole: a ``share``), a few of them, and what of
    the recipe has to do with it (``field``)."""

    name: str
    count: int
    examples: tuple[str, ...] = ()
    share: float | None = None
    field: str = ""
    estimated: bool = False

    @property
    def counted(self) -> str:
        """``invalid_json 3``, ``duplicate 40 (67%)``, or ``damaged_data about 3``."""
        share = "" if self.share is None else f" ({numbers.share(self.share)})"
        about = "about " if self.estimated else ""
        return f"{self.name} {about}{self.count:,}{share}"


@dataclass(frozen=True)
class Loss:
    """What went away of a source: ``words`` say how much of how much (``2 of 3 files``)."""

    source: str
    words: str
    share: float
    reasons: tuple[Reason, ...] = ()
    ceiling: float | None = None
    remedy: str = ""
    """What to do where that is too much."""


def headline(losses: Sequence[Loss], verb: str, at_most: int = 3) -> str:
    """``2 of 3 files of `notes`, 3 of 10 rows of `forum` rejected``; empty for no loss."""
    if not losses:
        return ""
    named = [f"{loss.words} of `{loss.source}`" for loss in losses[:at_most]]
    more = [f"and some of {len(losses) - at_most} more"] if len(losses) > at_most else []
    return f"{', '.join([*named, *more])} {verb}"


def lines(losses: Sequence[Loss]) -> list[str]:
    """A line for each reason of each source: where, why, how often, and examples."""
    told = []
    for loss in losses:
        for reason in loss.reasons:
            shown = "; ".join(excerpt(each, EXAMPLE_CHARACTERS) for each in reason.examples)
            told.append(f"{loss.source}: {reason.counted}{f': {shown}' if shown else ''}")
    return told


def over_ceilings(losses: Sequence[Loss], verb: str, kept: str) -> str:
    """All sources that lost more than they may, each with its reasons and what to do.

    Of reasons with examples or a field these are told too. ``kept`` says at the end why going on
    costs little.
    """
    count = f"{len(losses)} sources lose" if len(losses) > 1 else "a source loses"
    told = [f"{count} more than the recipe allows:"]
    for loss in losses:
        limit = "" if loss.ceiling is None else f", at most {numbers.share(loss.ceiling)}"
        named = [reason.counted for reason in loss.reasons[:REASONS]]
        more = len(loss.reasons) - REASONS
        why = ", ".join([*named, *([f"and {more} more reasons"] if more > 0 else [])])
        share = f"({numbers.share(loss.share)}{limit})"
        told.append(f"  {loss.source}: {loss.words} {verb} {share}{f' - {why}' if why else ''}")
        for reason in loss.reasons:
            if not reason.examples and not reason.field:
                continue
            told.append(f"    {reason.counted}{f' - see {reason.field}' if reason.field else ''}")
            told += [f"      {excerpt(each, EXAMPLE_CHARACTERS)}" for each in reason.examples]
        told.append(f"    {loss.remedy}")
    return "\n".join([*told, kept])


def allowance(share: float) -> str:
    """The least ceiling of two decimals that a share does not pass."""
    return f"{min(1.0, -(-share * 100 // 1) / 100):.2f}"
