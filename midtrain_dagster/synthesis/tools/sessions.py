"""Sessions with a world that has state: who asks what, what is called, and what comes of it.

A session is a few scenes, one after the other. The user is a program: what it says next depends on
what the tools said, as where an account has too little or an hour is taken. The assistant of the
rule does what is right in each scene, errors included: it calls, is refused, finds out why, and
mends the call or asks. A session is planned on a world in this process, whose code is ours, and is
then executed in the sandbox, where every result and the state at the end have to be as planned.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.sandbox.run import Program
from midtrain_dagster.synthesis import programs
from midtrain_dagster.synthesis.programs import run_programs
from midtrain_dagster.synthesis.tools import calling, environments, tool, values
from midtrain_dagster.synthesis.tools.calling import Call, Failure, Result, lines, told
from midtrain_dagster.synthesis.tools.environments import CLOSES, ENVIRONMENTS, OPENS, outcome
from midtrain_dagster.synthesis.tools.tool import Tool, described
from midtrain_dagster.synthesis.tools.values import WORDS, among, date, words

VERSION = 1
USES = (calling, programs, tool, values)

Environment = Literal["accounts", "calendar", "notes"]

PROGRAM = Path(environments.__file__).read_text(encoding="utf-8")

_TYPES = {str: "string", int: "integer"}


class Turn(NamedTuple):
    """What the user says, and what the assistant then does."""

    user: str
    calls: list[tuple[Call, Result]]
    """One after the other."""
    answer: str
    after: dict[str, Any]
    """The state that they leave."""


class Session(NamedTuple):
    """A planned session."""

    id: str
    environment: Environment
    state: dict[str, Any]
    """Before it."""
    scenes: list[str]
    turns: list[Turn]
    after: dict[str, Any]
    """The state at its end."""

    @property
    def calls(self) -> list[tuple[Call, Result]]:
        """Those of all turns."""
        return [each for turn in self.turns for each in turn.calls]


class Assistant:
    """Calls the tools of a world, and keeps what was called since the user spoke."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self._called: list[tuple[Call, Result]] = []

    def call(self, name: str, /, **arguments: Any) -> Result:
        """Call a tool."""
        made = outcome(self.world, name, arguments)
        failed = "error" in made
        text = f"Error: {made['error']}" if failed else told(made["result"])
        result = Result(text, made.get("result"), failed=failed, arguments=arguments)
        self._called.append((Call(name, arguments), result))
        return result

    def turn(self, user: str, answer: str) -> Turn:
        """The turn that these calls answer."""
        called, self._called = self._called, []
        return Turn(user, called, answer, copied(self.world.state))


Scene = Callable[[Assistant, Draw], Iterator[Turn]]


def environment_tools(environment: Environment) -> list[Tool]:
    """The tools of a world, by the type hints and docstrings of its functions."""
    found = []
    for name, function in environments.functions(environment).items():
        signature = inspect.signature(function, eval_str=True)
        hints = {each.name: each.annotation for each in signature.parameters.values()}
        properties = {
            each: {"type": _TYPES[hint]} for each, hint in hints.items() if each != "self"
        }
        schema = {"type": "object", "properties": properties, "required": [*properties]}
        said = described(inspect.getdoc(function) or "")
        found.append(Tool(name, said, schema, f"environment:{environment}.{name}"))
    return found


def drawn_session(
    environments: Sequence[Environment], *, seed: int, number: int, scenes: tuple[int, int]
) -> Session:
    """A session of so many scenes, as its seed and number say."""
    draw = Draw("tool_session", seed, number)
    environment = draw.one(environments)
    state = _STATES[environment](draw)
    world = ENVIRONMENTS[environment](copied(state))
    assistant = Assistant(world)
    known = _SCENES[environment]
    chosen = [draw.one(list(known)) for _ in range(among(draw, *scenes))]
    turns = [turn for scene in chosen for turn in known[scene](assistant, draw)]
    return Session(f"session:{number}", environment, state, chosen, turns, world.state)


def copied(state: dict[str, Any]) -> dict[str, Any]:
    """A state that changes by itself."""
    made: dict[str, Any] = json.loads(json.dumps(state))
    return made


class Ran(NamedTuple):
    """What a world said to calls, and the state that they left."""

    results: list[Result]
    state: dict[str, Any]


