"""Sessions in which the model itself is the assistant, kept where it reaches the right state.

The user and the world are those of ``tool_sessions``: a program asks for one thing after the other,
and what it asks next follows from the state that the right calls leave. The model sees the tools,
what was said, called and returned, and writes a call or an answer. Its calls are executed in the
sandbox, on a world whose state is carried over the turns. After each turn the state has to be the
planned one, which is how tau-bench measures agents (Yao et al. 2024, arXiv 2406.12045), and the
answer has to say the numbers that the planned one says. A call that the world refuses is no fault:
what the model makes of the error is what is learnt, and ``errors`` counts them.

Everything is bounded: ``most_calls`` in a turn, the turns by the scenes. It is for a generator
behind an endpoint; a small model rarely gets to an end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.synthesis import programs
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.programs import Reason as NotRun
from midtrain_dagster.synthesis.tables import Family
from midtrain_dagster.synthesis.tools import conversation, meaning, sessions, written
from midtrain_dagster.synthesis.tools.calling import Call, Failure, Result
from midtrain_dagster.synthesis.tools.conversation import Called, Script, accept
from midtrain_dagster.synthesis.tools.meaning import numbers_in
from midtrain_dagster.synthesis.tools.sections import SessionConfig
from midtrain_dagster.synthesis.tools.sessions import (
    Session,
    drawn_session,
    environment_tools,
    run_calls,
)
from midtrain_dagster.synthesis.tools.written import Misspelt, listed, read

VERSION = 1
USES = (conversation, meaning, programs, sessions, written)

Reason = Literal[
    NotRun, "neither_call_nor_answer", "no_json", "no_call", "too_many_calls", "another_state",
    "result_unsaid", "no_answer",
]  # fmt: skip

STOP = ("\n",)
LONGEST_ANSWER = 600  # characters
LONGEST_CALL = 500

EXAMPLE = """Tools:
get_light(room: string) - Tells whether the light of a room is on.
set_light(room: string, on: boolean) - Switches the light of a room.

User: Is it dark in the hall? Then switch the light on.
Call: {"name": "get_light", "arguments": {"room": "hal"}}
Result: Error: there is no room 'hal'; there are hall, kitchen
Call: {"name": "get_light", "arguments": {"room": "hall"}}
Result: off
Call: {"name": "set_light", "arguments": {"room": "hall", "on": true}}
Result: the light of hall is on
Answer: It was dark in the hall. I have switched the light on.
User: And in the kitchen?
Call: {"name": "get_light", "arguments": {"room": "kitchen"}}
Result: on
Answer: In the kitchen the light is on."""

INSTRUCTION = (
    "An assistant has tools. After each line it writes one call of a tool as JSON (Call:), or, "
    "once it knows all that it needs, what it says to the user (Answer:)."
)


class Config(SessionConfig):
    """Sessions with accounts, a calendar or notes in which the generator plays the assistant."""

    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "tool_session"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = tuple(dict.fromkeys(get_args(Reason)))
    STOP: ClassVar[Sequence[str]] = STOP

    method: Literal["tool_agent"] = "tool_agent"
    scenes: tuple[int, int] = Field((1, 3), description="scenes of a session, at least and at most")
    most_calls: int = Field(default=4, ge=1, le=16, description="calls of a turn, at most")
    max_new_tokens: int = Field(default=80, gt=0, description="tokens of a call or answer, at most")
    domain: str = Field(default="tool_agent", description="the domain that sessions feed")

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Go on with all sessions, a line of each a round, until each is at its end."""
        drawn = (
            drawn_session(self.environments, seed=self.seed, number=number, scenes=self.scenes)
            for number in range(self.sessions)
        )
        playing = {each.id: _Play(each) for each in drawn if each.turns}
        first = True
        while playing or first:
            asked = {play.request: play for play in playing.values()}
            rows = [(each, play.prompt) for each, play in asked.items()]
            table = pl.DataFrame(rows, {"id": pl.String, "prompt": pl.String}, orient="row")
            answered = yield Round(table, self.request)
            said = dict(answered.select("id", "completion").iter_rows())
            if first:
                # The frame has counted those that have no answer.
                playing = {each: play for each, play in playing.items() if each in said}
            first = False
            self._go_on(playing, said, collector)
        return collector.tables()

    def _go_on(
        self, playing: "dict[str, _Play]", said: Mapping[str, str], collector: Collector
    ) -> None:
        """Take a line of each session, and leave out those that are at an end."""
        ended: dict[str, str | None] = {}
        calling = []
        for each, play in playing.items():
            reason = play.hear(said.get(play.request), self.most_calls)
            if reason is not None:
                ended[each] = reason
            elif play.waiting:
                calling.append(play)
        orders = [(play.session.environment, play.session.state, play.every) for play in calling]
        for play, made in zip(calling, run_calls(orders), strict=True):
            if isinstance(made, Failure):
                ended[play.session.id] = made.reason
            else:
                play.returned(made.results[-1], made.state)
        for each, play in playing.items():
            if each not in ended and play.is_done:
                ended[each] = None
        for each, fault in ended.items():
            play = playing.pop(each)
            if fault is None:
                _accept(collector, play)
            else:
                collector.reject(each, fault, play.heard)


