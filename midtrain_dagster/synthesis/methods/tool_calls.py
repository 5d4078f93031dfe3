"""Tool calls that are right by construction: drawn, executed, and then said in words.

Data of agents is scarce, and most of what is trained on is made by models that call made-up tools
(the survey *LLM Mid-Training*, arXiv 2510.23081, section 8.3.3). Here the order is turned round.
Tools are harvested (``tools/sources.py``); a task draws calls with arguments that fit the
parameters; they are executed in the sandbox; the request is written of the calls, and the answer of
the results. So the trajectory is right whatever the generator is, which may only say the request in
other words, and is believed where every value of the calls still stands there and no number is new.
Otherwise the request is the rule's, and the document says which it is (``request``).

Shapes of tasks are those of the Berkeley function-calling leaderboard (Patil et al. 2025) and of
APIGen's data (Liu et al. 2024, arXiv 2406.18518): one call, several at once, several one after the
other, and some that take what the one before returned. In a share of them the first call goes
wrong, is told so, and is mended; the metadata label it (``mistake``), for a stage that learns from
all turns of the assistant (``loss_on: assistant``) learns the wrong call as well.

A tool that cannot be executed here (OpenAPI, MCP) ends the conversation with its call, which was
held against its schema (``executed: false``).
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self, get_args

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.synthesis import programs
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.tables import Family
from midtrain_dagster.synthesis.tools import (
    calling,
    conversation,
    phrasing,
    rephrasing,
    simulation,
    sources,
    tasks,
)
from midtrain_dagster.synthesis.tools.calling import Call, Failure, Result, execute
from midtrain_dagster.synthesis.tools.conversation import Called, Script, accept
from midtrain_dagster.synthesis.tools.rephrasing import STOP, prompt, rephrased
from midtrain_dagster.synthesis.tools.sections import TaskConfig
from midtrain_dagster.synthesis.tools.tasks import Shape, Task, drawn_task
from midtrain_dagster.synthesis.tools.tool import Tool

VERSION = 1
USES = (calling, conversation, phrasing, programs, rephrasing, sources, tasks)

Reason = Literal["failed", "ended_early", "crashed", "timed_out", "too_much_memory",
                 "too_much_output", "result_untold", "duplicate", simulation.Reason]  # fmt: skip


class Config(TaskConfig):
    """Calls of tools that were drawn and executed, with the request that a model may rephrase."""

    FAMILY: ClassVar[Family] = "evolution"
    FORM: ClassVar[str] = "tool_calls"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = get_args(Reason)
    STOP: ClassVar[Sequence[str]] = STOP

    method: Literal["tool_calls"] = "tool_calls"
    shapes: dict[Shape, float] = Field(
        {"single": 0.4, "parallel": 0.25, "sequence": 0.15, "chain": 0.2},
        description="the share of tasks of each shape, of those that their first tool can have",
    )
    most_calls: int = Field(default=3, ge=2, le=8, description="calls of a task with several")
    others: int = Field(default=3, ge=0, le=32, description="tools offered that are not called")
    mistakes: float = Field(
        default=0.15, ge=0, le=1, description="share of tasks whose first call goes wrong at first"
    )
    max_new_tokens: int = Field(default=96, gt=0, description="tokens of a rephrasing, at most")
    domain: str = Field(default="tool_calls", description="the domain that conversations feed")

    @model_validator(mode="after")
    def _some_shape(self) -> Self:
        if min(self.shapes.values(), default=-1) < 0 or not sum(self.shapes.values()):
            raise ValueError("shapes: give at least one a share above 0, and none below")
        return self

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Draw tasks, execute them, and ask for other words of each request."""
        tools = self.tools.harvest().tools
        drawn = [
            drawn_task(
                tools,
                seed=self.seed,
                number=number,
                shapes=self.shapes,
                most_calls=self.most_calls,
                others=self.others,
                mistakes=self.mistakes,
                played=self.simulator is not None,
            )
            for number in range(self.tasks)
        ]
        every = {task.id: task for task in drawn if task is not None}
        rows = [(task.id, prompt(task.request)) for task in every.values()]
        asked = pl.DataFrame(rows, {"id": pl.String, "prompt": pl.String}, orient="row")
        answered = yield Round(asked, self.request)
        by_name = {tool.name: tool for tool in tools}
        said: set[str] = set()
        ids = answered["id"].to_list()
        executed = dict(zip(ids, executions([every[each] for each in ids], by_name), strict=True))
        unplayed = {each: every[each].calls for each, made in executed.items() if made is None}
        played = yield from self.played(unplayed, by_name)
        for identity, completion in answered.select("id", "completion").iter_rows():
            task, results = every[identity], played.get(identity, executed[identity])
            if isinstance(results, Failure):
                collector.reject(identity, results.reason, f"{task.request}\n{results.detail}")
                continue
            if task.request in said:
                collector.reject(identity, "duplicate", task.request)
                continue
            said.add(task.request)
            _accept(collector, task, results, completion, by_name, identity in played)
        return collector.tables()


def executions(
    every: Sequence[Task], tools: dict[str, Tool]
) -> Iterator[list[Result] | Failure | None]:
    """The results of each task's calls; none: its tools cannot be executed."""
    runs = [all(tools[call.name].function for call in task.calls) for task in every]
    made = execute([task.calls for task, can in zip(every, runs, strict=True) if can], tools)
    for can in runs:
        yield next(made) if can else None


def _accept(
    collector: Collector,
    task: Task,
    results: list[Result] | None,
    completion: str,
    tools: dict[str, Tool],
    is_simulated: bool,
) -> None:
    draw = Draw("tool_answer", task.id)
    stated = [
        each
        for call in task.calls
        for each in call.arguments.values()
        if not (isinstance(each, dict) and "result_of" in each)
    ]
    own = None if task.shape == "chain" else rephrased(completion, task.request, stated)
    script = Script()
    script.user(own or task.request)
    if task.wrong:
        script.calls([Called(task.wrong.call, task.wrong.error)])
    if results is None:
        script.calls([Called(call, None) for call in task.calls])
    else:
        # What waits for a result that did not come is not called.
        failed = next((at for at, each in enumerate(results) if each.failed), len(results))
        results = results[: failed + 1] if task.shape == "chain" else results
        called = [
            Called(Call(call.name, dict(result.arguments)), result.text)
            for call, result in zip(task.calls, results, strict=False)
        ]
        for group in [called] if task.shape == "parallel" else [[each] for each in called]:
            script.calls(group)
        pairs = [(tools[each.call.name], one) for each, one in zip(called, results, strict=True)]
        script.assistant(phrasing.answer(pairs, draw))
    accept(
        collector,
        task.id,
        script,
        task.offered,
        form="tool_recovery" if task.wrong else "tool_calls",
        generated=[own] if own else [],
        metadata={
            "shape": task.shape,
            "request": "rephrased" if own else "by_rule",
            "executed": results is not None and not is_simulated,
            **({"simulated": True} if is_simulated else {}),
            "errors": sum(each.failed for each in results or ()),
            **({"mistake": task.wrong.mistake} if task.wrong else {}),
        },
    )
