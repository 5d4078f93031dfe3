"""The check on a scan: whether most of a benchmark's items could be looked for at all."""

NAME = "items_can_be_found"

DESCRIPTION = "At least half of the benchmark's items are long and rare enough to be looked for"


def can_be_found(items: int, untestable: int) -> tuple[bool, str]:
    """Whether a scan that finds nothing says something, and the figures in a line.

    An item is untestable where no window of its text is left that other texts do not have
    (``searched``); of a benchmark of such items a clean scan is no evidence.
    """
    return 2 * untestable <= items, f"{untestable:,} of {items:,} items cannot be looked for"
