"""Longer windows on the frequencies as they are, said explicitly.

transformers derives some of a scaling from the window's length: where windows grow, LongRoPE's
attention factor is written out, and a dynamic scaling, whose frequencies are those of the length,
is refused (`apply`).
"""

from typing import Any, Literal

from midtrain_dagster.training.rope.method import RopeMethod

VERSION = 3


class Unchanged(RopeMethod):
    """Nothing is changed but the length."""

    method: Literal["none"] = "none"

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """The present ones."""
        return present
