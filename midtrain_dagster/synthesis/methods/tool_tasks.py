"""Tool calls that a model thought of, held against format, execution and meaning.

As in APIGen (Liu et al. 2024, arXiv 2406.18518, section 3): a model is shown some tools, writes a
request that needs so many calls of them, and the calls. What comes of it is checked in its order:

1. **format**: the calls are JSON, as many as were asked for, of tools that were shown, with
   arguments that the schemas allow;
2. **execution**: they run in the sandbox, and no one raises an error;
3. **meaning**: every argument's value stands in the request (``tools/meaning.py``), and, where the
   recipe names a ``judge``, it gives each criterion at least ``judge_least`` of 5.

A call that fails the first two is shown to the model once more with the error. Where it is mended,
the conversation keeps the wrong call, the error and the mended one, and says so (``mistake``). The
mended call stands where an error of its own model was, which is what recoveries drawn by rule
(``tool_calls``) do not have.

A tool that cannot be executed here (OpenAPI, MCP) is held against format and meaning alone, and the
document says so (``executed: false``). Several calls that do not wait for one another stand in one
message: ``parallel`` is their share. The answer is written of the results by rule.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import polars as pl
from pydantic import Field

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.inference.generator import GeneratorConfig, Request
from midtrain_dagster.inference.rubric import Rubric
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.synthesis import judging, programs
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.judging import ANSWER_TOKENS, by_rubric
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.programs import Reason as NotRun
from midtrain_dagster.synthesis.tables import Family
from midtrain_dagster.synthesis.tools import (
    calling,
    conversation,
    meaning,
    phrasing,
    simulation,
    sources,
    values,
    written,
)
from midtrain_dagster.synthesis.tools.calling import Call, Failure, Result, execute
from midtrain_dagster.synthesis.tools.conversation import Called, Script, accept
from midtrain_dagster.synthesis.tools.meaning import unsaid
from midtrain_dagster.synthesis.tools.sections import TaskConfig
from midtrain_dagster.synthesis.tools.tool import Tool
from midtrain_dagster.synthesis.tools.written import Fault, Misspelt, against, listed, read, spelt

VERSION = 1
USES = (calling, conversation, judging, meaning, phrasing, programs, sources, values, written)

Reason = Literal[
    Fault, NotRun, "result_untold", "raised", "no_request", "prompt_echo", "value_made_up",
    "duplicate", "judged_unfit", "judge_unreadable", simulation.Reason,
]  # fmt: skip

MENDABLE = ("no_json", "no_call", "unknown_tool", "bad_arguments", "raised")
"""Faults that a model is told of, and may mend."""

STOP = ("\n\n",)
LONGEST_REQUEST = 600  # characters

INSTRUCTION = (
    "Some tools are listed. A person asks for something that needs them, and says every value that "
    "is needed. The calls follow as JSON."
)

WORKED_EXAMPLES = (
    (
        (
            "to_celsius(fahrenheit: number) - Converts a temperature to degrees Celsius.",
            "reverse_text(text: string) - Writes a text from its end to its beginning.",
        ),
        1,
        "It says 68 degrees Fahrenheit on the oven. How much is that in Celsius?",
        '[{"name": "to_celsius", "arguments": {"fahrenheit": 68}}]',
    ),
    (
        (
            "days_between(first: string, last: string) - Counts the days between two dates.",
            "largest(values: list of number, count?: integer) - Finds the largest of some numbers.",
        ),
        1,
        "Which are the 2 largest of 4, 19, 7 and 12?",
        '[{"name": "largest", "arguments": {"values": [4, 19, 7, 12], "count": 2}}]',
    ),
    (
        (
            "count_letters(word: string) - Counts the letters of a word.",
            "cube(x: number) - Returns the third power of x.",
        ),
        2,
        'How many letters has the word "harbour"? And what is 2.5 to the third power?',
        '[{"name": "count_letters", "arguments": {"word": "harbour"}}, '
        '{"name": "cube", "arguments": {"x": 2.5}}]',
    ),
)

CRITERIA = (
    "the calls do what the request asks for, and nothing else",
    "the results answer the request",
)


Judging = Generator[Round, pl.DataFrame, dict[str, float | None]]
"""Yields the judge's round, and returns the least score of each attempt."""


