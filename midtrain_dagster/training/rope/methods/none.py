"""Longer windows on the frequencies as they are, said explicitly."""

from typing import Any, Literal

from midtrain_dagster.training.rope.method import RopeMethod

VERSION = 1


class Unchanged(RopeMethod):
    """Nothing is changed but the length."""

    method: Literal["none"] = "none"

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """The present ones."""
        return present
