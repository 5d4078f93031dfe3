"""What runs inside the sandbox: calls of tools, and the look at a module's functions.

This file is read as text and run as a program of its own (``calling.py``, ``python_functions.py``),
so it needs the standard library alone and no other file of this project. It reads an order as JSON
from its standard input and prints a line of JSON for each call, or each function.
"""

import importlib
import inspect
import itertools
import json
import math
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

LONGEST_RESULT = 2_000  # characters
LONGEST_LIST = 100
SECONDS = 0.5  # of one trial of a function
MOST_REQUIRED = 3
MOST_COMBINATIONS = 2_000

OUTSIDE = ("open", "os.", "socket.", "subprocess.", "shutil.", "tempfile.", "ctypes.", "signal.")
"""Events (of ``sys.addaudithook``) by which a function shows that it is more than its result."""

seen: list[str] = []


class NoResult(ValueError):
    """A result that cannot be told in a conversation."""


class TooSlow(BaseException):
    """A function takes too long; no handler of its own catches this."""


def plain(value: Any) -> Any:
    """A result as JSON has it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    if hasattr(value, "_asdict"):
        return {key: plain(each) for key, each in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(each) for each in value), key=repr)
    if isinstance(value, list | tuple | range) or hasattr(value, "__next__"):
        listed = list(itertools.islice(value, LONGEST_LIST + 1))
        if len(listed) > LONGEST_LIST:
            raise NoResult(f"a list of more than {LONGEST_LIST} elements")
        return [plain(each) for each in listed]
    if hasattr(value, "hexdigest"):
        return value.hexdigest()
    if type(value).__module__ in ("fractions", "decimal", "datetime", "ipaddress", "uuid"):
        return str(value)
    raise NoResult(f"a {type(value).__name__}")


def short(value: Any) -> Any:
    """The same, or an error for one that is too long to be told."""
    told = plain(value)
    if len(json.dumps(told)) > LONGEST_RESULT:
        raise NoResult(f"a result of more than {LONGEST_RESULT} characters")
    return told


def function_of(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def call(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    required: Sequence[str] = (),
    encoded: Sequence[str] = (),
    spread: str | None = None,
) -> Any:
    """Call a function with arguments by name: what is required by its place, the rest by name."""
    given = {
        name: value.encode() if name in encoded and isinstance(value, str) else value
        for name, value in arguments.items()
    }
    if spread:
        return function(*given[spread])
    first = [given[name] for name in required]
    rest = {name: value for name, value in given.items() if name not in required}
    return function(*first, **rest)


def outcome(function: Callable[..., Any], arguments: dict[str, Any], **how: Any) -> dict[str, Any]:
    """What a call returned, or the error that it raised."""
    try:
        return {"result": short(call(function, arguments, **how))}
    except NoResult as error:
        return {"untold": str(error)}
    except RecursionError:
        return {"untold": "it recurses too deeply"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:LONGEST_RESULT]}


def run_calls(order: dict[str, Any]) -> None:
    """A line for each call, in their order."""
    for each in order["calls"]:
        function = function_of(each["path"])
        how = {key: each[key] for key in ("required", "encoded", "spread")}
        print(json.dumps(outcome(function, each["arguments"], **how)), flush=True)


# The look at a module: which kinds of values each function takes, found by trying.


def hook(event: str, _: tuple[Any, ...]) -> None:
    """Note what reaches outside."""
    if event.startswith(OUTSIDE):
        seen.append(event)


def interrupted(*_: Any) -> None:
    """Stop what takes too long."""
    raise TooSlow


def parameters_of(
    function: Callable[..., Any],
) -> tuple[list[str], str | None, dict[str, Any]]:
    """What a function requires, its ``*parameter``, and what it may be given beside."""
    required: list[str] = []
    spread: str | None = None
    optional: dict[str, Any] = {}
    for each in inspect.signature(function).parameters.values():
        if each.kind == each.VAR_POSITIONAL:
            spread = each.name
        elif each.kind == each.VAR_KEYWORD:
            continue
        elif each.default is each.empty:
            if each.kind == each.KEYWORD_ONLY:
                raise ValueError("requires a keyword")
            required.append(each.name)
        elif each.kind != each.POSITIONAL_ONLY and type(each.default) in (bool, int, float, str):
            optional[each.name] = each.default
    if not required and not spread:
        # ``sha256(string=b"")``: what has no value of its own worth calling it with.
        first = next(iter(inspect.signature(function).parameters.values()), None)
        if first is not None and first.kind == first.POSITIONAL_OR_KEYWORD:
            required = [first.name]
            optional.pop(first.name, None)
    return required, spread, optional


def trial(
    function: Callable[..., Any],
    names: Sequence[str],
    kinds: Sequence[str],
    values: dict[str, list[Any]],
    number: int,
    spread: str | None,
) -> dict[str, Any]:
    """Call a function with values of these kinds."""
    arguments = {
        name: values[kind][(number + place) % len(values[kind])]
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    encoded = [name for name, kind in zip(names, kinds, strict=True) if kind == "bytes"]
    before = json.dumps(arguments)
    made = outcome(function, arguments, required=names, encoded=encoded, spread=spread)
    made["echo"] = made.get("result") in list(arguments.values())
    made["changed"] = json.dumps(arguments) != before
    return made


def fitting(
    function: Callable[..., Any], names: Sequence[str], order: dict[str, Any], spread: str | None
) -> tuple[Sequence[str], list[dict[str, Any]]] | None:
    """The kinds of values that a function takes, with what its trials gave; none: it takes none."""
    values, hints = order["values"], order["hints"]
    lists = ("numbers", "integers", "strings")
    choices = [lists if spread else hints.get(name, order["kinds"]) for name in names]
    trials = len(next(iter(values.values())))
    for kinds in itertools.islice(itertools.product(*choices), MOST_COMBINATIONS):
        made: list[dict[str, Any]] = []
        for number in range(trials):
            made.append(trial(function, names, kinds, values, number, spread))
            if "result" not in made[-1]:
                break
        else:
            return kinds, made
    return None


def looked_at(function: Callable[..., Any], order: dict[str, Any]) -> dict[str, Any]:
    """A function's parameters and their kinds, or why it is no tool."""
    try:
        required, spread, optional = parameters_of(function)
    except (ValueError, TypeError):
        return {"reason": "no_signature"}
    names = [*required, *([spread] if spread else [])]
    if not names or len(names) > MOST_REQUIRED or (spread and required):
        return {"reason": "other_parameters"}
    found = fitting(function, names, order, spread)
    if found is None:
        return {"reason": "no_kind_fits"}
    kinds, first = found
    seen.clear()
    trials = range(len(first))
    again = [trial(function, names, kinds, order["values"], number, spread) for number in trials]
    results = {json.dumps(each.get("result")) for each in again}
    checks = {
        "reads_or_writes": bool(seen),
        "another_result": again != first,
        "changes_arguments": any(each["changed"] for each in again),
        "says_nothing": results <= {"null", '""', "[]", "{}"},
        "always_the_same": len(results) == 1,
        "echo": all(each["echo"] for each in again),
    }
    reason = next((reason for reason, holds in checks.items() if holds), None)
    if reason:
        return {"reason": reason}
    return {
        "documentation": inspect.getdoc(function) or "",
        "kinds": dict(zip(names, kinds, strict=True)),
        "optional": optional,
        "spread": spread,
    }


