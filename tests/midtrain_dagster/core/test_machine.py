"""This machine, as it is told beside what was made on it."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from midtrain_dagster.core import machine as machines
from midtrain_dagster.core.machine import machine, usable_cores


def test_machine_is_this_one() -> None:
    found = machine()
    assert found.processor and 0 < found.cores <= (os.cpu_count() or 1)
    assert found.memory > 2**28
    assert found.python == platform.python_version()
    assert found.libraries["polars"] == version("polars")
    assert found.package == version("midtrain-dagster")


def test_cores_are_those_that_the_process_may_use() -> None:
    """Not the host's: a process that is bound to one core starts one thread, and a Ray of one."""
    bound = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from midtrain_dagster.core.machine import usable_cores; print(usable_cores())"
    )
    said = subprocess.run([sys.executable, "-c", bound], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "1"
    assert usable_cores() <= len(os.sched_getaffinity(0))


def test_gpus_are_those_that_the_driver_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bus in ("0000:19:00.0", "0000:1a:00.0"):
        (tmp_path / bus).mkdir()
        text = "Model: \t\t NVIDIA H200\nIRQ:   \t\t 16\nVideo BIOS: \t 96.00\n"
        (tmp_path / bus / "information").write_text(text)
    monkeypatch.setattr(machines, "GPUS", tmp_path)
    assert machine().gpus == ("NVIDIA H200", "NVIDIA H200")
    monkeypatch.setattr(machines, "GPUS", tmp_path / "none")
    assert machine().gpus == ()


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "LIBRARIES", ("no-such-library",))
    assert machine().libraries == {"no-such-library": "not installed"}
