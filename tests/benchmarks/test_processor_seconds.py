"""The processor seconds of a command hold those of what it has started."""

import subprocess
import sys

from benchmarks.processor_seconds import processor_seconds

WORK = "import time\nwhile time.process_time() < 0.6: pass"
PARENT = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {WORK!r}]).wait()
"""


def test_seconds_are_those_of_all_processes_and_none_of_waiting() -> None:
    waits = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"])
    works = subprocess.Popen([sys.executable, "-S", "-c", PARENT])
    assert processor_seconds(works) > processor_seconds(waits)
    assert works.returncode == waits.returncode == 0
