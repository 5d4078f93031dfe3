"""The seconds that work takes, on one core or shared by several processes.

Standard library only: the peers' programs use it too, in an environment of their own, so that both
sides are timed alike. Each process has imported everything and worked once before the clock starts.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def timed(
    work: Callable[[Job], Result], jobs: Sequence[Job], warm_up: Job, workers: int
) -> tuple[float, list[Result]]:
    """Wall-clock seconds for all jobs, and their results; one worker is kept on one core."""
    # An executor's processes may have processes of their own, which a pool's may not.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), _begin, (work, warm_up, workers == 1)
    ) as pool:
        list(pool.map(_ready, range(workers)))
        start = time.perf_counter()
        results = list(pool.map(work, jobs))
        return time.perf_counter() - start, results


def _begin(work: Callable[[Job], Result], warm_up: Job, alone: bool) -> None:
    if alone and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    work(warm_up)


def _ready(_: int) -> None:
    time.sleep(0.5)  # so that each worker takes one of these and is ready before the clock starts
