"""Whether ``assets``, ``jobs``, ``resources`` and ``definitions`` are this project's own.

The project is an application: its folders are by design called what Dagster projects call theirs.
Installed beside another one, the name means the package that Python finds first.
"""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN = ("assets", "definitions", "jobs", "resources")


class ShadowedError(ImportError):
    """A package of another project is found in place of one of ours; the message names both."""


def require_own_packages() -> None:
    """Raise :class:`ShadowedError` if another project's package has the name of one of ours."""
    for name in OWN:
        spec = find_spec(name)
        places = [*(spec.submodule_search_locations or ())] if spec else []
        origin = spec.origin if spec and spec.origin else next(iter(places), None)
        if origin is None or not Path(origin).resolve().is_relative_to(ROOT):
            raise ShadowedError(
                f"`{name}` is {origin or 'nowhere'}, not the one of {ROOT}: midtrain-dagster is an "
                "application with packages of that name; run it in an environment of its own "
                "(`make data` makes .venv), from another folder"
            )
