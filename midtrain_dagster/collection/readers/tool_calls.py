"""Records of tool calls, made by calling functions of the running Python's standard library.

An agent's data is scarce, and what a model makes up of it is hard to check (the survey *LLM
Mid-Training*, arXiv 2510.23081, section 8.3.3). Here a program plays user and assistant: a request
in words, the call that serves it, what the function really returned or the error that it raised,
and the answer that says so. So every trajectory is verified, for it was executed. What it does not
have is a plan: each request takes one call.

Only the functions listed here are called, which read and write nothing but their arguments. The
arguments are drawn by hash from numbers and from the words of the functions' own documentation. So
the same Python gives the same conversations, and another version's results are another corpus: the
modules' files are the source's files.
"""

import json
import re
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from midtrain_dagster.collection import messages
from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.collection.messages import chat_document
from midtrain_dagster.collection.record import Record
from midtrain_dagster.core import draws
from midtrain_dagster.core.source_file import SourceFile, local_file

VERSION = 1
USES = (messages, draws)

CONVERSATIONS = 64
"""Conversations of a module; each begins with one of its functions."""

REQUESTS = (1, 5)
"""Requests of a conversation, at least and at most."""

_WORD = re.compile(r"\b[a-z]{4,12}\b")


class _Draws:
    """Numbers, words and texts, each a function of where it is asked for."""

    def __init__(self, words: Sequence[str], *place: str | int) -> None:
        self.words, self.place, self.asked = words, place, 0

    def number(self, below: int) -> int:
        """A whole number from 0 on."""
        self.asked += 1
        return draws.key(*self.place, self.asked) % below

    def among(self, least: int, most: int) -> int:
        """A whole number between both."""
        return least + self.number(most - least + 1)

    def numbers(self, least: int = 1, most: int = 99) -> list[int]:
        """Three to eight of them."""
        return [self.among(least, most) for _ in range(self.among(3, 8))]

    def word(self) -> str:
        """A word of the documentation."""
        return self.words[self.number(len(self.words))]

    def some_words(self, least: int = 3, most: int = 8) -> list[str]:
        """Some of them."""
        return [self.word() for _ in range(self.among(least, most))]

    def path(self) -> str:
        """A path that wants to be tidied up."""
        steps = [self.word() if self.number(3) else ".." for _ in range(self.among(3, 6))]
        return "/" + "/".join(steps)

    def octets(self) -> str:
        """An address of a private network."""
        return ".".join(["10", *(str(self.number(256)) for _ in range(3))])


Arguments = Callable[[_Draws], dict[str, Any]]


class Tool(NamedTuple):
    """A function that reads and writes nothing, how it is asked for, and with what."""

    function: str
    """``MODULE.FUNCTION`` of the standard library."""
    request: str
    """What a user says; arguments in braces."""
    answer: str
    """What the assistant says, with ``{result}``."""
    arguments: Arguments
    """By the names of its parameters, in their order; sometimes what it refuses."""

    @property
    def module(self) -> str:
        """Where it is."""
        return self.function.rpartition(".")[0]

    @property
    def name(self) -> str:
        """What it is called as a tool: chat templates know no dots."""
        return self.function.replace(".", "_")


def _misspelt(draw: _Draws) -> dict[str, Any]:
    words = draw.some_words(4, 8)
    word = words[draw.number(len(words))]
    at = draw.number(len(word) - 1)
    return {"word": word[:at] + word[at + 1] + word[at] + word[at + 2 :], "possibilities": words}


def _paths(draw: _Draws) -> list[str]:
    common = f"/{draw.word()}/{draw.word()}"
    return [f"{common}/{draw.word()}/{draw.word()}" for _ in range(draw.among(2, 4))]


