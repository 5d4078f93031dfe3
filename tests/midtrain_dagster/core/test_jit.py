import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

PROGRAM = """
import numba
from numba.core.caching import NullCache
from midtrain_dagster.core.jit import jit

class Nowhere:
    @staticmethod
    def from_function(function, path):
        return None

import numba.core.caching as caching
caching.CacheImpl._locator_classes = [Nowhere]

@jit
def double(value):
    return value * 2

assert isinstance(double._cache, NullCache)
print(double(21))
"""


def test_a_kernel_is_compiled_even_where_nothing_can_be_cached() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("42", "")


def test_the_configuration_loads_without_the_compiler_or_fasttext() -> None:
    program = (
        "import sys; from midtrain_dagster.curation import policy, duplicates, raters, decisions;"
        "print([name for name in ('numba', 'fasttext', 'datasketch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
