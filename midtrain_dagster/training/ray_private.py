"""The one seam to what Ray keeps private, with the reason for each use.

- Ray Train wraps what a worker raises, and shows the error itself in a private attribute alone: so
  that a stage fails with our error and its message, not with a traceback in a string.
- That a worker's process ended or no longer answers is a private class of error, and only then
  does a restart help: the public ``WorkerGroupError`` holds a defect of the stage as well.
- Steps reach the driver through Ray's key-value store. The public ways cost more: ``train.report``
  waits for every worker at each step, and a named actor or a queue is one more process (a second
  to start, 100 MB) for a few hundred bytes a second.
- Ray Train puts a handler of Ctrl-C of its own, which leaves the run neither stopped nor told to
  Dagster, and which it never takes back. So it gets none to put.

Each is read so that another version of Ray, in which it is called otherwise, fails at the import or
falls back to Ray's own error, and never trains otherwise. *Seen* on ray 2.60.0.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.train.torch import TorchTrainer


def cause_of(failure: BaseException) -> BaseException:
    """The error that a worker raised, of the failure that Ray Train tells of it."""
    cause = getattr(failure, "_base_exc", failure)
    return cause if isinstance(cause, BaseException) else failure


def is_lost(failures: Iterable[BaseException]) -> bool:
    """Whether a worker's process ended or no longer answers; its peers then fail in their way."""
    from ray.train.v2._internal.exceptions import (
        WorkerHealthCheckFailedError,
        WorkerHealthCheckTimeoutError,
    )

    lost = (WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError)
    return any(isinstance(failure, lost) for failure in failures)


def put(key: str, value: str) -> None:
    """Put a value where the driver finds it, over the one before."""
    from ray.experimental.internal_kv import _internal_kv_put

    _internal_kv_put(key, value)


def latest(key: str) -> bytes | None:
    """The latest value under a key, if there is one."""
    from ray.experimental.internal_kv import _internal_kv_get

    return _internal_kv_get(key)


def remove(key: str) -> None:
    """Remove what is under a key."""
    from ray.experimental.internal_kv import _internal_kv_del

    _internal_kv_del(key)


def leave_signals_alone(trainer: "TorchTrainer") -> None:
    """Have a trainer put no handler of Ctrl-C; another's raises in it as in any other code."""
    if not hasattr(trainer, "_register_sigint_handler"):
        raise AttributeError("this Ray Train handles Ctrl-C in another way than 2.60 does")
    trainer._register_sigint_handler = lambda controller: None
