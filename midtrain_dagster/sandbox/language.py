"""What a language is: how a program of it is compiled and run. Each is one file in ``languages/``.

What a language names has to lie in the system's ``/usr``, or in one of its own folders.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from midtrain_dagster.sandbox.limits import MEGABYTE, Limits

COMPILING = Limits(
    seconds=60,
    cpu_seconds=60,
    memory_bytes=1536 * MEGABYTE,
    processes=64,
    disk_bytes=256 * MEGABYTE,
)
"""What a compiler may take. Its clock stops where the program's begins."""


class Language(NamedTuple):
    """How a program of a language is run."""

    file: str
    """What the program's file is called, in the folder where it is compiled and run."""
    command: tuple[str, ...]
    """What runs it, in that folder."""
    example: str
    """A program that prints 42 in a first line: by it the language is tried before cost."""
    compiler: tuple[str, ...] = ()
    """What makes of the file what ``command`` runs, in that folder too; empty: nothing has to."""
    last: str = ""
    """A line that prints ``MARK`` in a line of its own and changes no exit code, where one can be
    run behind any program; empty: none can."""
    also: tuple[str, ...] = ()
    """What data sets call it beside its own name."""
    needs: Mapping[str, str] = {}
    """The files that have to be there, each with the Debian package that has it."""
    folders: tuple[Path, ...] = ()
    """Where its tools lie, if not in /usr; read only."""
    hidden: tuple[Path, ...] = ()
    """What a program is not to find there: what happens to be installed here and not elsewhere."""
    environment: Mapping[str, str] = {}
    """What its commands need beside the environment of all."""
    threads: int = 0
    """Threads that its runtime has of its own, beside those that a program may have."""
    reserves: bool = False
    """Whether its runtime reserves far more addresses than it ever uses. Then not they but what may
    be written to is limited (``RLIMIT_DATA`` in place of ``RLIMIT_AS``)."""

    def lacks(self) -> str | None:
        """What of it is not installed, and the packages to install; none: all is there."""
        lacking = {file: package for file, package in self.needs.items() if not Path(file).exists()}
        if not lacking:
            return None
        packages = " ".join(dict.fromkeys(lacking.values()))
        return f"there is no {' and no '.join(lacking)}: apt-get install {packages}"
