"""Signals, sent to a real process: the first is raised where the work is, the second ends it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import signal, sys, time
from midtrain_dagster.core import interruption

try:
    with interruption.noted():
        if sys.argv[1] == "elsewhere":  # as Dagster and Ray do
            def handler(*_): raise ValueError("of another's handler")
            signal.signal(signal.SIGINT, handler)
        if sys.argv[1] == "callback":  # where nobody can catch it
            import weakref
            class Thing: pass
            thing = Thing()
            held = weakref.ref(thing, lambda _: signal.default_int_handler(signal.SIGINT, None))
            print("works", flush=True)
            del thing
        try:
            if sys.argv[1] != "callback":
                print("works", flush=True)
            for _ in range(600):
                time.sleep(0.1)
        except KeyboardInterrupt:
            if sys.argv[1] == "stuck":
                while True:
                    try:
                        print("stuck", flush=True)
                        time.sleep(60)
                    except KeyboardInterrupt:
                        pass
            raise
except (KeyboardInterrupt, ValueError):
    print("left", interruption.exit_code(), interruption.came())
"""


def started(how: str) -> "subprocess.Popen[str]":
    """A process that works, until it is stopped."""
    command = [sys.executable, "-c", PROGRAM, how]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, **streams)  # type: ignore[call-overload]
    assert process.stdout.readline() == "works\n"
    return process  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("how", "number", "code"),
    [
        ("here", signal.SIGINT, 130),
        ("here", signal.SIGTERM, 143),
        ("elsewhere", signal.SIGINT, 130),
    ],
)
def test_first_signal_is_raised_and_noted(how: str, number: signal.Signals, code: int) -> None:
    process = started(how)
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert output == f"left {code} True\n"
    assert errors.strip() == "stopping; once more ends it at once"


def test_second_signal_ends_what_is_stuck() -> None:
    process = started("stuck")
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert process.stdout.readline() == "stuck\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_interruption_that_left_executed_text_is_no_death_by_a_signal(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        """
import signal, sys
from midtrain_dagster.core import interruption

try:
    with interruption.noted():
        exec("import os, signal; os.kill(os.getpid(), signal.SIGINT); list(range(100_000))")
except KeyboardInterrupt:
    sys.exit(interruption.exit_code())
"""
    )
    program = [sys.executable, "-m", "program"]
    assert subprocess.run(program, cwd=tmp_path, check=False).returncode == 130


def test_nothing_is_changed_where_nothing_came() -> None:
    program = """
import signal
from midtrain_dagster.core import interruption
before = [signal.getsignal(each) for each in interruption.STOPPING]
with interruption.noted():
    pass
assert [signal.getsignal(each) for each in interruption.STOPPING] == before
assert signal.set_wakeup_fd(-1) == -1
print(interruption.came())
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert finished.stdout == b"False\n"


def test_what_is_raised_where_nobody_can_catch_it_is_raised_again() -> None:
    """As in a weak reference's callback, whose exceptions Python prints and drops."""
    process = started("callback")
    output, errors = process.communicate(timeout=30)
    assert output == "left 130 False\n"  # no signal came, but what it raises
    assert errors == ""