def run_calls(
    orders: Sequence[tuple[Environment, dict[str, Any], Sequence[Call]]],
) -> Iterator[Ran | Failure]:
    """Make the calls of each order in the sandbox, on a world with its state.

    Raises ``SandboxError`` where nothing can be run.
    """
    asked = [
        {
            "environment": environment,
            "state": state,
            "calls": [{"name": call.name, "arguments": dict(call.arguments)} for call in calls],
        }
        for environment, state, calls in orders
    ]
    ran = run_programs([Program(PROGRAM, input=json.dumps(each)) for each in asked])
    for (_, _, calls), each in zip(orders, ran, strict=True):
        *said, last = lines(each.stdout) or [{}]
        if each.reason is not None or len(said) != len(calls) or "state" not in last:
            yield Failure(each.reason or "failed", each.stderr[-500:])
            continue
        results = [
            Result(_text(one), one.get("result"), failed="error" in one, arguments=call.arguments)
            for one, call in zip(said, calls, strict=True)
        ]
        yield Ran(results, last["state"])


def executed(sessions: Sequence[Session]) -> Iterator[Failure | None]:
    """What is wrong with each session once it is executed in the sandbox; none: every result and
    the state at its end are as they were planned. Raises ``SandboxError``."""
    orders = [(each.environment, each.state, [call for call, _ in each.calls]) for each in sessions]
    for session, made in zip(sessions, run_calls(orders), strict=True):
        if isinstance(made, Failure):
            yield made
            continue
        same = made.results == [result for _, result in session.calls]
        yield None if same and made.state == session.after else Failure("another_result")


def _text(made: Mapping[str, Any]) -> str:
    return f"Error: {made['error']}" if "error" in made else told(made["result"])


# Worlds as they are before a session.


def _accounts(draw: Draw) -> dict[str, Any]:
    names = draw.sample(("checking", "savings", "holiday", "rent", "gifts"), 3)
    return {name: 10 * among(draw, 2, 90) for name in names}


def _calendar(draw: Draw) -> dict[str, Any]:
    titles = draw.sample(WORDS, 3)
    hours = draw.sample(range(OPENS, CLOSES), 3)
    return {
        date(draw): {f"{title} meeting": hour for title, hour in zip(titles, hours, strict=True)}
    }


def _notes(draw: Draw) -> dict[str, Any]:
    return {f"{name} list": words(draw, 3, 6) for name in draw.sample(WORDS, 3)}


# Scenes.