TOOLS = (
    Tool(
        "statistics.median",
        "What is the median of {data}?",
        "The median is {result}.",
        lambda draw: {"data": draw.numbers()},
    ),
    Tool(
        "statistics.pvariance",
        "How much do {data} vary? Give me the variance of the whole population.",
        "Their population variance is {result}.",
        lambda draw: {"data": draw.numbers()},
    ),
    Tool(
        "statistics.multimode",
        "Which values are the most frequent in {data}?",
        "Most frequent: {result}.",
        lambda draw: {"data": draw.numbers(1, 6)},
    ),
    Tool(
        "calendar.monthrange",
        "On which weekday does month {month} of {year} begin, and how many days has it?",
        "As weekday (Monday is 0) and number of days: {result}.",
        lambda draw: {"year": draw.among(1900, 2100), "month": draw.among(1, 13)},
    ),
    Tool(
        "calendar.leapdays",
        "How many leap years are there from {y1} up to, and not including, {y2}?",
        "There are {result}.",
        lambda draw: {"y1": draw.among(1800, 1990), "y2": draw.among(1991, 2200)},
    ),
    Tool(
        "textwrap.shorten",
        "Cut this to {width} characters at most, at a word: {text}",
        "Shortened: {result}",
        lambda draw: {"text": " ".join(draw.some_words(6, 14)), "width": draw.among(3, 40)},
    ),
    Tool(
        "textwrap.wrap",
        "Break this into lines of {width} characters: {text}",
        "The lines are {result}.",
        lambda draw: {"text": " ".join(draw.some_words(8, 16)), "width": draw.among(16, 40)},
    ),
    Tool(
        "difflib.get_close_matches",
        "I meant one of {possibilities}, but typed {word!r}. Which one?",
        "The closest are {result}.",
        _misspelt,
    ),
    Tool(
        "string.capwords",
        "Write this as a title: {s}",
        "As a title: {result}",
        lambda draw: {"s": " ".join(draw.some_words())},
    ),
    Tool(
        "shlex.split",
        "Into which arguments does a shell split `{s}`?",
        "Into {result}.",
        lambda draw: {"s": f"{draw.word()} '{draw.word()} {draw.word()}' --{draw.word()}"},
    ),
    Tool(
        "shlex.quote",
        "Quote `{s}` for a shell.",
        "Quoted: {result}",
        lambda draw: {"s": f"{draw.word()} {draw.word()}'s $HOME"},
    ),
    Tool(
        "fnmatch.filter",
        "Which of {names} match the pattern {pat!r}?",
        "These do: {result}.",
        lambda draw: {"names": draw.some_words(4, 9), "pat": f"*{draw.word()[-2:]}"},
    ),
    Tool(
        "posixpath.normpath",
        "Tidy up the path {path}",
        "It is {result}.",
        lambda draw: {"path": draw.path()},
    ),
    Tool(
        "posixpath.commonpath",
        "What path have {paths} in common?",
        "They have {result} in common.",
        lambda draw: {"paths": _paths(draw)},
    ),
    Tool(
        "urllib.parse.quote",
        "Escape {string!r} for a URL.",
        "Escaped: {result}",
        lambda draw: {"string": f"{draw.word()} & {draw.word()}/{draw.word()}"},
    ),
    Tool(
        "urllib.parse.urljoin",
        "Where does the link {url} lead to on the page {base}?",
        "To {result}",
        lambda draw: {
            "base": f"https://{draw.word()}.example{draw.path()}",
            "url": f"../{draw.word()}.html",
        },
    ),
    Tool(
        "html.escape",
        "Escape {s!r} for HTML.",
        "Escaped: {result}",
        lambda draw: {"s": f'<{draw.word()} title="{draw.word()}"> & {draw.word()}'},
    ),
    Tool(
        "bisect.bisect_left",
        "Where does {x} go in the sorted list {a}?",
        "At index {result}.",
        lambda draw: {"a": sorted(draw.numbers()), "x": draw.among(1, 99)},
    ),
    Tool(
        "heapq.nsmallest",
        "Give me the {n} smallest of {iterable}.",
        "The smallest are {result}.",
        lambda draw: {"n": draw.among(1, 3), "iterable": draw.numbers()},
    ),
    Tool(
        "colorsys.rgb_to_hsv",
        "What are hue, saturation and value of red {r}, green {g}, blue {b}?",
        "As hue, saturation and value: {result}.",
        lambda draw: {channel: draw.number(5) / 4 for channel in "rgb"},
    ),
    Tool(
        "ipaddress.ip_network",
        "Is {address} a network, and which?",
        "The network is {result}.",
        lambda draw: {"address": f"{draw.octets().rpartition('.')[0]}.0/{draw.among(22, 28)}"},
    ),
    Tool(
        "keyword.iskeyword",
        "Is {s!r} a reserved word of Python?",
        "{result}.",
        lambda draw: {"s": ("while", "lambda", "elif", draw.word())[draw.number(4)]},
    ),
)

