"""In which order files of tests run, and which of two processes (pytest-xdist) runs them.

Each process takes the next file when it is free. The longest come first, and no process waits for
what the other makes, or makes it a second time.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

BEGINS = ("test_kill.py", "test_midtrain.py")
"""Files with much to do once the whole run is there. The first of these that runs makes it."""

TOGETHER = {"test_parallel.py": "pair", "test_dcp.py": "pair"}
"""Files that look at one thing which two processes would make twice, by its fixture's name."""


class ByFile(LoadFileScheduling):
    """Hands out whole files, and those that belong together at once."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(Path(file).name, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files in order, when it is known which tests run."""
    files: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    names = {path.name for path in files}
    begins = next((name for name in BEGINS if name in names), None)
    order: dict[Path, int] = {}
    for path, tests in files.items():
        used = {name for item in tests for name in getattr(item, "fixturenames", ())}
        slow = any(item.get_closest_marker("slow") for item in tests)
        by_run, on_ray = "whole_run" in used, "on_ray" in used
        order[path] = 0 if path.name == begins else _order(slow=slow, by_run=by_run, on_ray=on_ray)
    items.sort(key=lambda item: order[item.path])


def _order(*, slow: bool, by_run: bool, on_ray: bool) -> int:
    """One file begins with the whole run. The others that look at it come when it is there."""
    if by_run:
        return 2 if slow else 4
    return 1 if slow else 3 if on_ray else 5
