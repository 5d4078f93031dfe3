import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.tools.environments import ENVIRONMENTS, functions, outcome
from midtrain_dagster.synthesis.tools.sessions import (
    Session,
    drawn_session,
    environment_tools,
    executed,
)

ALL: Any = ("accounts", "calendar", "notes")


def drawn(count: int) -> list[Session]:
    return [drawn_session(ALL, seed=3, number=number, scenes=(1, 4)) for number in range(count)]


def test_sessions_are_executed_as_they_were_planned() -> None:
    sessions = drawn(24)
    assert set(executed(sessions)) == {None}
    assert {session.environment for session in sessions} == set(ALL)
    assert any(result.failed for session in sessions for _, result in session.calls)
    assert any(session.after != session.state for session in sessions)
    some = next(session for session in sessions if session.calls)
    other = some._replace(after={"x": 1})
    call, result = some.calls[0]
    said = [(call, result._replace(text="no"))]
    third = some._replace(turns=[some.turns[0]._replace(calls=said)])
    faults = [failure and failure.reason for failure in executed([some, other, third])]
    assert faults == [None, "another_result", "another_result"]


def test_every_scene_is_drawn_and_turns_are_bounded() -> None:
    sessions = drawn(600)
    scenes = {scene for session in sessions for scene in session.scenes}
    assert len(scenes) == 10
    assert max(len(session.turns) for session in sessions) <= 8
    assert drawn(5) == sessions[:5]
    for session in sessions:
        for turn in session.turns:
            assert turn.user and turn.answer
            # An assistant that was refused finds out more, or says what it could not do.
            if turn.calls and turn.calls[-1][1].failed:
                assert (
                    "?" in turn.answer or "already" in turn.answer or "not possible" in turn.answer
                )


def test_money_is_neither_made_nor_lost() -> None:
    for session in drawn(300):
        if session.environment == "accounts":
            assert sum(session.after.values()) == sum(session.state.values())
            assert min(session.after.values()) >= 0


@pytest.mark.parametrize("environment", ALL)
@given(data=st.data())
def test_a_call_that_fails_changes_nothing(environment: Any, data: st.DataObject) -> None:
    state = {"a": 5, "b": 0} if environment == "accounts" else {}
    if environment == "calendar":
        state = {"2024-01-01": {"a": 9}}  # type: ignore[dict-item]
    world = ENVIRONMENTS[environment](json.loads(json.dumps(state)))
    values = st.sampled_from(["a", "b", "2024-01-01", "x", 9, 3, -1, 40, None, ["a"]])
    names = st.sampled_from([*functions(environment), "__init__", "state", "no"])
    parameters = ["account", "source", "target", "amount", "title", "day", "hour", "name", "text"]
    calls = st.tuples(names, st.dictionaries(st.sampled_from(parameters), values, max_size=3))
    for name, arguments in data.draw(st.lists(calls, max_size=12)):
        before = json.dumps(world.state)
        made = outcome(world, name, arguments)
        assert made.keys() <= {"result", "error"}
        if "error" in made:
            assert json.dumps(world.state) == before


def test_tools_are_told_by_hints_and_docstrings() -> None:
    tools = {tool.name: tool for tool in environment_tools("accounts")}
    assert list(tools) == ["list_accounts", "get_balance", "transfer", "open_account"]
    transfer = tools["transfer"]
    assert transfer.description.startswith("Moves whole euros from one account to another")
    assert transfer.parameters == {
        "type": "object",
        "properties": {
            "source": {"type": "string"},
            "target": {"type": "string"},
            "amount": {"type": "integer"},
        },
        "required": ["source", "target", "amount"],
    }