@dataclass
class _Play:
    """A session that is being played."""

    session: Session
    turn: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    every: list[Call] = field(default_factory=list)
    """The calls of all turns."""
    in_turn: list[tuple[Call, Result]] = field(default_factory=list)
    waiting: bool = False
    """Whether the last call has no result yet."""
    asked: int = 0
    lines: list[str] = field(default_factory=list)
    script: Script = field(default_factory=Script)
    requests: list[str] = field(default_factory=list)
    errors: int = 0
    heard: str = ""

    def __post_init__(self) -> None:
        self.state = self.session.state
        self._user()

    @property
    def request(self) -> str:
        """The id of the request that is due."""
        return f"{self.session.id}/{self.asked}" if self.asked else self.session.id

    @property
    def prompt(self) -> str:
        """The worked example, the tools, and what was said so far."""
        tools = "\n".join(["Tools:", *map(listed, environment_tools(self.session.environment))])
        return "\n\n".join([INSTRUCTION, EXAMPLE, tools, "\n".join(self.lines) + "\n"])

    @property
    def is_done(self) -> bool:
        """Whether every turn was answered."""
        return self.turn == len(self.session.turns)

    def hear(self, completion: str | None, most_calls: int) -> Reason | None:
        """Take what the model wrote; why the session ends with it, if it does."""
        self.requests.append(self.request)
        self.asked += 1
        if completion is None:
            return "no_answer"
        self.heard = completion
        line = completion.strip().partition("\n")[0].strip()
        if line.startswith("Answer:"):
            return self._answered(line.removeprefix("Answer:").strip())
        if not line.startswith("Call:"):
            return "neither_call_nor_answer"
        call = _one_call(line)
        if isinstance(call, str):
            return call
        if len(self.in_turn) == most_calls:
            return "too_many_calls"
        self.every.append(call)
        self.lines.append(line)
        self.waiting = True
        return None

    def returned(self, result: Result, state: dict[str, Any]) -> None:
        """Take what the last call returned."""
        call = self.every[-1]
        self.waiting, self.state = False, state
        self.errors += result.failed
        self.in_turn.append((call, result))
        self.lines.append(f"Result: {' '.join(result.text.split())}")
        self.script.calls([Called(call, result.text)])

    def _answered(self, answer: str) -> Reason | None:
        planned = self.session.turns[self.turn]
        if not answer or len(answer) > LONGEST_ANSWER:
            return "neither_call_nor_answer"
        if self.state != planned.after:
            return "another_state"
        if not numbers_in(planned.answer) <= numbers_in(answer):
            return "result_unsaid"
        self.script.assistant(answer)
        self.lines.append(f"Answer: {answer}")
        self.turn, self.in_turn = self.turn + 1, []
        if not self.is_done:
            self._user()
        return None

    def _user(self) -> None:
        said = self.session.turns[self.turn].user
        self.script.user(said)
        self.lines.append(f"User: {said}")


def _one_call(line: str) -> Call | Reason:
    """The call that a line spells, or why it spells none."""
    calls = read(line)
    if isinstance(calls, Misspelt):
        return "no_json" if calls.reason == "no_json" else "no_call"
    return calls[0] if len(calls) == 1 and len(line) <= LONGEST_CALL else "no_call"


def _accept(collector: Collector, play: _Play) -> None:
    session = play.session
    accept(
        collector,
        play.requests,
        play.script,
        environment_tools(session.environment),
        form="tool_session",
        generated=[],
        metadata={
            "environment": session.environment,
            "scenes": session.scenes,
            "turns": len(session.turns),
            "executed": True,
            "errors": play.errors,
            "state": {"before": session.state, "after": play.state},
        },
    )
