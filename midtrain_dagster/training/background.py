"""Checkpoints are written in the background, so that training waits for a copy and not for a disk.

The copy is of weights and moments in memory; a thread writes it, one checkpoint at a time. Where
memory has no room for a copy, training waits, as it does for the last checkpoint, which has nothing
to run beside. What fails in the thread fails the training: at the next step, not in silence.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from midtrain_dagster.training.metrics.memory import available_memory
from midtrain_dagster.training.metrics.memory_estimate import FP32

if TYPE_CHECKING:
    from torch.nn import Module

Write = Callable[[], None]
"""Writes a checkpoint."""

ROOM = 2.0
"""So many times the copy must be free, before one is made."""


class Background(AbstractContextManager["Background"]):
    """Writes checkpoints one after the other; leaving it waits for the last."""

    def __init__(self, written: Callable[[Path], None]) -> None:
        """``written`` is called, in the thread that wrote, with each folder that is whole."""
        self.written = written
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None

    def is_free(self) -> bool:
        """Whether nothing is being written. Raises what the last write raised."""
        if self._writing is None or not self._writing.done():
            return self._writing is None
        self.wait()
        return True

    def wait(self) -> None:
        """Until nothing is being written. Raises what the write raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def start(self, folder: Path, write: Write) -> None:
        """Begin to write, once nothing else is being written; raises what that raised."""
        self.wait()

        def work() -> None:
            write()
            self.written(folder)

        self._writing = self._thread.submit(work)

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown(wait=True)


def has_room_for_a_copy(model: "Module") -> bool:
    """Whether memory has room for a copy of whole weights and moments beside all that is there."""
    # A sharded parameter counts as what it is whole.
    copy = 3 * FP32 * sum(parameter.numel() for parameter in model.parameters())
    return available_memory("cpu") > ROOM * copy
