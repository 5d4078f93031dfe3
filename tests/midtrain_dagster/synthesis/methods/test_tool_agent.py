"""A scripted assistant plays sessions; its calls are executed in the real sandbox."""

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.methods.tool_agent import VERSION, Config
from midtrain_dagster.synthesis.tools.sessions import Session, drawn_session
from midtrain_dagster.tokens.transcript import LAYOUT, restored

GOLDEN = (1, "8dfcbfa68ddf1900")

Say = Callable[[Session, int, str], str | None]
"""What is said in a session, in its how manieth request, to a prompt; None: the request fails."""


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"sessions": 8, "generator": generator, "failed_share": 1, **fields})


def make(method: Config, say: Say) -> Made:
    sessions = {
        each.id: each
        for each in (
            drawn_session(method.environments, seed=0, number=number, scenes=method.scenes)
            for number in range(method.sessions)
        )
    }

    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        rows = []
        for identity, prompt in requests.select("id", "prompt").iter_rows():
            name, _, step = identity.partition("/")
            said = say(sessions[name], int(step or 0), prompt)
            rows.append(Completion(said) if said is not None else Completion("", fault="failed"))
        table = requests.with_columns(key="id").hstack(pl.DataFrame(rows, COMPLETED, orient="row"))
        return Answered(table, [Part(table="answers", path=str(number), digest="", bytes=1)], 1)

    collector = Collector(method, source="synthetic_it", written_by="a model")
    return drive(method.make(DOCUMENTS.to_frame(), collector), ask)


def planned(session: Session) -> list[str]:
    """The lines of the assistant that does what is right."""
    lines = []
    for turn in session.turns:
        for call, _ in turn.calls:
            told = {"name": call.name, "arguments": call.arguments}
            lines.append(f" Call: {json.dumps(told)}\nResult: made up")
        lines.append(f"Answer: {turn.answer}")
    return lines


def right(session: Session, step: int, prompt: str) -> str:
    return planned(session)[step]


def instead(step: int, line: str) -> Say:
    return lambda session, at, prompt: line if at == step else right(session, at, prompt)


def test_who_does_what_is_right_gets_to_the_end() -> None:
    made = make(config(), right)
    rows = made.accepted.documents.select("text", "metadata").rows()
    assert len(rows) == 8 - made.accepted.rejects.height > 4
    for text, metadata in rows:
        told = json.loads(metadata)
        messages = restored(text, told[LAYOUT])["messages"]
        session = drawn_session(
            config().environments,
            seed=0,
            number=int(told["requests"][0].split(":")[1]),
            scenes=(1, 3),
        )
        assert told["state"]["after"] == session.after
        assert [each["content"] for each in messages if each["role"] == "user"] == [
            turn.user for turn in session.turns
        ]
        assert [each["content"] for each in messages if each["role"] == "tool"] == [
            result.text for _, result in session.calls
        ]
        assert "made up" not in text


def test_what_was_said_is_in_the_next_prompt() -> None:
    shown: list[str] = []

    def say(session: Session, step: int, prompt: str) -> str:
        shown.append(prompt)
        return right(session, step, prompt)

    make(config(sessions=1), say)
    first, second = shown[0], shown[1]
    assert first.rpartition("User: ")[2].endswith("\n")
    assert second.startswith(first)
    assert "Call: {" in second.removeprefix(first)
    assert "\nResult: " in second.removeprefix(first)


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (instead(0, ""), "neither_call_nor_answer"),
        (instead(0, "I am at your service."), "neither_call_nor_answer"),
        (instead(0, "Answer: "), "neither_call_nor_answer"),
        (instead(0, "Answer: " + "no " * 999), "neither_call_nor_answer"),
        (instead(0, "Call: {"), "no_json"),
        (instead(0, "Call: {}"), "no_call"),
        (instead(0, 'Call: [{"name": "a"}, {"name": "b"}]'), "no_call"),
        (instead(0, 'Call: {"name": "' + "a" * 999 + '"}'), "no_call"),
        (lambda *_: 'Call: {"name": "no"}', "too_many_calls"),
        (lambda session, *_: f"Answer: {session.turns[0].answer}", "another_state"),
        (lambda session, step, _: "Answer: It is done." if step == 1 else right(session, step, ""),
         "result_unsaid"),
        (lambda session, step, _: None if step else right(session, step, ""), "no_answer"),
        (lambda *_: None, "failed"),
    ],
)  # fmt: skip
def test_a_session_ends_with_its_reason(say: Say, reason: str) -> None:
    method = config(sessions=12, most_calls=1 if reason == "too_many_calls" else 4)
    made = make(method, say)
    assert reason in set(made.accepted.rejects["reason"])
    assert reason in (*method.CHECKS, "failed")


def test_a_call_that_is_refused_may_be_mended() -> None:
    def say(session: Session, step: int, prompt: str) -> str:
        if step == 0:
            return 'Call: {"name": "no_such_tool", "arguments": {}}'
        return right(session, step - 1, prompt)

    made = make(config(), say)
    errors = [json.loads(each)["errors"] for each in made.accepted.documents["metadata"]]
    assert errors
    assert min(errors) > 0


def test_scenes_are_two_numbers() -> None:
    with pytest.raises(ValidationError, match="the smaller first"):
        config(scenes=(2, 1))


def test_golden() -> None:
    """Bump VERSION when this changes: stored sessions were made by the old method."""
    shown: list[str] = []

    def say(session: Session, step: int, prompt: str) -> str:
        shown.append(prompt)
        return right(session, step, prompt)

    made = make(config(sessions=4), say)
    told = repr([shown, *(each.rows() for each in made.accepted)])
    assert (VERSION, blake2b(told.encode(), digest_size=8).hexdigest()) == GOLDEN
