"""Values for the parameters of tools: of a kind that a function was found to take, or by a schema.

Every value can be said in a sentence: numbers with two decimals at most, texts of a few words,
lists of a few elements. They are drawn by hash, so equal tasks have equal values, whatever else is
drawn.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from midtrain_dagster.long_context import draw as draws
from midtrain_dagster.long_context.draw import Draw

VERSION = 1
USES = (draws,)

WORDS = tuple(
    "amber anchor apple arrow autumn basket beacon bridge bronze candle canyon castle cedar cloud "
    "copper coral cotton dragon ember falcon feather forest garden ginger granite hammer harbor "
    "hazel island ivory jacket jungle kettle ladder lantern lemon linen maple marble meadow mirror "
    "mountain needle night ocean olive orange orchard paper pepper pillow planet pocket quartz "
    "rabbit raven ribbon river rocket saddle sailor salmon shadow silver spruce stone summer "
    "sunset temple thunder tiger tunnel valley velvet violet walnut willow window winter".split()
)

NAMES = tuple("Ada Bruno Clara David Elena Felix Greta Hugo Iris Jonas Karin Leo Mara Nils".split())

MOST_NESTED = 4
"""Objects in objects: what a person asks for in a sentence has few."""

T = TypeVar("T")


class Kind(NamedTuple):
    """A kind of value that a function of the standard library may take."""

    schema: dict[str, Any]
    draw: Callable[[Draw], Any]


def among(draw: Draw, least: int, most: int) -> int:
    """A whole number between both."""
    return least + draw.below(most - least + 1)


def words(draw: Draw, least: int, most: int) -> str:
    """A text of so many words."""
    return " ".join(draw.one(WORDS) for _ in range(among(draw, least, most)))


def weighted(draw: Draw, shares: Mapping[T, float]) -> T:
    """One of the keys, by its share of their sum; the last where rounding leaves none."""
    at = draw.uniform() * sum(shares.values())
    for value, share in shares.items():
        at -= share
        if at < 0:
            return value
    return next(value for value, share in reversed(shares.items()) if share > 0)


def date(draw: Draw) -> str:
    """A day of this century, as ISO 8601 has it."""
    return f"{among(draw, 2001, 2040)}-{among(draw, 1, 12):02}-{among(draw, 1, 28):02}"


def _number(draw: Draw) -> float:
    return among(draw, 5, 399) / 4


def _octets(draw: Draw) -> str:
    return ".".join(["10", *(str(draw.below(256)) for _ in range(3))])


def _json(draw: Draw) -> str:
    return json.dumps({draw.one(WORDS): among(draw, 1, 99), draw.one(WORDS): draw.one(WORDS)})


def _sentence(draw: Draw) -> str:
    text = words(draw, 2, 5)
    return f"{text} & {draw.one(WORDS)}'s <{draw.one(WORDS)}>" if draw.below(3) == 0 else text


def _path(draw: Draw) -> str:
    steps = [draw.one((*WORDS, "..")) for _ in range(among(draw, 2, 4))]
    return f"/{'/'.join(steps)}/{draw.one(WORDS)}.txt"


def _list(each: Callable[[Draw], T]) -> Callable[[Draw], list[T]]:
    # All lists of a call have one length: points of a plane, pairs of a regression.
    return lambda draw: [each(draw) for _ in range(5)]


def _text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _of(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": kind, **more}}


KINDS: dict[str, Kind] = {
    "number": Kind({"type": "number"}, _number),
    "integer": Kind({"type": "integer"}, lambda draw: among(draw, 1, 60)),
    "share": Kind(
        {"type": "number", "minimum": 0, "maximum": 1}, lambda draw: among(draw, 1, 19) / 20
    ),
    "text": Kind(_text(), _sentence),
    "character": Kind(_text(minLength=1, maxLength=1), lambda draw: draw.one("aZé7%½+Ωß")),
    "json": Kind(_text(description="a JSON document"), _json),
    "ipv4": Kind(_text(format="ipv4"), _octets),
    "hexadecimal": Kind(
        _text(pattern="^([0-9a-f]{2})+$"), lambda draw: words(draw, 1, 1).encode().hex()
    ),
    "base64": Kind(
        _text(contentEncoding="base64"),
        lambda draw: base64.b64encode(words(draw, 1, 2).encode()).decode(),
    ),
    "bytes": Kind(_text(description="a text, encoded as UTF-8"), lambda draw: words(draw, 2, 5)),
    "numbers": Kind(_of("number"), _list(_number)),
    "integers": Kind(_of("integer"), _list(lambda draw: among(draw, 1, 60))),
    "strings": Kind(_of("string"), _list(lambda draw: draw.one(WORDS))),
    # What only a name tells apart from the others (``HINTS``).
    "year": Kind({"type": "integer"}, lambda draw: among(draw, 1901, 2099)),
    "month": Kind(
        {"type": "integer", "minimum": 1, "maximum": 12}, lambda draw: among(draw, 1, 12)
    ),
    "day": Kind({"type": "integer", "minimum": 1, "maximum": 28}, lambda draw: among(draw, 1, 28)),
    "width": Kind({"type": "integer", "minimum": 10}, lambda draw: among(draw, 12, 50)),
    "word": Kind(_text(), lambda draw: draw.one(WORDS)),
    "path": Kind(_text(), _path),
    "url": Kind(
        _text(format="uri"),
        lambda draw: f"https://{draw.one(WORDS)}.example/{draw.one(WORDS)}?q={draw.one(WORDS)}",
    ),
    "name": Kind(_text(), lambda draw: draw.one(NAMES)),
    "date": Kind(_text(format="date"), date),
    "email": Kind(_text(format="email"), lambda draw: f"{draw.one(WORDS)}@{draw.one(WORDS)}.example"),
    "time": Kind(
        _text(format="date-time"), lambda draw: f"{date(draw)}T{among(draw, 8, 18):02}:30:00Z"
    ),
}

TRIED = ("number", "integer", "share", "text", "character", "json", "hexadecimal", "base64")
TRIED += ( "bytes", "numbers", "integers", "strings")
"""The kinds that are tried in turn where a name tells nothing; the first that always fits is it."""

_NAMED = {
    "year": "year theyear y1 y2",
    "month": "month themonth",
    "day": "day",
    "width": "width",
    "word": "word",
    "text": "s text string",
    "path": "path p filename",
    "url": "url base",
    "ipv4": "address",
    "share": "r g b h l v y i q cutoff",
    "strings": "names possibilities paths lines split_command words m",
    "integers": "integers",
    "numbers": "data seq iterable weights",
    "integer": "n k",
}
"""The kinds that parameters' names tell: the standard library has no annotations."""

