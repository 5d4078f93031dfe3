"""How many requests an endpoint gets at a time: as many as it answers as fast as it can.

Additive increase, multiplicative decrease, as in TCP (Chiu and Jain 1989): each answer allows a
little more, each sign of overload a half. Signs are a refusal (429, 5xx, a broken connection) and
answers that take much longer than the fastest ones did. Within a round trip one sign counts once,
since all requests in flight tell of the same moment.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

SLOW = 4.0
"""Times the usual wait of the quickest time seen, from which waiting is a sign of a queue."""

SMOOTHING = 0.2
"""Weight of an answer in the usual wait."""


class StoppedError(Exception):
    """Somebody has stopped the requests that wait for their turn."""


class Pace:
    """Lets at most so many requests through at a time, and learns how many are right."""

    def __init__(self, most: int) -> None:
        """Begin with a quarter of ``most``."""
        self.most = most
        self.limit = max(1.0, most / 4)
        self._flying = 0
        self._not_before = 0.0
        self._cut_at = 0.0
        self._usual: float | None = None
        self._quickest: float | None = None
        self._stopped = False
        self._free = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and hold it. Raises :class:`StoppedError` once ``stop`` was called."""
        with self._free:
            while True:
                if self._stopped:
                    raise StoppedError
                pause = self._not_before - time.monotonic()
                if pause <= 0 and self._flying < int(self.limit):
                    break
                self._free.wait(pause if pause > 0 else None)
            self._flying += 1
        try:
            yield
        finally:
            with self._free:
                self._flying -= 1
                self._free.notify_all()

    def answered(self, seconds: float) -> None:
        """Learn from an answer and the time that it took."""
        with self._free:
            usual = self._usual
            self._usual = seconds if usual is None else usual + SMOOTHING * (seconds - usual)
            self._quickest = min(self._quickest or self._usual, self._usual)
            if self._usual > SLOW * self._quickest:
                # What is usual from here on is measured against itself, or it would sink for ever.
                self._halve(self._usual)
                self._quickest = self._usual
            else:
                self.limit = min(self.most, self.limit + 1 / self.limit)
            self._free.notify_all()

    def overloaded(self, pause: float = 0.0) -> None:
        """Learn from a refusal; nobody asks for ``pause`` seconds, as the endpoint wishes."""
        with self._free:
            self._halve(self._usual or 0.0)
            self._not_before = max(self._not_before, time.monotonic() + pause)
            self._free.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait, unless stopped. Raises :class:`StoppedError`."""
        with self._free:
            if self._free.wait_for(lambda: self._stopped, seconds):
                raise StoppedError

    def stop(self) -> None:
        """Let nobody through any more, and wake who waits."""
        with self._free:
            self._stopped = True
            self._free.notify_all()

    def _halve(self, apart: float) -> None:
        """Halve the limit, unless that was done within the time ``apart``."""
        now = time.monotonic()
        if now - self._cut_at >= apart:
            self.limit, self._cut_at = max(1.0, self.limit / 2), now


def asked_wait(headers: Mapping[str, str]) -> float:
    """The seconds that ``Retry-After`` asks for: a number, or a date; 0 where it says nothing."""
    said = headers.get("Retry-After", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return 0.0
