"""Small worlds with state, whose functions are tools: accounts, a calendar, notes.

Each is a class: its state is JSON, its methods are the tools, their type hints and docstrings what
a model is told of them. A call that makes no sense raises an error that says why, and changes
nothing.

This file is also run as a program inside the sandbox (``sessions.py``), so it needs the standard
library alone. It reads ``environment``, ``state`` and ``calls`` as JSON from its standard input,
makes the calls in their order, and prints a line for each and one for the state that they leave.
"""

import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

OPENS, CLOSES = 8, 18
"""Hours between which a calendar takes events."""


class WorldError(ValueError):
    """Something that a world does not do."""


class Accounts:
    """Accounts with whole euros."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def list_accounts(self) -> list[str]:
        """Lists the names of all accounts."""
        return sorted(self.state)

    def get_balance(self, account: str) -> int:
        """Tells how many euros an account has."""
        if account not in self.state:
            raise WorldError(f"no account {account!r}; there are {', '.join(sorted(self.state))}")
        balance: int = self.state[account]
        return balance

    def transfer(self, source: str, target: str, amount: int) -> dict[str, int]:
        """Moves whole euros from one account to another, and tells what both have then."""
        for account in (source, target):
            self.get_balance(account)
        if source == target or amount <= 0:
            raise WorldError("a transfer needs two accounts and an amount above 0")
        if self.state[source] < amount:
            raise WorldError(
                f"{source} has {self.state[source]} euros, which is less than {amount}"
            )
        self.state[source] -= amount
        self.state[target] += amount
        return {source: self.state[source], target: self.state[target]}

    def open_account(self, account: str) -> str:
        """Opens an empty account."""
        if account in self.state:
            raise WorldError(f"there is an account {account!r} already")
        self.state[account] = 0
        return f"{account} is open"


class Calendar:
    """Events of whole hours on days."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def list_events(self, day: str) -> list[str]:
        """Lists the events of a day (YYYY-MM-DD) with their hours."""
        events = self.state.get(day, {})
        ordered = sorted(events.items(), key=lambda each: each[1])
        return [f"{hour}:00 {title}" for title, hour in ordered]

    def add_event(self, title: str, day: str, hour: int) -> str:
        """Adds an event of one hour on a day (YYYY-MM-DD), from a full hour on."""
        events = self.state.get(day, {})
        if not OPENS <= hour < CLOSES:
            raise WorldError(f"events are between {OPENS}:00 and {CLOSES}:00")
        if title in events:
            raise WorldError(f"there is a {title!r} on {day} already, at {events[title]}:00")
        taken = next((other for other, at in events.items() if at == hour), None)
        if taken is not None:
            raise WorldError(f"{hour}:00 on {day} is taken by {taken!r}")
        self.state[day] = {**events, title: hour}
        return f"{title} is on {day} at {hour}:00"

    def cancel_event(self, title: str, day: str) -> str:
        """Cancels an event of a day (YYYY-MM-DD)."""
        if title not in self.state.get(day, {}):
            raise WorldError(f"there is no {title!r} on {day}")
        del self.state[day][title]
        return f"{title} on {day} is cancelled"


class Notes:
    """Texts under names."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def list_notes(self) -> list[str]:
        """Lists the names of all notes."""
        return sorted(self.state)

    def read_note(self, name: str) -> str:
        """Reads a note."""
        if name not in self.state:
            raise WorldError(f"there is no note {name!r}")
        text: str = self.state[name]
        return text

    def write_note(self, name: str, text: str) -> str:
        """Writes a new note."""
        if name in self.state:
            raise WorldError(f"there is a note {name!r} already; append to it, or delete it")
        self.state[name] = text
        return f"{name} is written"

    def append_to_note(self, name: str, text: str) -> str:
        """Adds a line to a note."""
        self.state[name] = f"{self.read_note(name)}\n{text}"
        return f"{name} has {len(self.state[name].splitlines())} lines"

    def delete_note(self, name: str) -> str:
        """Deletes a note."""
        self.read_note(name)
        del self.state[name]
        return f"{name} is deleted"


ENVIRONMENTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "accounts": Accounts,
    "calendar": Calendar,
    "notes": Notes,
}


def functions(environment: str) -> dict[str, Callable[..., Any]]:
    """The tools of a world, as functions of it."""
    found = vars(ENVIRONMENTS[environment])
    return {name: each for name, each in found.items() if not name.startswith("_")}


def outcome(world: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a call returned, or the error that it raised."""
    if name not in functions(type(world).__name__.lower()):
        return {"error": f"there is no tool {name!r}"}
    function = getattr(world, name)
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        return {"error": f"invalid arguments: {error}"}
    try:
        return {"result": function(**arguments)}
    except (WorldError, TypeError, ValueError, AttributeError) as error:
        return {"error": str(error)}


def main() -> None:
    """Make the calls that the standard input orders."""
    order = json.load(sys.stdin)
    world = ENVIRONMENTS[order["environment"]](order["state"])
    for call in order["calls"]:
        print(json.dumps(outcome(world, call["name"], call["arguments"])), flush=True)
    print(json.dumps({"state": world.state}), flush=True)


if __name__ == "__main__":
    main()
