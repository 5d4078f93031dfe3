"""What the sections of methods have in common that write conversations with tools.

They ask about no documents: their seeds are tasks over tools that a recipe names, or sessions with
the tools of an environment that is defined here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, versions_of
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.inference.generator import GeneratorConfig, Request
from midtrain_dagster.synthesis.programs import ExecutingConfig
from midtrain_dagster.synthesis.tables import Thought
from midtrain_dagster.synthesis.tools import simulation
from midtrain_dagster.synthesis.tools.calling import Call
from midtrain_dagster.synthesis.tools.conversation import EXAMPLES
from midtrain_dagster.synthesis.tools.sessions import Environment
from midtrain_dagster.synthesis.tools.simulation import Simulation, simulate
from midtrain_dagster.synthesis.tools.sources import ToolSources
from midtrain_dagster.synthesis.tools.tool import Tool
from midtrain_dagster.tokens.transcript import Conversation

MOST_SCENES = 8


class ConversingConfig(ExecutingConfig):
    """Conversations with tools: what is called is executed."""

    KIND: ClassVar[Kind] = "agent"
    THOUGHT: ClassVar[Thought] = "none"
    CONVERSATIONS: ClassVar[Sequence[Conversation]] = EXAMPLES
    STOP: ClassVar[Sequence[str]]
    """What ends a completion."""

    @property
    def domains(self) -> Sequence[str]:
        """It asks about no documents."""
        return ()

    @property
    def request(self) -> Request:
        """How the generator is asked: up to where a completion ends."""
        return super().request.model_copy(update={"stop": tuple(self.STOP)})

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """None: its seeds are its own."""
        return documents.clear()


class TaskConfig(ConversingConfig):
    """Tasks over tools that the recipe names."""

    tools: ToolSources = Field(ToolSources(), description="where the tools come from")
    tasks: int = Field(gt=0, description="tasks that are drawn or asked for")
    simulator: Annotated[GeneratorConfig | None, CAUSE_IF_SET] = Field(
        None,
        description="the model that plays tools of files, which cannot be executed; null: a "
        "conversation ends with their calls",
    )

    @property
    def documents(self) -> int:
        """The tasks."""
        return self.tasks

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What generator, sandbox and files lack."""
        yield from super().findings(find)
        yield from (each.below("tools") for each in self.tools.findings(find))
        if self.simulator is not None:
            yield from (each.below("simulator") for each in self.simulator.findings(find))

    @property
    def also_asked(self) -> dict[str, GeneratorConfig]:
        """Who plays the tools."""
        return {} if self.simulator is None else {"simulator": self.simulator}

    def given(self, find: FindPath) -> dict[str, Any]:
        """What the tools are, and how they are played."""
        played = {} if self.simulator is None else {"simulation": versions_of(simulation)}
        return {"tools": self.tools.given(find), **played}

    def played(
        self, sessions: Mapping[str, Sequence[Call]], tools: Mapping[str, Tool]
    ) -> Simulation:
        """The results of calls of tools that cannot be executed; none without a simulator."""
        if self.simulator is None or not sessions:
            return {}
        return (yield from simulate(sessions, tools, self.simulator, seed=self.seed))

    def located(self, find: FindPath) -> Self:
        """The same, with paths of tools that can be opened."""
        return self.model_copy(update={"tools": self.tools.located(find)})


class SessionConfig(ConversingConfig):
    """Sessions with the tools of an environment."""

    sessions: int = Field(gt=0, description="sessions that are drawn")
    environments: list[Environment] = Field(
        ["accounts", "calendar", "notes"], min_length=1, description="worlds that are drawn from"
    )
    scenes: tuple[int, int] = Field((2, 4), description="scenes of a session, at least and at most")

    @model_validator(mode="after")
    def _some_scenes(self) -> Self:
        least, most = self.scenes
        if not 1 <= least <= most <= MOST_SCENES:
            raise ValueError(f"scenes: give two numbers from 1 to {MOST_SCENES}, the smaller first")
        return self

    @property
    def documents(self) -> int:
        """The sessions."""
        return self.sessions