def _asks_for_balance(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    account = draw.one(sorted(assistant.world.state))
    balance = assistant.call("get_balance", account=account)
    user = draw.one(
        ("How much is in {a}?", "What does my {a} account have?", "Balance of {a}, please.")
    )
    yield assistant.turn(user.format(a=account), f"There are {balance.text} euros in {account}.")


def _transfers(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    source, target = draw.sample(sorted(assistant.world.state), 2)
    amount = among(draw, 1, 12) * 25
    user = draw.one(
        ("Move {n} euros from {a} to {b}.", "Please transfer {n} euros from {a} to {b}.")
    )
    made = assistant.call("transfer", source=source, target=target, amount=amount)
    user = user.format(n=amount, a=source, b=target)
    if not made.failed:
        left = made.value
        answer = f"Done. {source} has {left[source]} euros now, and {target} has {left[target]}."
        yield assistant.turn(user, answer)
        return
    there = assistant.world.state[source]
    yield assistant.turn(
        user, f"{source} has {there} euros, so I could not move {amount}. What shall I do?"
    )
    if there == 0 or draw.below(3) == 0:
        yield assistant.turn("Then leave it as it is.", "I have changed nothing.")
        return
    part, said = draw.one(
        ((there, "all that is there"), (max(1, there // 2), "half of what is there, rounded down"))
    )
    made = assistant.call("transfer", source=source, target=target, amount=part)
    yield assistant.turn(
        f"Then move {said}.",
        f"I have moved {part} euros. {target} has {made.value[target]} now.",
    )


def _misspells_account(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    account = draw.one(sorted(assistant.world.state))
    wrong = _misspelt(account, draw)
    refused = assistant.call("get_balance", account=wrong)
    if not refused.failed:
        yield assistant.turn(f"How much is in {wrong}?", f"{wrong} has {refused.text} euros.")
        return
    (meant,) = get_close_matches(wrong, assistant.world.list_accounts(), 1, 0) or [account]
    balance = assistant.call("get_balance", account=meant)
    yield assistant.turn(
        f"How much do I have in {wrong}?",
        f"There is no {wrong}; I took it for {meant}, which has {balance.text} euros.",
    )


def _opens_account(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    name = draw.one(WORDS)
    made = assistant.call("open_account", account=name)
    answer = f"{name} is open, and empty." if not made.failed else f"You have {name} already."
    yield assistant.turn(f"Open an account named {name}.", answer)


def _adds_event(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    day = draw.one((*assistant.world.state, date(draw)))
    title, hour = f"{draw.one(WORDS)} meeting", among(draw, OPENS, CLOSES - 1)
    taken = sorted(assistant.world.state.get(day, {}).values())
    if taken and draw.below(2):
        hour = draw.one(taken)
    user = draw.one(("Put the {t} on {d} at {h}:00.", "Please add the {t} on {d}, from {h}:00 on."))
    made = assistant.call("add_event", title=title, day=day, hour=hour)
    user = user.format(t=title, d=day, h=hour)
    if not made.failed:
        yield assistant.turn(user, f"Your {title} is on {day} at {hour}:00.")
        return
    assistant.call("list_events", day=day)
    busy = set(assistant.world.state[day].values())
    free = next((each for each in range(OPENS, CLOSES) if each not in busy), None)
    if free is None or title in assistant.world.state[day]:
        yield assistant.turn(user, f"That is not possible: {made.text.removeprefix('Error: ')}.")
        return
    yield assistant.turn(user, f"{hour}:00 is taken on {day}. Would {free}:00 do?")
    if draw.below(4) == 0:
        yield assistant.turn("No, then not.", "I have added nothing.")
        return
    assistant.call("add_event", title=title, day=day, hour=free)
    yield assistant.turn("Yes, that is fine.", f"Your {title} is on {day} at {free}:00.")


def _asks_for_events(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    day = draw.one((*assistant.world.state, date(draw)))
    made = assistant.call("list_events", day=day)
    answer = f"On {day}: {'; '.join(made.value)}." if made.value else f"There is nothing on {day}."
    user = draw.one(("What do I have on {d}?", "Which events are there on {d}?"))
    yield assistant.turn(user.format(d=day), answer)


def _cancels_event(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    day = draw.one(list(assistant.world.state))
    titles = sorted(assistant.world.state[day])
    if not titles:
        return
    title = draw.one(titles)
    assistant.call("cancel_event", title=title, day=day)
    yield assistant.turn(f"Cancel the {title} on {day}.", f"The {title} on {day} is cancelled.")


def _writes_note(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    name = draw.one((*sorted(assistant.world.state), f"{draw.one(WORDS)} list"))
    text = words(draw, 2, 5)
    made = assistant.call("write_note", name=name, text=text)
    user = f'Write "{text}" into a note named {name}.'
    if not made.failed:
        yield assistant.turn(user, f"The note {name} is written.")
        return
    yield assistant.turn(user, f"There is a note {name} already. Shall I add to it?")
    if draw.below(3) == 0:
        yield assistant.turn("No.", "I have left it as it is.")
        return
    assistant.call("append_to_note", name=name, text=text)
    yield assistant.turn("Yes, add it.", f"I have added it to {name}.")


def _reads_note(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    names = sorted(assistant.world.state)
    if not names:
        return
    name = draw.one(names)
    wrong = _misspelt(name, draw) if draw.below(2) else name
    made = assistant.call("read_note", name=wrong)
    if made.failed:
        listed = assistant.call("list_notes")
        (name,) = get_close_matches(wrong, listed.value, 1, 0)
        made = assistant.call("read_note", name=name)
    yield assistant.turn(f"What does my note {wrong} say?", f"{name} says: {made.text}")


def _deletes_note(assistant: Assistant, draw: Draw) -> Iterator[Turn]:
    names = sorted(assistant.world.state)
    if len(names) < 2:
        return
    name = draw.one(names)
    assistant.call("delete_note", name=name)
    yield assistant.turn(f"Delete the note {name}.", f"The note {name} is deleted.")
    if draw.below(2):
        left = assistant.call("list_notes")
        yield assistant.turn("Which notes are left?", f"These: {', '.join(left.value)}.")


def _misspelt(word: str, draw: Draw) -> str:
    at = draw.below(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


_STATES: dict[Environment, Callable[[Draw], dict[str, Any]]] = {
    "accounts": _accounts,
    "calendar": _calendar,
    "notes": _notes,
}

_SCENES: dict[Environment, dict[str, Scene]] = {
    "accounts": {
        "asks_for_balance": _asks_for_balance,
        "transfers": _transfers,
        "misspells_account": _misspells_account,
        "opens_account": _opens_account,
    },
    "calendar": {
        "adds_event": _adds_event,
        "asks_for_events": _asks_for_events,
        "cancels_event": _cancels_event,
    },
    "notes": {
        "writes_note": _writes_note,
        "reads_note": _reads_note,
        "deletes_note": _deletes_note,
    },
}
