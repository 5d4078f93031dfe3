"""Conversations of several turns with a world that has state, executed from first to last.

A user who is a program asks for one thing after the other, and what is asked next depends on what
the tools said: an account has too little, an hour is taken, a note is there already. The assistant
calls, is refused, finds out why, and mends the call or asks. Such sessions are what multi-turn data
sets make with a model as user and another as tools (Kimi K2, arXiv 2507.20534; tau-bench, Yao et
al. 2024, arXiv 2406.12045, whose measure is the state at the end). Here the user and the assistant
are rules over three small worlds (``tools/environments.py``), so a trajectory is right whatever the
generator is; it may say the first request in other words, under the same checks as in
``tool_calls``. What that gives up is variety: ten scenes.

Every session is executed in the sandbox, in one process with one state, and is accepted if each
result and the state at its end are as planned. ``errors`` counts the calls that were refused on the
way, which are kept.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.synthesis import programs
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.programs import Reason as NotRun
from midtrain_dagster.synthesis.tables import Family
from midtrain_dagster.synthesis.tools import conversation, rephrasing, sessions
from midtrain_dagster.synthesis.tools.conversation import Called, Script, accept
from midtrain_dagster.synthesis.tools.meaning import says_all
from midtrain_dagster.synthesis.tools.rephrasing import STOP, prompt, rephrased
from midtrain_dagster.synthesis.tools.sections import SessionConfig
from midtrain_dagster.synthesis.tools.sessions import (
    Session,
    Turn,
    drawn_session,
    environment_tools,
    executed,
)

VERSION = 1
USES = (conversation, programs, rephrasing, sessions)

Reason = Literal[NotRun, "another_result", "no_turn", "duplicate"]


class Config(SessionConfig):
    """Sessions of several turns with accounts, a calendar or notes, executed with their state."""

    FAMILY: ClassVar[Family] = "evolution"
    FORM: ClassVar[str] = "tool_session"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = tuple(dict.fromkeys(get_args(Reason)))
    STOP: ClassVar[Sequence[str]] = STOP

    method: Literal["tool_sessions"] = "tool_sessions"
    max_new_tokens: int = Field(default=64, gt=0, description="tokens of a rephrasing, at most")
    domain: str = Field(default="tool_sessions", description="the domain that sessions feed")

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Draw sessions, ask for other words of how each begins, and execute them."""
        drawn = [
            drawn_session(self.environments, seed=self.seed, number=number, scenes=self.scenes)
            for number in range(self.sessions)
        ]
        every = {session.id: session for session in drawn}
        rows = [(each.id, prompt(each.turns[0].user if each.turns else "")) for each in drawn]
        asked = pl.DataFrame(rows, {"id": pl.String, "prompt": pl.String}, orient="row")
        answered = yield Round(asked, self.request)
        said: set[str] = set()
        outcomes = executed([every[each] for each in answered["id"]])
        for (identity, completion), failure in zip(
            answered.select("id", "completion").iter_rows(), outcomes, strict=True
        ):
            session = every[identity]
            users = "\n".join(turn.user for turn in session.turns)
            reason = _reason(session, users in said) if failure is None else failure.reason
            if reason is not None:
                collector.reject(identity, reason, users)
                continue
            said.add(users)
            _accept(collector, session, completion)
        return collector.tables()


def _reason(session: Session, known: bool) -> Reason | None:
    if not session.turns:
        return "no_turn"
    return "duplicate" if known else None


def _stated(turn: Turn) -> Iterator[Any]:
    """What the calls of a turn were called with and the user said."""
    for call, _ in turn.calls:
        yield from (each for each in call.arguments.values() if says_all([each], turn.user))


def _accept(collector: Collector, session: Session, completion: str) -> None:
    first, *_ = session.turns
    own = rephrased(completion, first.user, [*_stated(first)])
    script = Script()
    for turn in session.turns:
        script.user(own if own and turn is first else turn.user)
        for call, result in turn.calls:
            script.calls([Called(call, result.text)])
        script.assistant(turn.answer)
    errors = sum(result.failed for _, result in session.calls)
    accept(
        collector,
        session.id,
        script,
        environment_tools(session.environment),
        form="tool_session",
        generated=[own] if own else [],
        metadata={
            "environment": session.environment,
            "scenes": session.scenes,
            "turns": len(session.turns),
            "request": "rephrased" if own else "by_rule",
            "executed": True,
            "errors": errors,
            "state": {"before": session.state, "after": session.after},
        },
    )