def look(order: dict[str, Any]) -> None:
    """A line for each function of a module before it is tried, and one after."""
    module = importlib.import_module(order["module"])
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    sys.addaudithook(hook)
    signal.signal(signal.SIGALRM, interrupted)
    printed = sys.stdout
    for name in sorted(set(names) - set(order["passed_over"])):
        function: Any = getattr(module, name, None)
        if not inspect.isroutine(function):
            continue
        if getattr(function, "__module__", None) not in (order["module"], order["origin"], None):
            continue
        print(json.dumps({"begins": name}), file=printed, flush=True)
        noise = Noise()
        sys.stdout = noise  # type: ignore[assignment]
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            told = looked_at(function, order)
        except TooSlow:
            told = {"reason": "too_slow"}
        except Exception as error:
            told = {"reason": "broken", "detail": type(error).__name__}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout = printed
        told = {"reason": "prints"} if noise.said else told
        print(json.dumps({"name": name, **told}), file=printed, flush=True)


class Noise:
    """Takes what a function prints."""

    said = False

    def write(self, _: str) -> None:
        """Forget it."""
        self.said = True

    def flush(self) -> None:
        """There is nothing to be written."""


if __name__ == "__main__":
    given = json.load(sys.stdin)
    {"call": run_calls, "look": look}[given["do"]](given)
