"""Tools that cannot be executed, played by a model: what each call of a session answers.

Kimi K2 (arXiv 2507.20534, section 3.1.1) and ToolSandbox-like data play tools so where a real one
cannot be had. A simulated answer is made up, so it is held to what can be known of it, and the
document says ``simulated``:

- it is JSON, on one line (``simulated_no_json``);
- the schema that the tool declares for its answers allows it (``simulated_bad_answer``); a schema
  that cannot be read is no schema, and the task is left out (``unreadable_schema``);
- it says of the call what the call says, and of a thing that was shown before in the session, known
  by its identifiers, what was shown, but for what this call gives (``simulated_contradicts``).

Calls of a session are asked one after the other, each with what was answered before; the same call
is answered alike, and not asked again. Whether an answer is plausible nobody checks.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Literal

import polars as pl

from midtrain_dagster.inference.generator import GeneratorConfig, Request
from midtrain_dagster.synthesis.method import Round
from midtrain_dagster.synthesis.tools import calling, parameters, tool, written
from midtrain_dagster.synthesis.tools.calling import Call, Failure, Result, told
from midtrain_dagster.synthesis.tools.parameters import value_fault
from midtrain_dagster.synthesis.tools.tool import Tool
from midtrain_dagster.synthesis.tools.written import listed

VERSION = 1
USES = (calling, parameters, tool, written)

Reason = Literal[
    "simulated_no_json", "simulated_bad_answer", "simulated_contradicts", "simulated_unanswered",
    "unreadable_schema",
]  # fmt: skip

ANSWER_TOKENS = 256
"""Of a simulated answer, at most."""

STOP = ("\n",)

INSTRUCTION = (
    "A program answers calls of tools with JSON on one line. It keeps to the schema of the answer, "
    "and what it answered before stays true."
)

_PARCEL = (
    '{"type": "object", "properties": {"parcel_id": {"type": "string"}, "state": {"enum": '
    '["packed", "on its way", "delivered"]}, "grams": {"type": "integer"}}, "required": '
    '["parcel_id", "state"]}'
)
WORKED_EXAMPLES = (
    (
        "find_parcel(parcel_id: string) - Finds a parcel.",
        _PARCEL,
        (),
        '{"parcel_id": "KX-204"}',
        '{"parcel_id": "KX-204", "state": "on its way", "grams": 1400}',
    ),
    (
        "list_parcels(town: string, most?: integer) - Lists the parcels for a town.",
        '{"type": "array", "items": ' + _PARCEL + "}",
        (
            'find_parcel {"parcel_id": "KX-204"} -> '
            '{"parcel_id": "KX-204", "state": "on its way", "grams": 1400}',
        ),
        '{"town": "Oban"}',
        '[{"parcel_id": "KX-204", "state": "on its way", "grams": 1400}, '
        '{"parcel_id": "LB-117", "state": "packed"}]',
    ),
    (
        "cancel_order(order_id: integer) - Cancels an order.",
        "any JSON",
        (),
        '{"order_id": 5521}',
        '{"order_id": 5521, "cancelled": true}',
    ),
)
"""Tool, schema of its answer, what was answered before, arguments, answer."""

_IDENTIFIER = re.compile(r"(?i)(?:^|_)(?:id|uuid|isbn|number|code|slug)$|[a-z]Id$")

Simulation = Generator[Round, pl.DataFrame, dict[str, list[Result] | Failure]]
"""Yields a round for each place in the sessions, and returns the results of each."""

Before = list[tuple[Call, Result]]


def simulate(
    sessions: Mapping[str, Sequence[Call]],
    tools: Mapping[str, Tool],
    simulator: GeneratorConfig,
    *,
    seed: int,
) -> Simulation:
    """The results of each session's calls in their order, or why it has none."""
    request = Request(generator=simulator, max_new_tokens=ANSWER_TOKENS, seed=seed, stop=STOP)
    done: dict[str, Before] = {identity: [] for identity in sessions}
    failed = {
        identity: Failure("unreadable_schema", unreadable)
        for identity, calls in sessions.items()
        if (unreadable := next(_unreadable(calls, tools), None)) is not None
    }
    for place in range(max(map(len, sessions.values()), default=0)):
        due = {
            identity: calls[place]
            for identity, calls in sessions.items()
            if identity not in failed and place < len(calls)
        }
        asked: dict[str, str] = {}
        for identity, call in due.items():
            known = next((one for other, one in done[identity] if other == call), None)
            if known is not None:
                done[identity].append((call, known))
            else:
                asked[f"simulate:{place}:{identity}"] = prompt(
                    tools[call.name], call, done[identity]
                )
        if not asked:
            continue
        schema = {"id": pl.String, "prompt": pl.String}
        answered = yield Round(pl.DataFrame([*asked.items()], schema, orient="row"), request)
        said = dict(answered.select("id", "completion").iter_rows())
        for key in asked:
            identity = key.split(":", 2)[2]
            call = due[identity]
            found = read(said.get(key), tools[call.name], call, done[identity])
            if isinstance(found, Failure):
                failed[identity] = found
            else:
                done[identity].append((call, found))
    return {
        identity: failed.get(identity) or [result for _, result in done[identity]]
        for identity in sessions
    }


