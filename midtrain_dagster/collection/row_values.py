"""Values of a row by key: keys lead into objects and lists by dots, in JSON and in tables alike.

``meta.url`` is the key ``url`` of the object ``meta``, ``turns.0.text`` the key ``text`` of the
first of a list. A key or column that is there as it is written goes first.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = object()
"""What a row gives for a key that it does not have."""


def value_at(values: dict[str, Any], key: str) -> Any:
    """The value of a key in a row of JSON; ``MISSING`` if there is none."""
    if key in values:
        return values[key]
    value: Any = values
    for step in key.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


class Place(NamedTuple):
    """Where a key leads in a table: ``projection`` is what of it has to be read for that."""

    projection: str
    steps: tuple[str, ...]
    type: "pa.DataType"

    @property
    def is_column(self) -> bool:
        """Whether it is a column of the table, and not inside of one."""
        return len(self.steps) == 1


def place_of(schema: "pa.Schema", key: str) -> Place | None:
    """Where a key leads in tables of a schema; None if nowhere."""
    if key in schema.names:
        return Place(key, (key,), schema.field(key).type)
    first, *inner = steps = tuple(key.split("."))
    if first not in schema.names:
        return None
    kind, projected = schema.field(first).type, [first]
    through_list = False
    for step in inner:
        if _is_struct(kind) and kind.get_field_index(step) >= 0:
            kind = kind.field(step).type
        elif _is_list(kind) and step.isdecimal():
            kind, through_list = kind.value_type, True
        else:
            return None
        projected += [] if through_list else [step]
    return Place(".".join(projected), steps, kind)


def keys_of(schema: "pa.Schema") -> list[str]:
    """The columns of a schema, those of structs by their members: what keys may name."""

    def below(name: str, kind: "pa.DataType") -> list[str]:
        if not _is_struct(kind):
            return [name]
        members = (kind.field(number) for number in range(kind.num_fields))
        return [key for each in members for key in below(f"{name}.{each.name}", each.type)]

    return [key for field in schema for key in below(field.name, field.type)]


def array_at(batch: "pa.RecordBatch", place: Place) -> "pa.Array":
    """The values of a place; null where an object or an item on the way is."""
    import pyarrow.compute as pc

    first, *inner = place.steps
    array = batch.column(first)
    for step in inner:
        if _is_struct(array.type):
            array = pc.struct_field(array, [step])
        else:
            # One item of each, or null: lists that are too short have none.
            number = int(step)
            one = pc.list_slice(array, number, number + 1, return_fixed_size_list=True)
            array = pc.list_element(one, 0)
    return array


def _is_struct(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_struct(kind))


def _is_list(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return any(
        check(kind)
        for check in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    )
