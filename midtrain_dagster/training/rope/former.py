"""What was done to a model's positions before: read from a config that anyone may have written."""

import math
from typing import Any, NamedTuple

from midtrain_dagster.training.rope.method import RopeError
from midtrain_dagster.training.rope.methods import ntk

ORIGINAL = "original_max_position_embeddings"
"""The window before any scaling: in ``rope_parameters`` of the methods that read it, and at the top
of a config, where transformers prefers it."""


class Former(NamedTuple):
    """One scaling of a model's positions, or none."""

    method: str | None
    factor: float | None
    parameters: dict[str, Any]
    """Those that a method scales: with the base before any scaling."""
    windows: tuple[int, ...]
    """Tokens of the window before any scaling; where there is none, the model's window, and the one
    that its config calls the original if that is shorter."""

    @property
    def window(self) -> int:
        """The window before any scaling, in tokens."""
        return self.windows[0]


def scaling(parameters: dict[str, Any]) -> str | None:
    """The method that scales by these parameters; None: nothing does."""
    named: str = parameters.get("rope_type", "default")
    by_one = parameters.get("factor") == 1 and parameters.get("attention_factor") in (None, 1)
    return None if named == "default" or (named in ("linear", "yarn") and by_one) else named


def former(config: Any, present: dict[str, Any], rotated: int, window: int | None = None) -> Former:
    """What stands in a config; ``rotated`` components of a head are. ``window`` is the model's,
    where the config says another by now."""
    present_window: int = window or config.max_position_embeddings
    known = ntk.recorded(config, present, rotated)
    top: int | None = getattr(config, ORIGINAL, None)
    if known is not None:
        before = known.window or round(present_window / known.factor)
        return Former("ntk", known.factor, present | {"rope_theta": known.base}, (before,))
    method, factor = scaling(present), present.get("factor")
    said = present.get(ORIGINAL) if top is None else top
    if method is None:
        windows = [present_window]
        windows += [said] if said is not None and said < present_window else []
        return Former(None, None, present, tuple(windows))
    if method == "linear":
        # Transformers reads no original window of it: what stands at the top is ours, or said so.
        own = top is not None and top < present_window
        before = (
            top if own and top is not None else round(present_window / float(present["factor"]))
        )
        return Former(method, factor, present, (before,))
    return Former(method, factor, present, (said or present_window,))


def check_sound(config: Any) -> None:
    """Raise ``RopeError`` for a scaling in a config that no model can have been trained with.

    transformers builds such a model, with a warning in its log at most.
    """
    parameters = dict(getattr(config, "rope_parameters", None) or {})
    flat = "rope_theta" in parameters or "rope_type" in parameters
    for layer, each in {None: parameters}.items() if flat else parameters.items():
        if not isinstance(each, dict):
            continue
        _check_type(each)
        for name, holds, wanted in _bounds(each):
            if not holds:
                place = "rope_parameters" if layer is None else f"rope_parameters of {layer}"
                raise RopeError(f"{place}: {name} is {each[name]!r}, and has to be {wanted}")


def _check_type(each: dict[str, Any]) -> None:
    """Raise ``RopeError`` for a type of some other program's, which transformers cannot build."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    named = each.get("rope_type", "default")
    known = sorted({"default", "axial", *ROPE_INIT_FUNCTIONS})
    if named not in known:
        raise RopeError(
            f"rope_parameters: rope_type is {named!r}, and transformers knows {', '.join(known)}"
        )


def _bounds(each: dict[str, Any]) -> list[tuple[str, bool, str]]:
    slow = each.get("beta_slow") or 1
    low = each.get("low_freq_factor") or 1
    bounds = [
        ("rope_theta", _number(each.get("rope_theta")) > 1, "a number above 1"),
        ("factor", _number(each.get("factor")) >= 1, "a number from 1"),
        ("attention_factor", _number(each.get("attention_factor")) > 0, "a number above 0"),
        (ORIGINAL, _number(each.get(ORIGINAL)) >= 1, "a number of tokens"),
        ("beta_slow", _number(each.get("beta_slow")) > 0, "a number above 0"),
        ("beta_fast", _number(each.get("beta_fast")) > slow, f"above beta_slow, {slow!r}"),
        (
            "high_freq_factor",
            _number(each.get("high_freq_factor")) > low,
            f"above low_freq_factor, {low!r}",
        ),
    ]
    return [bound for bound in bounds if each.get(bound[0]) is not None]


def _number(value: Any) -> float:
    """The value, or what is beyond no bound: not a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else math.nan
