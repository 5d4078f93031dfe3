"""Whether calls are the right ones: BFCL's comparison by syntax tree, rule by rule.

Patil et al., *The Berkeley Function Calling Leaderboard* (ICML 2025). A function's description
gives its parameters' types; the right answer gives of each parameter the values that are allowed,
and the empty text among them says that it may be left out. Texts are compared without case, spaces
and ``,./-_*^``; a whole number stands for a float; where the allowed values are of another type
than the description's, the value is a variable and only has to be one of them. Several calls may
stand in any order: each right one takes the first that fits.

Where the reference's own code would fail on a value (a list where an object is expected), the
answer is wrong here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from midtrain_dagster.evaluation.written_calls import Call

VERSION = 1

Description = Mapping[str, Any]
"""A function's ``name`` and ``parameters``, those as a JSON schema with Python's names of types."""

Allowed = Mapping[str, Sequence[Any]]
"""The values that are allowed, by parameter."""

TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
OPTIONAL = ""
_PASSED_OVER = re.compile(r"[ ,./\-_*^]")


def are_allowed(
    calls: Sequence[Call], descriptions: Mapping[str, Description], right: Sequence[Call]
) -> bool:
    """Whether the calls are as many as the right ones, and each right one is among them.

    Of a right ``Call`` the arguments are the values that are allowed.
    """
    if len(calls) != len(right):
        return False
    left = list(calls)
    for each in right:
        fitting = (at for at, call in enumerate(left) if is_allowed(call, descriptions, each))
        found = next(fitting, None)
        if found is None:
            return False
        del left[found]
    return True


def is_allowed(call: Call, descriptions: Mapping[str, Description], right: Call) -> bool:
    """Whether a call is the right one, its arguments among those allowed."""
    allowed, parameters = right.arguments, descriptions[right.name]["parameters"]
    given = call.arguments
    if call.name != right.name or not set(parameters.get("required", ())) <= set(given):
        return False
    properties = parameters.get("properties", {})
    if not all(name in properties and name in allowed for name in given):
        return False
    if not all(_fits(value, properties[name], allowed[name]) for name, value in given.items()):
        return False
    return all(name in given or OPTIONAL in values for name, values in allowed.items())


def unknown_type(description: Description) -> str | None:
    """The first type of a parameter that is not known; none: all are. What a list is of need not
    be said."""
    for schema in description["parameters"].get("properties", {}).values():
        items = schema.get("items") if _is_list(schema) else None
        for each in (schema, items) if items else (schema,):
            said = each.get("type") if isinstance(each, Mapping) else each
            if not isinstance(said, str) or said not in TYPES:
                return str(said)
    return None


def _is_list(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in ("array", "tuple")


def _fits(value: Any, schema: Mapping[str, Any], allowed: Sequence[Any]) -> bool:
    expected = TYPES[schema["type"]]
    inner = TYPES[schema["items"]["type"]] if _is_list(schema) and schema.get("items") else None
    if schema["type"] == "tuple" and isinstance(value, tuple):
        value = list(value)
    if expected is float and type(value) is int:
        value = float(value)
    if not _is_of_type(value, expected, inner, allowed):
        return False
    is_variable = _type_allowed(allowed) not in (None, expected)
    return value in allowed if is_variable else _is_among(value, expected, inner, allowed)


def _is_among(value: Any, expected: type, inner: type | None, allowed: Sequence[Any]) -> bool:
    """Whether a value of its type is one of those allowed, as values of the type are compared."""
    if expected is dict:
        return any(_dict_fits(value, each) for each in allowed)
    if expected is list and inner is dict:
        return any(_dicts_fit(value, each) for each in allowed)
    if expected is str:
        return _plain(value) in [_plain(each) for each in allowed if isinstance(each, str)]
    if expected is list:
        return _plain(value) in [_plain(list(each)) for each in allowed if _is_sequence(each)]
    return value in allowed


def _is_of_type(value: Any, expected: type, inner: type | None, allowed: Sequence[Any]) -> bool:
    """Whether it has the type of the description, or else that of the values allowed."""
    given = type(value)
    if given is not expected:
        return given is _type_allowed(allowed)
    if inner is None:
        return True
    return any(
        not isinstance(each, list) or all(_is_of_type(item, inner, None, each) for item in value)
        for each in allowed
    )


def _type_allowed(allowed: Sequence[Any]) -> type | None:
    """The type of the first value allowed; none where a parameter may only be left out."""
    return next((type(each) for each in allowed if each != OPTIONAL), None)


def _is_sequence(allowed: Any) -> bool:
    """A list; where the parameter may be left out, an empty list is allowed as well."""
    return isinstance(allowed, list) or allowed == OPTIONAL


def _plain(value: str | list[Any]) -> str | list[Any]:
    """A text as it is compared, and the texts of a list."""
    if isinstance(value, str):
        return _PASSED_OVER.sub("", value).lower().replace("'", '"')
    return [_plain(each) if isinstance(each, str) else each for each in value]


def _dict_fits(value: Any, allowed: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(allowed, dict):
        return False
    if not value.keys() <= allowed.keys():
        return False
    if not all(isinstance(each, list) for each in allowed.values()):
        return False
    for key, one in value.items():
        plain = _plain(one) if isinstance(one, str) else one
        if plain not in [_plain(each) if isinstance(each, str) else each for each in allowed[key]]:
            return False
    return all(key in value or OPTIONAL in values for key, values in allowed.items())


def _dicts_fit(value: list[Any], allowed: Any) -> bool:
    return len(value) == len(allowed) and all(
        _dict_fits(one, other) for one, other in zip(value, allowed, strict=True)
    )
