"""The languages that programs may be written in. Another one is another entry.

What an entry names has to lie in the system's ``/usr``, or in one of its own folders.
"""

import os
import site
import sys
from collections.abc import Mapping
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
    environment: Mapping[str, str] = {}
    """What its command needs beside the environment of all."""


def _python() -> Language:
    """The interpreter under this process, without its packages: the standard library alone.

    Its hashes are the same in every run, so that the order of a set is, and what a program prints.
    For that it has to read its environment, which is all ours: these flags are those of ``-I``
    without ``-E``.
    """
    prefix = Path(sys.base_prefix)
    interpreter = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    command = (os.fspath(interpreter), "-P", "-s", "-B", "-X", "utf8", "main.py")
    return Language(
        file="main.py",
        command=command,
        folders=() if prefix.is_relative_to("/usr") else (prefix,),
        hidden=tuple(
            place for place in map(Path, site.getsitepackages([sys.base_prefix])) if place.is_dir()
        ),
        environment={"PYTHONHASHSEED": "0"},
    )


LANGUAGES = {"python": _python()}
