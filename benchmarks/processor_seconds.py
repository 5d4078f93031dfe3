"""The processor seconds of a command with all that it starts: of what a busy machine makes of the
clock they know little.

Ray's processes outlive no command, but nobody waits for them, so the system adds their seconds to
nobody's. They are looked at while they run; what a process does after the last look is not seen.
"""

import subprocess

import psutil

LOOK_SECONDS = 0.2


def processor_seconds(command: subprocess.Popen[bytes]) -> float:
    """Wait for a command to end; the seconds of user and system of its processes together."""
    taken: dict[psutil.Process, float] = {}
    root = psutil.Process(command.pid)
    while True:
        try:
            for process in (root, *root.children(recursive=True)):
                taken.setdefault(process, 0.0)
        except psutil.NoSuchProcess:
            pass
        for process in taken:
            try:
                times = process.cpu_times()
                taken[process] = times.user + times.system
            except psutil.Error:
                continue
        try:
            command.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return sum(taken.values())
