"""The auxiliary loss of a mixture of experts, by which its router spreads tokens over all of them.

It is what transformers computes of the router's logits (``load_balancing_loss_func``: Fedus et al.
2022, *Switch Transformers*, arXiv 2101.03961, equations 4 to 6), times the coefficient that a
config says (``router_aux_loss_coef``). transformers adds it where ``output_router_logits`` is set,
which released configs leave off, for it costs memory in inference; here the coefficient alone
decides, since routers that are trained without it may forget experts.

It is taken over the tokens of a forward pass, padding included, as transformers and Megatron do: of
all a worker's windows, or of a micro-batch. So it is the one part of a step that micro-batches and
workers change by more than the order of sums.

A coefficient that transformers does not compute anything with is refused: DeepSeek's
``aux_loss_alpha`` (its V3 balances by a bias, which stays as it is here), Llama 4's.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

from midtrain_dagster.models.head import below_head

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

COEFFICIENTS = ("router_aux_loss_coef", "aux_loss_coef", "aux_loss_alpha")
"""What families call it."""

BALANCE = "load_balancing_loss_func"
"""What computes it, in the module of a family."""


def named_coefficient(config: Any) -> tuple[str, float] | None:
    """The field that says the coefficient, with its value; None for none, or 0."""
    for name in COEFFICIENTS:
        value = getattr(config, name, None)
        if value:
            return name, float(value)
    return None


def lacks_router_loss(config: Any, model: type) -> str | None:
    """The field of a config that says a coefficient, where the class computes no loss of it."""
    named = named_coefficient(config)
    balance = getattr(sys.modules[model.__module__], BALANCE, None)
    if named is None or (balance and tuple(signature(balance).parameters)[:3] == TAKES):
        return None
    return named[0]


TAKES = ("gate_logits", "num_experts", "top_k")
"""What that function takes; Doge's, whose routers are others, takes more."""


class RouterLoss:
    """What a model's router is held to. ``coefficient`` times the loss goes into the objective."""

    def __init__(self, model: "PreTrainedModel", coefficient: float) -> None:
        self.coefficient = coefficient
        self._balance: Callable[..., Any] = getattr(sys.modules[type(model).__module__], BALANCE)
        given: Any = model  # configs have names of their own for it
        self._chosen = int(given.num_experts_per_tok)

    def __call__(self, logits: "tuple[Tensor, ...] | None") -> "Tensor | None":
        """The loss [], of a forward pass' logits [tokens, experts] of each layer: the number of
        experts that a token is given, where all have equally many tokens and equally much of the
        probability. None of a model that has no experts, whatever its config's coefficient."""
        if not logits:
            return None
        found: Tensor = self._balance(logits, logits[0].shape[-1], self._chosen)
        return found


@contextmanager
def routed(model: "PreTrainedModel") -> "Iterator[Callable[[], tuple[Tensor, ...] | None]]":
    """A context for a forward pass, whose router logits the call that it yields gives."""
    found: list[Any] = []

    def before(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, kwargs | {"output_router_logits": True}

    def after(*call: Any) -> None:
        found.append(getattr(call[-1], "router_logits", None))

    base = below_head(model)
    hooks = (
        base.register_forward_pre_hook(before, with_kwargs=True),
        base.register_forward_hook(after),
    )
    try:
        yield lambda: found[-1]
    finally:
        for hook in hooks:
            hook.remove()


def router_loss(model: "PreTrainedModel") -> RouterLoss | None:
    """That of a model; None for one that has none."""
    named = named_coefficient(model.config)
    return None if named is None else RouterLoss(model, named[1])