def prompt(tool: Tool, call: Call, before: Before) -> str:
    """The worked examples, the tool, what the session has shown, and the call."""
    shown = [
        f"{earlier.name} {_json(dict(earlier.arguments))} -> {result.text}"
        for earlier, result in before
    ]
    schema = "any JSON" if tool.answer is None else _json(tool.answer)
    asked = _case(listed(tool), schema, shown, _json(dict(call.arguments)), "")
    return "\n\n".join([INSTRUCTION, *(_case(*each) for each in WORKED_EXAMPLES), asked])


def _case(tool: str, schema: str, before: Sequence[str], arguments: str, answer: str) -> str:
    lines = [f"Tool: {tool}", f"Schema of the answer: {schema}"]
    lines += [f"Before: {each}" for each in before]
    return "\n".join([*lines, f"Call: {arguments}", f"Answer: {answer}".rstrip()])


def read(completion: str | None, tool: Tool, call: Call, before: Before) -> Result | Failure:
    """What a simulated answer says, or what is wrong with it; None: there is none."""
    if completion is None:
        return Failure("simulated_unanswered")
    text = completion.strip().partition("\n")[0]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Failure("simulated_no_json", text)
    if isinstance(tool.answer, dict) and (said := value_fault(value, tool.answer)):
        return Failure("simulated_bad_answer", f"{text}\n{said}")
    if said := contradiction(value, call, before):
        return Failure("simulated_contradicts", f"{text}\n{said}")
    return Result(told(value), value, arguments=call.arguments)


def contradiction(value: Any, call: Call, before: Before) -> str | None:
    """What an answer says otherwise than its call, or than what the session has shown."""
    if isinstance(value, dict):
        for name, given in call.arguments.items():
            if _is_plain(given) and name in value and value[name] != given:
                return f"called with {name} {given!r}, and answers {value[name]!r}"
    shown: dict[tuple[str, Any], dict[str, Any]] = {}
    for _, result in before:
        for each in _objects(result.value):
            for identity in _identifiers(each):
                shown[identity] = {**shown.get(identity, {}), **each}
    for each in _objects(value):
        for identity in _identifiers(each):
            for name, one in shown.get(identity, {}).items():
                is_given = name in call.arguments
                if not is_given and _is_plain(one) and name in each and each[name] != one:
                    return f"{identity[0]} {identity[1]!r} had {name} {one!r}, now {each[name]!r}"
    return None


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a JSON value, the outer before the inner."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value
    for each in inner if isinstance(value, dict | list) else ():
        yield from _objects(each)


def _identifiers(each: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in each.items():
        if _IDENTIFIER.search(name) and isinstance(value, str | int):
            yield name, value


def _unreadable(calls: Sequence[Call], tools: Mapping[str, Tool]) -> Iterator[str]:
    for call in calls:
        answer = tools[call.name].answer
        if isinstance(answer, str):
            yield f"{call.name}: {answer}"


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
