"""Reports how far a long piece of work has come to the process's listener.

A process has one listener at most: the terminal of ``midtrain run``. The methods report what they
know (done of total, of what, and a note of how it goes); the listener decides what to show.
"""

from collections.abc import Callable

Listener = Callable[[str, int, int, str, str], None]
"""Called with the asset's name, how many are done, of how many, what is counted, and a note."""

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Make this the process's listener."""
    _listeners[:] = [listener]


def report(asset: str, done: int, total: int, unit: str, note: str = "") -> None:
    """Report to the listener, if there is one, that so many of so many are done."""
    for listener in _listeners:
        listener(asset, done, total, unit, note)
