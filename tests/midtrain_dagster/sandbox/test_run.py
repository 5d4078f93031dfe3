import os
from pathlib import Path
from subprocess import run as run_process
from typing import Any

import pytest

from midtrain_dagster.sandbox import run as module
from midtrain_dagster.sandbox.availability import unavailable
from midtrain_dagster.sandbox.bubblewrap import USERS, command
from midtrain_dagster.sandbox.language import Language
from midtrain_dagster.sandbox.limits import LIMITS, MEGABYTE, Limits
from midtrain_dagster.sandbox.run import MISSING, Program, SandboxError, run, run_all
from midtrain_dagster.sandbox.system_calls import MACHINES, call_filter


def test_programs_can_be_run_here() -> None:
    assert unavailable() is None


def test_a_program_reads_its_input_and_what_it_prints_is_kept() -> None:
    program = "import sys\nprint(input()[::-1])\nprint(sys.stdin.read(), file=sys.stderr)\nexit(3)"
    outcome = run(program, input="tésemas\nrest\ud800")
    assert (outcome.ended, outcome.exit_code, outcome.signal) == ("exited", 3, None)
    assert (outcome.stdout, outcome.stderr) == ("samesét\n", "rest?\n")
    assert not outcome.succeeded
    assert 0 < outcome.seconds < LIMITS.seconds


def test_an_end_by_a_signal_is_told_as_one() -> None:
    outcome = run("import os, signal\nprint('so far', flush=True)\nos.kill(os.getpid(), 11)")
    assert (outcome.ended, outcome.exit_code, outcome.signal) == ("signalled", None, 11)
    assert outcome.stdout == "so far\n"


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert run("import sys; sys.stdout.buffer.write(b'a\\xffb')").stdout == "a\ufffdb"


def test_the_standard_library_is_there_and_packages_are_not() -> None:
    outcome = run("import json, decimal, sqlite3, threading\nimport numpy")
    assert outcome.stderr.endswith("ModuleNotFoundError: No module named 'numpy'\n")


def test_many_programs_run_at_once_and_come_back_in_order() -> None:
    programs = [Program("print(int(input()) ** 2)", input=str(number)) for number in range(12)]
    outcomes = list(run_all(programs, workers=4))
    assert [int(outcome.stdout) for outcome in outcomes] == [n * n for n in range(12)]


def test_no_bubblewrap_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxError) as raised:
        run("print(1)")
    assert str(raised.value) == MISSING
    unavailable.cache_clear()
    assert unavailable() == MISSING
    unavailable.cache_clear()


def test_a_sandbox_that_cannot_be_made_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bwrap"
    words = "bwrap: No permissions to create new namespace"
    refusing.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match=f"no program can be run: {words}"):
        run("print(1)")


@pytest.mark.parametrize(
    ("limits", "ended"),
    [(Limits(seconds=0.2), "wall_time"), (Limits(seconds=60, memory_bytes=MEGABYTE), "memory")],
)
def test_a_compiler_is_stopped_at_limits_of_its_own(
    limits: Limits, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Language("main", ("/bin/echo", "42"), example="", compiler=("/bin/sleep", "30"))
    monkeypatch.setattr(module, "LANGUAGES", {"slow": slow})
    monkeypatch.setattr(module, "COMPILING", limits)
    outcome = run("", language="slow", limits=Limits(seconds=60))
    assert (outcome.ended, outcome.compiled, outcome.stdout) == (ended, False, "")


def test_the_clock_of_a_program_starts_where_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Language("main", ("/bin/sleep", "30"), example="", compiler=("/bin/sleep", "1"))
    monkeypatch.setattr(module, "LANGUAGES", {"late": late})
    outcome = run("", language="late", limits=Limits(seconds=0.5))
    assert (outcome.ended, outcome.compiled) == ("wall_time", True)
    quick = late._replace(command=("/bin/echo", "42"), compiler=("/bin/sleep", "1"))
    monkeypatch.setattr(module, "LANGUAGES", {"late": quick})
    outcome = run("", language="late", limits=Limits(seconds=0.9))
    assert outcome.stdout == "42\n"


SHELL = Language("main.sh", ("/bin/sh", "main.sh"), example="")
PROGRAM = """
id -u
touch /usr/x
ls -A /root /home
unshare --user true || echo refused
(sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait) || true
echo end
"""


def test_an_ordinary_user_is_shut_in_too(tmp_path: Path) -> None:
    """As what a user would start, who has no rights to do what root does."""

    def opened(name: str, content: bytes) -> int:
        place = tmp_path / name
        place.write_bytes(content)
        return os.open(place, os.O_RDONLY)

    files: dict[str, Any] = {
        "program": opened("program", PROGRAM.encode()),
        "calls": opened("calls", call_filter()),
        "status": os.open(tmp_path / "status", os.O_CREAT | os.O_WRONLY),
    }
    words = command(SHELL, Limits(processes=4), **files, root=False)
    if os.geteuid() == 0:
        user = str(USERS[0])
        words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *words]
    try:
        ended = run_process(
            words,
            check=False,
            pass_fds=tuple(files.values()),
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        for descriptor in files.values():
            os.close(descriptor)
    assert ended.stdout.splitlines()[:2] == ["1000", "refused"], ended.stderr
    assert "cannot touch '/usr/x': Read-only file system" in ended.stderr
    assert "Cannot fork" in ended.stderr


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_the_filter_is_whole_instructions_with_jumps_inside_it(machine: str) -> None:
    program = call_filter(machine)
    steps = [program[at : at + 8] for at in range(0, len(program), 8)]
    assert len(program) % 8 == 0 and len(steps) < 256
    for at, step in enumerate(steps):
        if step[0] & 0x07 == 0x05:
            assert at + 1 + max(step[2], step[3]) < len(steps)
    assert steps[-1][0] == 0x06
    with pytest.raises(KeyError):
        call_filter("vax")
