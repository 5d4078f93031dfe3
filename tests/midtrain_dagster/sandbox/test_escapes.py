"""Programs that try to get out, or to take more than they may: each as a model might write it."""

import os
import socket
import threading
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path

import pytest

from midtrain_dagster.sandbox.limits import MEGABYTE, Limits
from midtrain_dagster.sandbox.run import run

QUICK = Limits(seconds=20, cpu_seconds=1)


def printed(program: str, **limits: float) -> str:
    """What a program prints that is to end well."""
    outcome = run(program, limits=Limits(seconds=60, **limits))
    assert outcome.succeeded, outcome
    return outcome.stdout


def attempt(action: str) -> str:
    """A program that prints how an action fails, or what it gives."""
    return f"""
import errno, os, socket
try:
    print("DONE", {action})
except OSError as error:
    print(errno.errorcode[error.errno])
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine's loopback where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_loopback_is_the_programs_own(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)):
        pass
    reached = attempt(f"socket.create_connection(('127.0.0.1', {port}), 5)")
    assert printed(reached) == "ECONNREFUSED\n"


def test_nothing_is_outside() -> None:
    reached = attempt("socket.create_connection(('192.0.2.1', 80), 5)")
    assert printed(reached) == "ENETUNREACH\n"
    interfaces = printed("print(open('/proc/net/dev').read())").splitlines()[2:]
    assert [line.partition(":")[0].strip() for line in interfaces if line] == ["lo"]


def test_abstract_sockets_of_this_machine_are_not_there() -> None:
    name = f"\0midtrain-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(name)
        reached = attempt(f"socket.socket(socket.AF_UNIX).connect({name!r})")
        assert printed(reached) == "ECONNREFUSED\n"


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_NETLINK", "AF_PACKET", "AF_ALG"])
def test_sockets_that_know_no_namespace_are_refused(family: str) -> None:
    assert printed(attempt(f"socket.socket(socket.{family}, socket.SOCK_RAW)")) == "EPERM\n"


def test_a_fork_bomb_ends_at_its_limit_of_time() -> None:
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    before = threading.active_count()
    outcome = run(bomb, limits=QUICK)
    assert outcome.ended == "cpu_time"
    assert threading.active_count() == before


def test_processes_and_threads_are_counted() -> None:
    many = """
import os, time
made = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except BlockingIOError:
    print(made)
"""
    assert 1 <= int(printed(many, processes=8)) <= 8


@pytest.mark.parametrize(
    "place", ["/x", "/usr/x", "/etc/x", "/dev/x", "/proc/sys/kernel/core_pattern", "/root/x"]
)
def test_nothing_can_be_written_outside_its_folder(place: str) -> None:
    said = printed(attempt(f"open({place!r}, 'w')"))
    assert said in ("EROFS\n", "EACCES\n", "ENOENT\n", "EPERM\n")
    assert place.startswith(("/proc", "/dev")) or not Path(place).exists()


def test_what_it_writes_is_gone_afterwards() -> None:
    write = "import os\nopen('/tmp/left', 'w').write('x'); print(os.listdir('/tmp'))"
    assert sorted(literal_eval(printed(write))) == ["left", "main.py"]
    assert not Path("/tmp/left").exists()
    assert printed("import os; print(os.listdir('/tmp'))") == "['main.py']\n"


def test_the_environment_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDTRAIN_SECRET_KEY", "sesame")
    read = """
import glob, os
print(sorted(os.environ))
for place in glob.glob("/proc/*/environ"):
    try:
        print(open(place).read())
    except OSError:
        pass
