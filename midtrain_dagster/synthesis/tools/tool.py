"""A tool, as models are told of it: a name, what it does, and a JSON schema of its parameters.

That is the form of OpenAI's functions, which chat templates take, MCP's tool lists have in other
words, and an operation of OpenAPI comes to. Where a tool comes from decides how it is called: a
function of Python's standard library in the sandbox, any other not at all.
"""

import re
from typing import Any, NamedTuple

VERSION = 1

LONGEST_NAME = 64
"""Characters of a function's name, as OpenAI's and Anthropic's interfaces take it."""

LONGEST_DESCRIPTION = 400
MOST_PARAMETERS = 12

_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_SIGNATURE = re.compile(r"[\w.]+\(.{0,200}?\)\s*->")
_FIRST_SENTENCE = re.compile(r"(?<=[.!?])\s")


class Function(NamedTuple):
    """How a function of the standard library is called."""

    path: str
    """``MODULE.FUNCTION``."""
    kinds: dict[str, str]
    """The kind of value (``values.KINDS``) of each parameter that it requires."""
    spread: str | None = None
    """The parameter whose elements are its arguments (``*integers``)."""
    gives: str = ""
    """What it returns, if another one can take it: ``number``, ``text``."""


class Tool(NamedTuple):
    """A tool that can be offered to a model."""

    name: str
    description: str
    parameters: dict[str, Any]
    """A JSON schema of type ``object``, without references."""
    origin: str
    """Where it comes from: ``python:math.gcd``, ``FILE:getPet``."""
    function: Function | None = None
    """None: it cannot be executed here."""
    answer: dict[str, Any] | str | None = None
    """The JSON schema of what it answers, where one is declared; a text: why that cannot be read.
    Nobody but who plays the tool looks at it."""

    @property
    def schema(self) -> dict[str, Any]:
        """The tool as ``apply_chat_template`` takes it."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": function}

    @property
    def required(self) -> list[str]:
        """The parameters that every call has."""
        return list(self.parameters.get("required", ()))


class NoTool(NamedTuple):
    """What was to be a tool and is none."""

    origin: str
    reason: str
    """A fixed word to count by."""
    detail: str = ""


class Harvest(NamedTuple):
    """Tools, each name once, and what is none, in the order of where they stand."""

    tools: list[Tool]
    refused: list[NoTool]


def tool_name(said: str) -> str:
    """A name that every interface takes: letters, digits, ``_`` and ``-``, 64 of them at most."""
    return _NO_NAME.sub("_", said).strip("_")[:LONGEST_NAME]


def described(text: str) -> str:
    """What a tool does, in its first sentence or the first 400 characters; a signature at the head
    of a docstring is passed over."""
    paragraphs = [" ".join(each.split()) for each in text.strip().split("\n\n")]
    paragraph = next((each for each in paragraphs if not _SIGNATURE.match(each)), "")
    return _FIRST_SENTENCE.split(paragraph[:LONGEST_DESCRIPTION], maxsplit=1)[0]


def distinct(harvests: list[Harvest]) -> Harvest:
    """All of them together; a name that was there before is refused."""
    tools: dict[str, Tool] = {}
    refused = [each for harvest in harvests for each in harvest.refused]
    for tool in (each for harvest in harvests for each in harvest.tools):
        if tool.name in tools:
            detail = f"{tool.name} is {tools[tool.name].origin} already"
            refused.append(NoTool(tool.origin, "same_name", detail))
        else:
            tools[tool.name] = tool
    return Harvest(list(tools.values()), refused)
