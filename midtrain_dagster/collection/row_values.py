"""Values of a row by key: keys lead into objects and lists by dots, in JSON and in tables alike.

``meta.url`` is the key ``url`` of the object ``meta``, ``turns.0.text`` the key ``text`` of the
first of a list. A key or column that is there as it is written goes first.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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

    is_ambiguous: bool = False
    """Whether several columns have its first step's name."""

    @property
    def is_column(self) -> bool:
        """Whether it is a column of the table, and not inside of one."""
        return len(self.steps) == 1


def place_of(schema: "pa.Schema", key: str) -> Place | None:
    """Where a key leads in tables of a schema; None if nowhere."""
    for first in (key, key.partition(".")[0]):
        named = schema.get_all_field_indices(first)
        if len(named) > 1:
            return Place(first, (first,), schema.field(named[0]).type, is_ambiguous=True)
        if named:
            break
    else:
        return None
    if first == key:
        return Place(key, (key,), schema.field(key).type)
    first, *inner = steps = tuple(key.split("."))
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


class Unwritable(NamedTuple):
    """Why a value is none that Python or JSON has."""

    reason: Literal["invalid_encoding", "invalid_value"]
    detail: str


def values_of(array: "pa.Array") -> list[Any]:
    """The values in Python's types; each that has none there is :class:`Unwritable`.

    Times are those of microseconds, whether or not pandas is there to have finer ones. Bytes that
    are UTF-8 are text.
    """
    import pyarrow as pa

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, pa.UuidType):
        array, kind = array.storage, kind.storage_type
    if getattr(kind, "unit", "") == "ns":
        array = array.cast(_in_microseconds(kind), safe=False)
    try:
        values = array.to_pylist()
    except (ValueError, OverflowError, KeyError, pa.ArrowException):  # KeyError: no such time zone
        values = [_value_of(each) for each in array]
    return [_text(value) if isinstance(value, bytes) else value for value in values]


def _in_microseconds(kind: "pa.DataType") -> "pa.DataType":
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.duration("us") if pa.types.is_duration(kind) else pa.time64("us")


def _value_of(scalar: "pa.Scalar") -> Any:
    import pyarrow as pa

    try:
        return scalar.as_py()
    except UnicodeDecodeError as error:
        detail = f"invalid UTF-8 at byte {error.start} of a value: {error.reason}"
        return Unwritable("invalid_encoding", detail)
    except (ValueError, OverflowError, KeyError, pa.ArrowException) as error:
        return Unwritable("invalid_value", f"a {scalar.type} cannot be written down: {error}")


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _is_struct(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_struct(kind))


def _is_list(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return any(
        check(kind)
        for check in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    )
