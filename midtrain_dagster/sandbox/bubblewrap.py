"""The command that shuts a program in: bubblewrap, with namespaces of its own for everything.

What a program sees is the system's ``/usr`` and its language's folders, read only, a new ``/proc``
and ``/dev``, and an empty folder in memory where it runs. There is no network, no home, no store,
no environment, and no other process. It has no privileges and gets none.

Bubblewrap gives an ordinary user these by a user namespace. Where it is run by root it makes the
others itself, and the program becomes a user that nobody else is: a limit on processes counts them
by user, and does not hold for root.
"""

import os
import secrets
import shlex
from pathlib import Path

from midtrain_dagster.sandbox.language import COMPILING, Language
from midtrain_dagster.sandbox.limits import Limits

BWRAP = "bwrap"

SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
"""Folders beside /usr; links into it, since Debian 12."""

SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives")
"""What programs of the system need of /etc."""

FOLDER = "/tmp"
"""Where a program runs, inside the sandbox."""
USERS = (1_879_048_192, 2**27)
"""Numbers of users that no distribution gives away: the first, and how many."""

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": FOLDER,
    "TMPDIR": FOLDER,
    "LANG": "C.UTF-8",
}


def command(
    language: Language,
    limits: Limits,
    *,
    program: int,
    calls: int,
    status: int,
    compiled: int | None = None,
    root: bool | None = None,
) -> list[str]:
    """The whole command.

    Args:
        language: what runs the program.
        limits: what it may take.
        program: the open file with the program.
        calls: the open file with the filter of system calls.
        status: the open file that bubblewrap tells the program's end to.
        compiled: the open file that a byte is written to where a program is compiled and its run
            begins; only where the language has a compiler.
        root: whether bubblewrap is run by root; by default whether this process is.
    """
    by_root = os.geteuid() == 0 if root is None else root
    environment = {**ENVIRONMENT, **language.environment}
    return [
        BWRAP,
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox"),
        *(_as_root() if by_root else _as_user()),
        *_folders(language, limits),
        *("--perms", "0444", "--file", str(program), f"{FOLDER}/{language.file}"),
        *("--chdir", FOLDER, "--clearenv"),
        *(word for name, value in environment.items() for word in ("--setenv", name, value)),
        *("--seccomp", str(calls), "--json-status-fd", str(status), "--"),
        *(_becoming_nobody() if by_root else ()),
        *_steps(language, limits, compiled),
    ]


def _as_user() -> list[str]:
    return ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]


def _as_root() -> list[str]:
    """What is needed to become another user, and is lost with it."""
    wanted = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
    return ["--cap-drop", "ALL", *(word for each in wanted for word in ("--cap-add", each))]


def _becoming_nobody() -> list[str]:
    first, count = USERS
    user = first + secrets.randbelow(count)
    return [
        *("/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--"),
    ]


def _folders(language: Language, limits: Limits) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in SYSTEM:
        if Path(folder).is_symlink():
            words += ["--symlink", os.fspath(Path(folder).readlink()), folder]
        elif Path(folder).is_dir():
            words += ["--ro-bind", folder, folder]
    # Left to bubblewrap, nobody but root could pass through folders that it makes.
    words += ["--perms", "0755", "--dir", "/etc"]
    for place in SETTINGS:
        words += ["--ro-bind-try", place, place]
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    disk = limits.disk_bytes + (COMPILING.disk_bytes if language.compiler else 0)
    for folder, size in (("/dev/shm", limits.disk_bytes), (FOLDER, disk)):
        words += ["--size", str(size), "--perms", "1777", "--tmpfs", folder]
    for own in language.folders:
        for parent in reversed(own.parents[:-1]):
            words += ["--perms", "0755", "--dir", os.fspath(parent)]
        words += ["--ro-bind", os.fspath(own), os.fspath(own)]
    for hidden in language.hidden:
        words += ["--size", "4096", "--perms", "0555", "--tmpfs", os.fspath(hidden)]
    # Bubblewrap's own tmpfs, which everything stands on and which has no size.
    return [*words, "--remount-ro", "/"]


def _steps(language: Language, limits: Limits, compiled: int | None) -> list[str]:
    """What is run inside: the program, after its compiler where the language has one.

    The compiler may take more than the program, reads nothing, and does not hold the file that
    tells where it has ended; nor does the program.
    """
    run = [*_limited(limits, language), *language.command]
    if not language.compiler:
        return run
    compiler = shlex.join([*_limited(COMPILING, language), *language.compiler])
    script = (
        f"{compiler} </dev/null >&2 {compiled}>&- || exit $?\n"
        f"printf . >&{compiled}; exec {compiled}>&-\n"
        f"exec {shlex.join(run)}"
    )
    return ["/bin/bash", "-c", script]


def _limited(limits: Limits, language: Language) -> list[str]:
    """Limits of each process (``setrlimit``), which it may lower and not raise."""
    cpu = limits.cpu_seconds
    memory = "data" if language.reserves else "as"
    return [
        *("/usr/bin/prlimit", f"--cpu={cpu}:{cpu + 1}", f"--{memory}={limits.memory_bytes}"),
        *(f"--nproc={limits.processes + language.threads}", f"--fsize={limits.disk_bytes}"),
        *("--core=0", "--nofile=256", "--memlock=0", "--msgqueue=0", "--"),
    ]