class _Attempt(NamedTuple):
    """What a model thought of."""

    id: str
    requests: list[str]
    request: str
    calls: list[Call]
    offered: list[Tool]
    wrong: tuple[str, list[Call], str] | None = None
    """Why its first calls were none, those calls, and what was said to them."""
    results: list[Result] | None = None
    is_simulated: bool = False


class _Wrong(NamedTuple):
    """Something that is no attempt, or not yet."""

    reason: str
    error: str = ""
    request: str = ""
    calls: Sequence[Call] = ()


class Config(TaskConfig):
    """Requests for tools that a model writes with their calls, which are executed and checked."""

    FAMILY: ClassVar[Family] = "distillation"
    FORM: ClassVar[str] = "tool_calls"
    PROMPT_VERSION: ClassVar[int] = 1
    CHECKS: ClassVar[Sequence[str]] = tuple(dict.fromkeys(get_args(Reason)))
    STOP: ClassVar[Sequence[str]] = STOP

    method: Literal["tool_tasks"] = "tool_tasks"
    offered: int = Field(default=3, ge=1, le=32, description="tools of a task")
    parallel: float = Field(
        default=0.3, ge=0, le=1, description="share of tasks that ask for several calls at once"
    )
    most_calls: int = Field(default=2, ge=2, le=8, description="calls of a task with several")
    judge: GeneratorConfig | None = Field(
        default=None, description="the model that scores what request, calls and results say"
    )
    judge_least: float = Field(
        default=4, ge=1, le=5, description="the least that the judge gives each criterion, of 5"
    )
    max_new_tokens: int = Field(default=160, gt=0, description="tokens of a completion, at most")
    domain: str = Field(default="tool_tasks", description="the domain that conversations feed")

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What generators, sandbox and files lack."""
        yield from super().findings(find)
        if self.judge is not None:
            yield from (each.below("judge") for each in self.judge.findings(find))

    @property
    def also_asked(self) -> dict[str, GeneratorConfig]:
        """Who plays the tools, and who judges the tasks."""
        return {**super().also_asked, **({"judge_of_tasks": self.judge} if self.judge else {})}

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        """Ask for tasks, have their calls mended once, and have a judge look at what is left."""
        tools = self.tools.harvest().tools
        by_name = {tool.name: tool for tool in tools}
        wanted = {f"task:{number}": self._wanted(number, tools) for number in range(self.tasks)}
        answered = yield _round(
            {each: prompt(offered, count) for each, (offered, count) in wanted.items()},
            self.request,
        )
        said = dict(answered.select("id", "completion").iter_rows())
        first = {each: parse(text, *wanted[each], identity=each) for each, text in said.items()}
        first = executed(first, by_name)
        mending = {
            f"mend:{each}": mending_prompt(wanted[each][0], wrong)
            for each, wrong in first.items()
            if isinstance(wrong, _Wrong) and wrong.reason in MENDABLE and wrong.request
        }
        if mending:
            answered = yield _round(mending, self.request)
            again = dict(answered.select("id", "completion").iter_rows())
            first |= executed(_mended(again, first, wanted), by_name)
        sound: dict[str, _Attempt] = {}
        asked: set[str] = set()
        for each, made in first.items():
            reason = made.reason if isinstance(made, _Wrong) else _meaning(made, by_name, asked)
            if reason:
                collector.reject(each, reason, said[each])
            elif isinstance(made, _Attempt):
                asked.add(made.request)
                sound[each] = made
        unplayed = {each: made.calls for each, made in sound.items() if made.results is None}
        played = yield from self.played(unplayed, by_name)
        for each, results in played.items():
            if isinstance(results, Failure):
                collector.reject(each, results.reason, f"{said[each]}\n{results.detail}")
                del sound[each]
            else:
                sound[each] = sound[each]._replace(results=results, is_simulated=True)
        scores = yield from self._judged(sound)
        for each, made in sound.items():
            least = scores.get(each, 5.0)
            if least is None or least < self.judge_least:
                reason = "judge_unreadable" if least is None else "judged_unfit"
                collector.reject(each, reason, said[each])
                continue
            _accept(collector, made, by_name, {"judge": least} if each in scores else None)
        return collector.tables()

    def _wanted(self, number: int, tools: Sequence[Tool]) -> tuple[list[Tool], int]:
        """The tools that a task is offered, and how many calls it is to have."""
        draw = Draw("tool_request", self.seed, number)
        first = draw.one(tools)
        alike = [each for each in tools if (each.function is None) == (first.function is None)]
        others = [each for each in alike if each is not first]
        offered = [first, *draw.sample(others, min(self.offered - 1, len(others)))]
        several = draw.uniform() < self.parallel and len(offered) > 1
        return draw.shuffled(offered), values.among(draw, 2, self.most_calls) if several else 1

    def _judged(self, sound: Mapping[str, _Attempt]) -> Judging:
        """The least score of each, None for one that cannot be read; nothing without a judge."""
        if self.judge is None or not sound:
            return {}
        rows = [(each, _shown(made)) for each, made in sound.items()]
        cases = pl.DataFrame(rows, {"id": pl.String, "text": pl.String}, orient="row")
        request = Request(generator=self.judge, max_new_tokens=ANSWER_TOKENS, seed=self.seed)
        scores = yield from by_rubric(cases, Rubric(CRITERIA), request)
        found: dict[str, float | None] = {}
        for each, _, score in scores.iter_rows():
            known = found.get(each, 5.0)
            found[each] = None if score is None or known is None else min(known, score)
        return found


def _round(prompts: Mapping[str, str], request: Request) -> Round:
    schema = {"id": pl.String, "prompt": pl.String}
    return Round(pl.DataFrame([*prompts.items()], schema, orient="row"), request)


def prompt(offered: Sequence[Tool], count: int) -> str:
    """The worked examples, and the tools of a task."""
    worked = [
        _task(tools, calls, f" {request}\nJSON: {spelling}")
        for tools, calls, request, spelling in WORKED_EXAMPLES
    ]
    return "\n\n".join([INSTRUCTION, *worked, _task([*map(listed, offered)], count, "")])


def _task(tools: Sequence[str], count: int, rest: str) -> str:
    return "\n".join(["Tools:", *tools, f"Calls: {count}", f"Request:{rest}"])


def mending_prompt(offered: Sequence[Tool], wrong: _Wrong) -> str:
    """The tools, the request, the calls that were none with what is wrong with them."""
    task = _task([*map(listed, offered)], max(1, len(wrong.calls)), f" {wrong.request}")
    example = _task(WORKED_EXAMPLES[0][0], 1, f" {WORKED_EXAMPLES[0][2]}")
    bad = '[{"name": "to_celsius", "arguments": {"degrees": 68}}]'
    error = "invalid arguments of to_celsius: there is no parameter 'degrees'"
    worked = f"{example}\nJSON: {bad}\nError: {error}\nMended JSON: {WORKED_EXAMPLES[0][3]}"
    said = spelt(wrong.calls) if wrong.calls else "none"
    return "\n\n".join(
        [INSTRUCTION, worked, f"{task}\nJSON: {said}\nError: {wrong.error}\nMended JSON:"]
    )


def parse(
    completion: str, offered: Sequence[Tool], count: int, *, identity: str
) -> _Attempt | _Wrong:
    """The request and the calls of a completion, or what is wrong with it."""
    request, _, rest = completion.partition("\nJSON:")
    request = " ".join(request.split())
    if not request or len(request) > LONGEST_REQUEST or not any(map(str.isalpha, request)):
        return _Wrong("no_request")
    if any(request == other for _, _, other, _ in WORKED_EXAMPLES):
        return _Wrong("prompt_echo")
    calls = read(rest)
    if isinstance(calls, Misspelt):
        return _Wrong(calls.reason, calls.error, request)
    wrong = against(calls, {tool.name: tool for tool in offered}, count)
    if wrong is not None:
        return _Wrong(wrong.reason, wrong.error, request, calls)
    return _Attempt(identity, [identity], request, calls, [*offered])


def executed(
    attempts: Mapping[str, _Attempt | _Wrong], tools: Mapping[str, Tool]
) -> dict[str, _Attempt | _Wrong]:
    """The attempts with their results, or what went wrong; those of tools that cannot be executed
    as they are."""
    runs = {
        each: made
        for each, made in attempts.items()
        if isinstance(made, _Attempt) and all(tools[call.name].function for call in made.calls)
    }
    outcomes = execute([made.calls for made in runs.values()], tools)
    found = dict(attempts)
    for (each, made), results in zip(runs.items(), outcomes, strict=True):
        if isinstance(results, Failure):
            found[each] = _Wrong(results.reason, results.detail)
            continue
        error = next((result.text for result in results if result.failed), None)
        found[each] = (
            made._replace(results=results)
            if error is None
            else _Wrong("raised", error, made.request, made.calls)
        )
    return found


def _mended(
    again: Mapping[str, str],
    before: Mapping[str, _Attempt | _Wrong],
    wanted: Mapping[str, tuple[list[Tool], int]],
) -> dict[str, _Attempt | _Wrong]:
    """The attempts of which the model mended the calls."""
    found: dict[str, _Attempt | _Wrong] = {}
    for key, completion in again.items():
        each = key.removeprefix("mend:")
        wrong, (offered, count) = before[each], wanted[each]
        calls = read(completion)
        if not isinstance(wrong, _Wrong) or isinstance(calls, Misspelt):
            continue
        if against(calls, {tool.name: tool for tool in offered}, count) is None:
            # Calls that were not even JSON cannot be shown as calls: the task is as if asked anew.
            kept = (wrong.reason, [*wrong.calls], wrong.error) if wrong.calls else None
            found[each] = _Attempt(each, [each, key], wrong.request, calls, offered, kept)
    return found


def _meaning(made: _Attempt, tools: Mapping[str, Tool], asked: set[str]) -> str | None:
    """The reason of one whose values are made up, or that was asked before."""
    if any(
        unsaid(call.arguments, tools[call.name].parameters, made.request) for call in made.calls
    ):
        return "value_made_up"
    return "duplicate" if made.request in asked else None


def _shown(made: _Attempt) -> str:
    """An attempt as a judge reads it."""
    results = [each.text for each in made.results] if made.results else ["not executed"]
    return f"Request: {made.request} Calls: {spelt(made.calls)} Results: {'; '.join(results)}"


def _accept(
    collector: Collector,
    made: _Attempt,
    tools: Mapping[str, Tool],
    scores: Mapping[str, float] | None,
) -> None:
    script = Script()
    script.user(made.request)
    if made.wrong:
        _, calls, error = made.wrong
        script.calls([Called(call, f"Error: {error}") for call in calls])
    results = made.results
    said = [each.text for each in results] if results else [None] * len(made.calls)
    script.calls([Called(*pair) for pair in zip(made.calls, said, strict=True)])
    if results:
        pairs = [(tools[call.name], one) for call, one in zip(made.calls, results, strict=True)]
        script.assistant(phrasing.answer(pairs, Draw("tool_answer", made.id)))
    accept(
        collector,
        made.requests,
        script,
        made.offered,
        form="tool_recovery" if made.wrong else "tool_calls",
        generated=[made.request],
        scores=scores,
        metadata={
            "shape": "parallel" if len(made.calls) > 1 else "single",
            "executed": results is not None and not made.is_simulated,
            **({"simulated": True} if made.is_simulated else {}),
            **({"mistake": made.wrong[0]} if made.wrong else {}),
        },
    )
