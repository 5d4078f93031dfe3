"""The console of the command, on which what others wrote does nothing but stand there.

Documents, completions and names of files hold what their writers liked, escape sequences too, which
would set a terminal's title, move its cursor, or type into it. Rich lets them through.
"""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

SHOWN = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}"),
}
"""What stands for each control character: the pictures of Unicode, where it has one."""


class PlainConsole(Console):
    """Shows control characters in a text; its own, for colours and bars, are no text."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments that are shown of what is printed."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(segment.text.translate(SHOWN), segment.style)
