"""System calls that no program in the sandbox may make, as a filter for the kernel (seccomp).

Namespaces shut a program off from files, processes and networks. What they do not cover is refused
here: sockets of families that know no network namespace (``AF_VSOCK`` reaches the host of a virtual
machine), further user namespaces (with file systems of their own, of any size), memory that belongs
to no process (``memfd_create``, keys), and calls that few programs make and many break-outs have
begun with. A refused call gives EPERM, or ENOSYS where libraries then take another way.

The filter is a program of the classic Berkeley Packet Filter over ``struct seccomp_data``
(Linux, ``Documentation/userspace-api/seccomp_filter.rst``); numbers of calls are those of
``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``.
"""

import errno
import platform
import socket
import struct
from typing import NamedTuple

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions: load a word; jump if equal, if at least, if a bit is set; give the verdict."""

NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Where these stand in ``struct seccomp_data``."""

ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000

CLONE_NEWUSER = 0x10000000
X32 = 0x40000000
"""The bit of calls of the x32 kind, which no filter by number would see."""

FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)


class Machine(NamedTuple):
    """How an architecture numbers its calls."""

    audit: int
    clone: int
    clone3: int
    socket: int
    refused: tuple[int, ...]


MACHINES = {
    "x86_64": Machine(
        audit=0xC000003E,
        clone=56,
        clone3=435,
        socket=41,
        refused=(
            *(272, 308, 165, 166, 155),  # unshare, setns, mount, umount2, pivot_root
            *(101, 310, 311),  # ptrace, process_vm_readv, process_vm_writev
            *(248, 249, 250),  # add_key, request_key, keyctl
            *(319, 447),  # memfd_create, memfd_secret
            *(298, 321, 323),  # perf_event_open, bpf, userfaultfd
            *(425, 426, 427),  # io_uring_setup, io_uring_enter, io_uring_register
            *(428, 429, 430, 431, 432, 442),  # open_tree, move_mount, fsopen .. mount_setattr
            *(29, 68, 240),  # shmget, msgget, mq_open
        ),
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        clone=220,
        clone3=435,
        socket=198,
        refused=(
            *(97, 268, 40, 39, 41),
            *(117, 270, 271),
            *(217, 218, 219),
            *(279, 447),
            *(241, 280, 282),
            *(425, 426, 427),
            *(428, 429, 430, 431, 432, 442),
            *(194, 186, 180),
        ),
    ),
}


def call_filter(machine: str | None = None) -> bytes:
    """The filter for this architecture. Raises :class:`KeyError` for one that is not known."""
    known = MACHINES[machine or platform.machine()]
    permission, missing = ERROR | errno.EPERM, ERROR | errno.ENOSYS
    families = len(FAMILIES)
    return b"".join(
        [
            _step(LOAD, ARCHITECTURE),
            _step(EQUAL, known.audit, 1, 0),
            _step(RETURN, KILL),
            _step(LOAD, NUMBER),
            _step(AT_LEAST, X32, 0, 1),
            _step(RETURN, missing),
            *(part for number in known.refused for part in _refuse(number, permission)),
            # Its flags lie in memory, where no filter reads; libraries then call clone.
            *_refuse(known.clone3, missing),
            _step(EQUAL, known.clone, 0, 4),
            _step(LOAD, FIRST_ARGUMENT),
            _step(ANY_BIT, CLONE_NEWUSER, 0, 1),
            _step(RETURN, permission),
            _step(RETURN, ALLOW),
            _step(EQUAL, known.socket, 0, families + 2),
            _step(LOAD, FIRST_ARGUMENT),
            *(_step(EQUAL, family, families - at, 0) for at, family in enumerate(FAMILIES)),
            _step(RETURN, permission),
            _step(RETURN, ALLOW),
        ]
    )


def _refuse(number: int, verdict: int) -> tuple[bytes, bytes]:
    return _step(EQUAL, number, 0, 1), _step(RETURN, verdict)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction (``struct sock_filter``): the jumps are counted from the next one."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
