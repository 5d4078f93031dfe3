"""Shares of length classes as the recipe says them: the general form of every rule."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from midtrain_dagster.mixture.length_class import LengthClass, LengthRule

VERSION = 1

SUM_TOLERANCE = 1e-3


def _keys_as_text(shares: Any) -> Any:
    """YAML reads 0 and 0.5 as numbers and 1/2 as text."""
    return (
        {str(key): share for key, share in shares.items()}
        if isinstance(shares, Mapping)
        else shares
    )


def _checked(shares: dict[str, float]) -> dict[str, float]:
    starts: dict[str, Fraction] = {}
    for said in shares:
        try:
            start = Fraction(said)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(
                f"{said!r} is no part of the window: write 0, 1/4, 0.5 or 1"
            ) from error
        if not 0 <= start <= 1:
            raise ValueError(
                f"a class begins between 0 and 1 window, not at {said}: what is longer than the "
                "window is cut to it, and is of the class from 1"
            )
        if start in starts.values():
            raise ValueError(f"two classes begin at {start} window")
        starts[said] = start
    total = sum(shares.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(f"the shares of the length classes must sum to 1, not to {total:g}")
    return {said: shares[said] for said in sorted(shares, key=starts.__getitem__)}


Shares = Annotated[
    dict[str, Annotated[float, Field(ge=0, le=1)]],
    BeforeValidator(_keys_as_text),
    AfterValidator(_checked),
]


class LengthShares(LengthRule):
    """A share for each class, by the part of the window from which it begins."""

    method: Literal["shares"] = "shares"
    shares: Shares = Field(
        min_length=1,
        description="By where a class begins, as a part of the window, its share: `{0: 0.4, 1: "
        "0.6}` is 60% of documents that fill a window and 40% of shorter ones. A class ends where "
        "the next begins; documents before the first are left out.",
    )

    @property
    def classes(self) -> tuple[LengthClass, ...]:
        """As the recipe says, brought to a sum of one."""
        total = sum(self.shares.values())
        return tuple(LengthClass(Fraction(at), part / total) for at, part in self.shares.items())