REFUSED = "The tool refuses that: {result}."


class ToolCallsSource(DocumentSource):
    """Conversations in which functions of Python's standard library are called as tools, with what
    they really return."""

    has_conversations: ClassVar[bool] = True
    is_one_unit: ClassVar[bool] = True

    reader: Literal["tool_calls"]

    def list_files(self, name: str, folder: str | Path) -> list[SourceFile]:
        """The modules of the functions, as ``stdlib/PATH``, sorted by name."""
        root = Path(sysconfig.get_paths()["stdlib"])
        paths = {Path(str(import_module(tool.module).__file__)) for tool in TOOLS}
        files = [local_file(f"stdlib/{path.relative_to(root)}", path) for path in paths]
        return sorted(files, key=lambda file: file.name)

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The conversations that begin with a function of one module; the locator is ``FILE:N``."""
        own = [tool for tool in TOOLS if _file_of(tool) == file.name]
        words = _words()
        for number in range(CONVERSATIONS):
            draw = _Draws(words, file.name, number)
            count = draw.among(*REQUESTS)
            tools = [own[draw.number(len(own))]]
            tools += [TOOLS[draw.number(len(TOOLS))] for _ in range(count - 1)]
            turns = [_turns(tool, draw, f"call_{place}") for place, tool in enumerate(tools)]
            schemas = {
                tool.name: _schema(tool, calls[1]) for tool, calls in zip(tools, turns, strict=True)
            }
            conversation = {
                "messages": [message for calls in turns for message in calls],
                "tools": [schemas[name] for name in sorted(schemas)],
            }
            yield chat_document(f"{file.name}:{number}", conversation, {})


def _file_of(tool: Tool) -> str:
    return f"stdlib/{_path(tool.module)}"


def _path(module: str) -> str:
    root = Path(sysconfig.get_paths()["stdlib"])
    return str(Path(str(import_module(module).__file__)).relative_to(root))


def _function(tool: Tool) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(
        import_module(tool.module), tool.function.rpartition(".")[2]
    )
    return function


def _words() -> list[str]:
    """The words of the functions' documentation, in order of the alphabet."""
    text = " ".join(getdoc(import_module(tool.module)) or "" for tool in TOOLS)
    return sorted(set(_WORD.findall(text)))


def _turns(tool: Tool, draw: _Draws, identity: str) -> list[dict[str, Any]]:
    """Request, call, result and answer."""
    arguments = tool.arguments(draw)
    answer = tool.answer
    try:
        result = _plain(_function(tool)(*arguments.values()))
    except (ValueError, LookupError, ArithmeticError) as error:
        result, answer = f"{type(error).__name__}: {error}", REFUSED
    call = {"id": identity, "function": {"name": tool.name, "arguments": arguments}}
    return [
        {"role": "user", "content": tool.request.format(**arguments)},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": identity, "name": tool.name, "content": result},
        {"role": "assistant", "content": answer.format(result=result)},
    ]


def _plain(value: Any) -> str:
    """A result as a tool gives it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _schema(tool: Tool, called: dict[str, Any]) -> dict[str, Any]:
    """The tool's JSON schema: the beginning of its documentation, the types of its arguments."""
    arguments = called["tool_calls"][0]["function"]["arguments"]
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": (getdoc(_function(tool)) or tool.function).partition("\n\n")[0],
            "parameters": {
                "type": "object",
                "properties": {name: _type(value) for name, value in arguments.items()},
                "required": list(arguments),
            },
        },
    }


def _type(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"type": "array", "items": _type(value[0])}
    return {"type": {str: "string", int: "integer", float: "number"}[type(value)]}