HINTS: dict[str, list[str]] = {}
for _kind, _names in _NAMED.items():
    for _name in _names.split():
        HINTS[_name] = [_kind, *(each for each in TRIED if each != _kind)]


def trials(count: int) -> dict[str, list[Any]]:
    """``count`` values of every kind."""
    return {
        name: [kind.draw(Draw("trial", name, number)) for number in range(count)]
        for name, kind in KINDS.items()
    }


def value(schema: Mapping[str, Any], draw: Draw, name: str = "", *, nested: int = 0) -> Any:
    """A value that a JSON schema allows, as far as its type, format, bounds and choices say.

    ``name`` is the property's, which tells a person's name from a title. Raises
    :class:`ValueError` for a schema that says no type, or that nests too deeply.
    """
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return draw.one(schema["enum"])
    for several in ("oneOf", "anyOf"):
        if schema.get(several):
            return value(schema[several][0], draw, name, nested=nested)
    if nested > MOST_NESTED:
        raise ValueError(f"{name}: objects nest too deeply")
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), None) if _is_list(kind) else kind
    match kind:
        case "integer" | "number":
            return _bounded(schema, draw, whole=kind == "integer")
        case "boolean":
            return draw.below(2) == 1
        case "string":
            return _fitting_text(schema, draw, name)
        case "array":
            return _elements(schema, draw, name, nested)
        case "object":
            required = schema.get("required", ())
            properties = schema.get("properties", {})
            return {
                each: value(properties[each], draw, each, nested=nested + 1)
                for each in properties
                if each in required
            }
    raise ValueError(f"{name}: the schema says no type")


def _is_list(kind: Any) -> bool:
    return isinstance(kind, list)


def _bounded(schema: Mapping[str, Any], draw: Draw, *, whole: bool) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    least = 1 if low is None else low
    least = min(least, high) if low is None and high is not None else least
    most = least + 50 if high is None else high
    if whole:
        first = int(least) + (1 if "exclusiveMinimum" in schema else 0)
        step = int(schema.get("multipleOf") or 1)
        first += -first % step
        last = max(first, int(most) - (1 if "exclusiveMaximum" in schema else 0))
        return first + step * draw.below((min(last, first + 10_000 * step) - first) // step + 1)
    return round(least + (min(most, least + 1_000) - least) * among(draw, 1, 19) / 20, 2)


def _fitting_text(schema: Mapping[str, Any], draw: Draw, name: str) -> str:
    formats = {
        "date": "date", "date-time": "time", "email": "email", "uri": "url", "ipv4": "ipv4",
    }  # fmt: skip
    kind = formats.get(schema.get("format", ""))
    if kind is None and "name" in name.lower():
        kind = "name"
    if kind is None:
        return words(draw, 1, 1) if name.lower().endswith("id") else _of_length(schema, draw)
    return str(KINDS[kind].draw(draw))


def _of_length(schema: Mapping[str, Any], draw: Draw) -> str:
    text = words(draw, 1, 3)
    while len(text) < min(schema.get("minLength", 0), 200):
        text += f" {words(draw, 1, 1)}"
    return text[: schema.get("maxLength", len(text))].strip() or text


def _elements(
    schema: Mapping[str, Any], draw: Draw, name: str, nested: int
) -> Sequence[Any]:
    least = min(schema.get("minItems", 1), 5)
    count = among(draw, least, max(least, min(schema.get("maxItems", 3), 3)))
    made: list[Any] = []
    for _ in range(count):
        each = value(schema.get("items") or {"type": "string"}, draw, name, nested=nested + 1)
        if not schema.get("uniqueItems") or each not in made:
            made.append(each)
    return made
