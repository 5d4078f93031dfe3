"""The one way a numba kernel is compiled, and the parts of one.

A kernel is cached on disk where numba finds a place that can be written (beside the source, else
the user's cache folder, else ``NUMBA_CACHE_DIR``). On a wholly read-only machine it is compiled
anew in each process instead of failing.

Numba's cache looks only at the time stamp of the file that holds the kernel, so a kernel never
calls a kernel of another file: a change there would be missed and the old machine code would go on.

Modules with kernels import numba at the top. Public modules import them inside
functions, so that loading a recipe stays a matter of milliseconds.
"""

from collections.abc import Callable
from typing import Any

import numba


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` in nopython mode, without the GIL, cached on disk if possible."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(nogil=True)(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A part of kernels in the same file, compiled into each of them (a call would cost more).

    It must make no array: what it is handed is not counted as a reference, which takes more time
    than most of these parts do.
    """
    options: dict[str, Any] = {"forceinline": True, "nogil": True, "_nrt": False}
    return numba.njit(**options)(function)
