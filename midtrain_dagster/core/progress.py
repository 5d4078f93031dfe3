"""How far a long piece of work has come, told to whoever listens.

A process has one listener at most: the terminal of ``midtrain run``. The methods tell what they
know (done of total, of what, and a note of how it goes); a bar, a line or nothing is the listener's
affair.
"""

from collections.abc import Callable

Listener = Callable[[str, int, int, str, str], None]
"""Called with the asset's name, how many are done, of how many, what is counted, and a note."""

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Make this the process's listener."""
    _listeners[:] = [listener]


def tell(asset: str, done: int, total: int, unit: str, note: str = "") -> None:
    """Tell the listener, if there is one, that so many of so many are done, and how it goes."""
    for listener in _listeners:
        listener(asset, done, total, unit, note)