"""
    said = printed(read)
    expected = "['HOME', 'LANG', 'PATH', 'PWD', 'PYTHONHASHSEED', 'TMPDIR']"
    assert said.splitlines()[0] == expected
    assert "sesame" not in said


def test_other_processes_are_not_seen() -> None:
    listed = printed("import os; print(*[each for each in os.listdir('/proc') if each.isdigit()])")
    assert 2 <= len(listed.split()) <= 4
    name = printed("print(open('/proc/1/cmdline').read().split(chr(0))[0])").strip()
    assert name.endswith("bwrap")
    assert printed(attempt(f"os.kill({os.getpid()}, 0)")) == "ESRCH\n"


def test_homes_and_stores_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "token"
    secret.write_text("sesame")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("MIDTRAIN_ROOT", str(tmp_path))
    here = Path(__file__)
    for place in (secret, Path.home() / ".ssh", here, Path("/etc/passwd"), Path("/etc/shadow")):
        assert printed(attempt(f"open({str(place)!r})")) in ("ENOENT\n", "EACCES\n")


def test_links_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("sesame")
    linked = f"os.symlink({str(secret)!r}, 'link') or open('link').read()"
    assert printed(attempt(linked)) == "ENOENT\n"
    assert printed(attempt("os.symlink('/proc/1/root/etc/shadow', 'l') or open('l')")) in (
        "EACCES\n",
        "ENOENT\n",
    )


def test_output_without_end_is_cut() -> None:
    limits = Limits(seconds=60, output_bytes=1000)
    endless = "import sys\nwhile True:\n    print('x' * 99)\n    print('y' * 99, file=sys.stderr)"
    outcome = run(endless, limits=limits)
    assert (outcome.ended, outcome.exit_code) == ("output", None)
    assert len(outcome.stdout) + len(outcome.stderr) == 1000


def test_signals_that_are_ignored_do_not_help() -> None:
    deaf = """
import signal, time
for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
"""
    waiting = run(deaf + "time.sleep(60)", limits=Limits(seconds=1))
    assert (waiting.ended, waiting.seconds < 30) == ("wall_time", True)
    assert run(deaf + "while True: pass", limits=QUICK).ended == "cpu_time"


def test_a_memory_bomb_gets_no_more_than_its_limit() -> None:
    bomb = "try:\n    b'x' * (2**20 * 200)\nexcept MemoryError:\n    print('no more')"
    assert printed(bomb, memory_bytes=100 * MEGABYTE) == "no more\n"


def test_the_memory_of_many_is_counted_together() -> None:
    together = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = b"x" * (2**20 * 40)
        time.sleep(60)
time.sleep(60)
"""
    outcome = run(together, limits=Limits(seconds=60, memory_bytes=100 * MEGABYTE))
    assert outcome.ended == "memory"


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_a_full_disk_is_the_programs_own(folder: str) -> None:
    fill = f"""
import errno
written = 0
try:
    for number in range(64):
        with open(f"{folder}/{{number}}", "wb") as stream:
            written += stream.write(bytes(2**19))
except OSError as error:
    print(errno.errorcode[error.errno], written)
"""
    code, written = printed(fill, disk_bytes=4 * MEGABYTE).split()
    assert code == "ENOSPC"
    assert int(written) <= 4 * MEGABYTE


def test_memory_that_belongs_to_no_process_is_refused() -> None:
    assert printed(attempt("os.memfd_create('x')")) == "EPERM\n"


def test_namespaces_of_its_own_are_refused() -> None:
    calls = """
import ctypes, errno
library = ctypes.CDLL(None, use_errno=True)
mounted = ("mount", None, b"/tmp", b"tmpfs", 0, None)
for call, *given in (("unshare", 0x10000000), ("setns", 0, 0), mounted):
    print(getattr(library, call)(*given), errno.errorcode[ctypes.get_errno()])
"""
    assert printed(calls) == "-1 EPERM\n" * 3


def test_privileges_are_gone_and_cannot_be_had() -> None:
    read = "print(open('/proc/self/status').read())"
    status = dict(line.split(":\t") for line in printed(read).splitlines() if ":\t" in line)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split()[0] != "0"
    assert printed(attempt("os.setuid(0)")) == "EPERM\n"
    raised = "__import__('resource').setrlimit(6, (999, 999))"
    assert "not allowed to raise maximum limit" in run(raised).stderr


def test_what_it_leaves_running_ends_with_it() -> None:
    daemon = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(3600)
    os._exit(0)
print("left")
"""
    outcome = run(daemon, limits=Limits(seconds=60))
    assert (outcome.stdout, outcome.exit_code) == ("left\n", 0)
    assert outcome.seconds < 30


def test_what_it_says_of_itself_is_not_believed() -> None:
    fake = "import sys\nsys.exit('bwrap: setting up uid map: Permission denied')"
    outcome = run(fake)
    assert (outcome.ended, outcome.exit_code) == ("exited", 1)
