"""Which tensor of a source becomes which parameter of the model, decided on names and shapes alone.

So a mismatch is found from headers, before a tensor is read; then the same match is applied to the
weights and to each of AdamW's moments. A square of a gradient may be moved with its element: all
that is done here is renaming, reordering rows and adding rows, and each is exact for both moments.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from midtrain_dagster.models.tensor_names import Shape, difference
from midtrain_dagster.training.inherit import Mapped

if TYPE_CHECKING:
    from torch import Tensor

ROTATED = re.compile(r".*\b[qk]_proj\.(weight|bias)")
"""The projections, by Hugging Face's names, whose rows are in the order of a rotation."""


class MisfitError(ValueError):
    """Tensors that are not those of the model; the message tells every name."""


@dataclass(frozen=True)
class Match:
    """For each parameter of the model where its values come from."""

    taken: dict[str, str]
    """Parameter: name in the source."""
    equal: tuple[tuple[str, str], ...]
    """Names in the source of tensors that the model ties: they have to be equal."""
    grown: frozenset[str]
    fresh: frozenset[str]


def match(
    source: Mapping[str, Shape],
    model: Mapping[str, Shape],
    how: Mapped | None = None,
    *,
    tied: Mapping[str, str] | None = None,
) -> Match:
    """Match names and shapes of a source with a model's; ``how`` None means: as they are.

    ``tied`` has further names of the model's parameters (``lm_head.weight`` where it is the
    embedding). Raises ``MisfitError`` telling every name that is missing, left over, or of another
    shape, and every pattern of ``how`` that is of no use, for it is a mistake.
    """
    how = how or Mapped(map="as it is")
    used: set[str] = set()
    origins: dict[str, list[str]] = {}
    left = []
    for name in sorted(source):
        new = _renamed(name, how, used)
        target = (tied or {}).get(new, new)
        if target in model:
            # The parameter's own name first: tied names follow it.
            origins.setdefault(target, []).insert(0 if new == target else 1, name)
        elif not _matches(new, how.drop, used):
            left.append(name)
    taken: dict[str, str] = {}
    equal: list[tuple[str, str]] = []
    grown: set[str] = set()
    fresh: set[str] = set()
    missing: list[str] = []
    other: dict[str, tuple[Shape, Shape]] = {}
    for name, shape in model.items():
        names = origins.get(name)
        if names is None:
            if _matches(name, how.fresh, used):
                fresh.add(name)
            else:
                missing.append(name)
            continue
        taken[name] = names[0]
        equal += [(names[0], other) for other in names[1:]]
        found = source[names[0]]
        if found == shape:
            continue
        if found[1:] == shape[1:] and found[0] < shape[0] and _matches(name, how.grow, used):
            grown.add(name)
        else:
            other[name] = (found, shape)
    wrong = [difference(missing, left, other)] if missing or left or other else []
    patterns = {*how.rename, *how.drop, *how.fresh, *how.grow}
    if idle := sorted(patterns - used):
        wrong.append(f"patterns without use: {', '.join(idle)}")
    if wrong:
        raise MisfitError("; ".join(wrong))
    return Match(taken, tuple(equal), frozenset(grown), frozenset(fresh))


def applied(
    found: Match,
    source: Mapping[str, "Tensor"],
    model: Mapping[str, Shape],
    how: Mapped | None = None,
    *,
    head: int,
    new_rows: str,
) -> dict[str, "Tensor"]:
    """The tensors of a source by the model's names, but for those that are ``fresh``.

    ``head`` is the size of an attention head; ``new_rows`` of what grew: ``mean`` or ``zero``.
    Raises ``MisfitError`` where tensors differ that the model ties.
    """
    import torch

    for name, other in found.equal:
        if not torch.equal(source[name], source[other]):
            raise MisfitError(
                f"{name} and {other} are one parameter of the model, but differ in the source"
            )
    tensors = {}
    for name, origin in found.taken.items():
        tensor = source[origin]
        if how is not None and how.interleaved_rope and ROTATED.fullmatch(name):
            tensor = halves(tensor, head)
        if name in found.grown:
            more = tensor.new_zeros((model[name][0] - len(tensor), *tensor.shape[1:]))
            if new_rows == "mean":
                more += tensor.mean(dim=0, dtype=torch.float64).to(tensor.dtype)
            tensor = torch.cat([tensor, more])
        tensors[name] = tensor
    return tensors


def halves(tensor: "Tensor", head: int) -> "Tensor":
    """Rows [heads x head, ...] of a rotation of neighbours, reordered for one of the two halves."""
    pairs = tensor.reshape(-1, head // 2, 2, *tensor.shape[1:])
    return pairs.transpose(1, 2).reshape(tensor.shape)


def _renamed(name: str, how: Mapped, used: set[str]) -> str:
    for pattern, template in how.rename.items():
        if found := re.fullmatch(pattern, name):
            used.add(pattern)
            return found.expand(template)
    return name


def _matches(name: str, patterns: Iterable[str], used: set[str]) -> bool:
    matching = [pattern for pattern in patterns if re.fullmatch(pattern, name)]
    used.update(matching)
    return bool(matching)
