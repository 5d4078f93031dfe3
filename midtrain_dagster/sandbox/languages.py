"""The languages that programs may be written in. Another one is another entry.

What an entry names has to lie in the system's ``/usr``, or in one of its own folders.
"""

import os
import site
import sys
from pathlib import Path
from typing import NamedTuple


class Language(NamedTuple):
    """How a program of a language is run."""

    file: str
    """What the program's file is called, in the folder where it is run."""
    command: tuple[str, ...]
    """What runs it, in that folder. A language that is compiled first gives both to a shell."""
    folders: tuple[Path, ...] = ()
    """Where its tools lie, if not in /usr; read only."""
    hidden: tuple[Path, ...] = ()
    """What a program is not to find there: what happens to be installed here and not elsewhere."""


def _python() -> Language:
    """The interpreter under this process, without its packages: the standard library alone."""
    prefix = Path(sys.base_prefix)
    interpreter = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    command = (os.fspath(interpreter), "-I", "-B", "-X", "utf8", "main.py")
    return Language(
        file="main.py",
        command=command,
        folders=() if prefix.is_relative_to("/usr") else (prefix,),
        hidden=tuple(
            place for place in map(Path, site.getsitepackages([sys.base_prefix])) if place.is_dir()
        ),
    )


LANGUAGES = {"python": _python()}
