"""Python: the interpreter under this process, without its packages.

The standard library alone is there. Hashes are the same in every run, so that the order of a set
is, and what a program prints. For that it has to read its environment, which is all ours: these
flags are those of ``-I`` without ``-E``.
"""

import os
import site
import sys
from pathlib import Path

from midtrain_dagster.sandbox.language import Language

_prefix = Path(sys.base_prefix)
_interpreter = _prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"

PYTHON = Language(
    file="main.py",
    command=(os.fspath(_interpreter), "-P", "-s", "-B", "-X", "utf8", "main.py"),
    example="print(6 * 7)",
    last='__import__("os").write(1, b"\\nMARK\\n")',
    also=("py",),
    folders=() if _prefix.is_relative_to("/usr") else (_prefix,),
    hidden=tuple(
        place for place in map(Path, site.getsitepackages([sys.base_prefix])) if place.is_dir()
    ),
    environment={"PYTHONHASHSEED": "0"},
)
