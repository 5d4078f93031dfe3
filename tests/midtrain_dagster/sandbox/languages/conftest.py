"""What becomes of programs of a language, many at once."""

from collections.abc import Callable, Sequence

import pytest

from midtrain_dagster.sandbox.limits import MEGABYTE, Limits
from midtrain_dagster.sandbox.run import Outcome, Program, run_all

SMALL = Limits(
    seconds=60,
    cpu_seconds=1,
    memory_bytes=200 * MEGABYTE,
    output_bytes=20_000,
    disk_bytes=32 * MEGABYTE,
)

Ends = Callable[[str, Sequence[str]], list[Outcome]]


@pytest.fixture
def ends() -> Ends:
    """The outcomes of programs of one language, in small limits."""
    return lambda language, texts: list(
        run_all([Program(text, language) for text in texts], limits=SMALL)
    )
