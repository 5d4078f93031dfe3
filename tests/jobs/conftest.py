"""An address of alerts that a test can look at."""

from collections.abc import Iterator

import pytest

from jobs.alerts import ADDRESS
from tests.hook import Hook


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """A server that alerts are posted to."""
    found = Hook()
    monkeypatch.setenv(ADDRESS, found.address)
    yield found
    found.close()
