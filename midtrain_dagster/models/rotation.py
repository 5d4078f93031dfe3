"""Rotations that depend on a sequence's length, made to depend on nothing else.

transformers takes LongRoPE's long factors where *any* window of a batch reaches beyond the original
one, and dynamic NTK keeps the frequencies of the longest sequence that it has ever seen. A loss
would then hang on what else is in its batch, or was read before: on the size of a micro-batch, on
the order of documents. Here each window is rotated by its own length, as it would be alone in a
fresh model.
"""

from typing import Any

LENGTHWISE = {"longrope", "dynamic"}
"""The types of RoPE in transformers that look at a sequence's length."""


def rotate_each_alone(model: Any) -> None:
    """Change a model's rotary modules of such a type, in place; of others, nothing."""
    for module in model.modules():
        said = getattr(module, "rope_type", None)
        types = set(said.values()) if isinstance(said, dict) else {said}
        if types & LENGTHWISE and not isinstance(module, _EachAlone):
            module.__class__ = type(type(module).__name__, (_EachAlone, type(module)), {})


class _EachAlone:
    """Before a rotary module's own forward: what it remembers of others is forgotten."""

    def forward(self: Any, x: Any, position_ids: Any, *rest: Any, **more: Any) -> Any:
        """Cos and sin [n, L, d] of positions [n, L], row by row."""
        import torch

        made = []
        for row in position_ids:
            _forget(self)
            made.append(super().forward(x, row[None], *rest, **more))  # type: ignore[misc]
        cos, sin = zip(*made, strict=True)
        return torch.cat(cos), torch.cat(sin)


def _forget(module: Any) -> None:
    """Set a rotary module to what it was when it was made."""
    for name, original in list(module.named_buffers(recurse=False)):
        if name.endswith("original_inv_freq"):
            held = getattr(module, name.replace("original_", ""))
            held.copy_(original)
    for name in [name for name in vars(module) if name.endswith("max_seq_len_cached")]:
        setattr(module, name, module.original_max_seq_len)


def renew_rotation(model: Any) -> None:
    """Make a model's rotary modules anew from its config, in place, after that was changed."""
    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if hasattr(module, "rope_type") and hasattr(module, "config"):
                made = type(module)(model.config)
                setattr(parent, name, made.to(model.device))
    rotate_each_alone(model)
