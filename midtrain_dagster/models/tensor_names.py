"""How tensors found in a file differ from those that a model has, in words short enough to read."""

from collections.abc import Collection, Iterable, Mapping

Shape = tuple[int, ...]


def are_alike(one: str, other: str) -> bool:
    """Whether two names are the same, but for the prefix of the base model that files may lack."""
    return one == other or other.endswith(f".{one}") or one.endswith(f".{other}")


def misfits(found: Mapping[str, Shape], model: Mapping[str, Shape]) -> str:
    """What keeps the tensors ``found`` from being those of ``model``, with every name; or ''."""
    missing, extra = model.keys() - found.keys(), found.keys() - model.keys()
    other = {
        name: (found[name], model[name])
        for name in found.keys() & model.keys()
        if found[name] != model[name]
    }
    return difference(missing, extra, other)


def difference(
    missing: Collection[str], extra: Collection[str], other: Mapping[str, tuple[Shape, Shape]]
) -> str:
    """Every name that is missing, that the model has not, and that has another shape (there, in the
    model); '' where there is none."""
    parts = [f"missing: {listed(missing)}"] if missing else []
    parts += [f"not of the model: {listed(extra)}"] if extra else []
    for found, expected in sorted(set(other.values())):
        names = listed(name for name, shapes in other.items() if shapes == (found, expected))
        parts.append(f"of shape {found} where the model has {expected}: {names}")
    return "; ".join(parts)


def listed(names: Iterable[str]) -> str:
    """All the names, those that differ only in the number of their layer in one: ``layers.0-29``.

    Where some layers are left out, each range of numbers stands for itself: ``0-3,5``.
    """
    numbers: dict[tuple[str, str], list[int]] = {}
    for name in sorted(names):
        words = name.split(".")
        place = next((i for i, word in enumerate(words) if word.isdigit()), None)
        if place is None:
            numbers.setdefault((name, ""), [])
            continue
        around = ".".join(words[:place]), ".".join(words[place + 1 :])
        numbers.setdefault(around, []).append(int(words[place]))
    return ", ".join(
        ".".join(filter(None, (before, _ranges(found), after))) if found else before
        for (before, after), found in numbers.items()
    )


def _ranges(numbers: list[int]) -> str:
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
