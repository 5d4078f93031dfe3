"""Calls of functions that a model writes, compared with the right ones by syntax tree (BFCL).

Patil et al., *The Berkeley Function Calling Leaderboard (BFCL)* (ICML 2025): the single-turn
categories of Python, simple, multiple, parallel, parallel multiple and irrelevance. A model is told
of functions and asked for something; nothing that it writes is ever run. ``form: python`` asks as
BFCL asks models by prompt, in its words, for ``[name(parameter=value)]``; ``form: json`` hands the
functions to the chat template as tools, and reads calls as templates have them. Which calls are
right is said in ``allowed_calls.py``. ``expected: no_call`` is for items of which no function
helps: right is what is no call; ``some_call`` for those where any will do.

Before a small model writes one readable call, ``bits_per_byte`` of a right one moves.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.evaluation import allowed_calls, written_calls
from midtrain_dagster.evaluation.allowed_calls import OPTIONAL, are_allowed, unknown_type
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.item_row import looked_up
from midtrain_dagster.evaluation.method import (
    BITS,
    Ask,
    Document,
    ItemValues,
    Method,
    Outcome,
    Task,
    mean_of,
)
from midtrain_dagster.evaluation.methods import answer_likelihood
from midtrain_dagster.evaluation.methods.answer_likelihood import answer_bits
from midtrain_dagster.evaluation.written_calls import Call, json_calls, python_calls

VERSION = 1
USES = (allowed_calls, answer_likelihood, written_calls)

TOLD = """\
You are an expert in composing functions.You are given a question and a set of possible functions. \
Based on the question, you will need to make one or more function/tool calls to achieve the \
purpose. If none of the functions can be used, point it out. If the given question lacks the \
parameters required by the function, also point it out.

You should only return the function calls in your response.

If you decide to invoke any of the function(s), you MUST put it in the format of \
[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)].  You \
SHOULD NOT include any other text in the response.

At each turn, you should try your best to complete the tasks requested by the user within the \
current turn. Continue to output functions to call until you have fulfilled the user's request to \
the best of your ability. Once you have no more functions to call, the system will consider the \
current turn complete and proceed to the next turn or task.

Here is a list of functions in json format that you can invoke.
{functions}
"""
"""BFCL's words to models without tools (V4, Apache-2.0), to the letter."""

HINT = " Note that the provided function is in Python 3 syntax."
"""What BFCL adds to each function's description."""

JSON_SCHEMA = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
"""The types of a JSON schema by Python's, where they are called otherwise."""


class ToolCalls(Method):
    """Calls that the model writes are compared with the right ones, by syntax."""

    NEEDS = ()
    UNITS: ClassVar = {"bits_per_byte": BITS, "no_calls": "share of texts without a readable call"}
    HEADLINE = "right"

    method: Literal["tool_calls"]
    form: Literal["python", "json"] = "python"
    """How calls are written: by BFCL's prompt, or as the chat template writes calls of tools."""
    expected: Literal["calls", "no_call", "some_call"] = "calls"
    """What is right: the calls that an item allows, none at all, or any."""
    functions: str = "function"
    """Key of the functions' descriptions, a list."""
    messages: str = "question"
    """Key of what is said before: a list of messages, or of turns that are such lists, of which the
    first is asked."""
    calls: str = "ground_truth"
    """Key of the right calls: a list of objects of a name, and of each parameter's allowed
    values."""
    chat: bool = False
    """Whether the prompt is put by the model's chat template."""
    until: tuple[str, ...] = ("\n\n", "\nuser:")
    """Texts that end what is written."""
    most_tokens: int = Field(default=512, gt=0, description="after which what is written is cut")

    @model_validator(mode="after")
    def _tools_are_of_templates(self) -> Self:
        if self.form == "json" and not self.chat:
            raise ValueError("form: json hands functions to a chat template: say chat: true")
        return self

    def document(self, item: Item) -> Document:
        """The conversation, the functions by name, and the right calls.

        Raises ValueError for an item without them, or with types that no rule of Python's is for.
        """
        held = looked_up(item.row, self.functions)
        # Of no function at all none can be right.
        none_is_right = held == [] and self.expected == "no_call"
        functions = {} if none_is_right else _functions(held, self.functions)
        messages = _messages(looked_up(item.row, self.messages), self.messages)
        document: Document = {"functions": functions}
        if self.expected == "calls":
            right = _calls(looked_up(item.row, self.calls), self.calls, functions)
            write = _as_python if self.form == "python" else _as_json
            document |= {"right": right, "answer": " " + write(_first(right))}
        if self.form == "python":
            messages = _told(messages, functions.values())
        text = "".join(f"{each['role']}: {each['content']}\n\n" for each in messages)
        document["question"] = f"{text}assistant:"
        conversation: dict[str, Any] = {"messages": messages}
        if self.form == "json":
            conversation["tools"] = [_tool(each) for each in functions.values()]
        document["prompt"] = json.dumps(conversation) if self.chat else document["question"]
        return document

    def asks(self, document: Document) -> list[Ask]:
        """The right calls with the first values that are allowed, where there are some."""
        if "answer" not in document:
            return []
        return [Ask(document["question"], document["answer"])]

    def task(self, document: Document) -> Task:
        """The conversation up to where the assistant is to speak."""
        return Task(
            document["prompt"],
            () if self.chat else self.until,
            self.most_tokens,
            chat=self.chat,
            conversation=self.chat,
        )

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """Right or wrong, texts without a call, and bits by bytes where a call is right."""
        read = python_calls if self.form == "python" else json_calls
        made = [read(each[0].text) for each in outcome.written]
        pairs = zip(made, outcome.documents, strict=True)
        yield mean_of("right", [self.is_right(*each) for each in pairs])
        yield mean_of("no_calls", [not each for each in made])
        if self.expected == "calls":
            yield answer_bits(outcome)

    def is_right(self, made: Sequence[Call] | None, document: Document) -> bool:
        """Whether what a model wrote are the calls that the item asks for."""
        if self.expected != "calls":
            return bool(made) == (self.expected == "some_call")
        return made is not None and are_allowed(made, document["functions"], document["right"])


def _functions(held: Any, key: str) -> dict[str, Any]:
    described = isinstance(held, list) and held and all(map(_is_function, held))
    if not described:
        raise ValueError(
            f"the key {key!r} holds no list of functions with name and parameters, those with "
            "`properties`, an object of objects, and `required`, a list"
        )
    for each in held:
        if (name := unknown_type(each)) is not None:
            raise ValueError(
                f"the function {each['name']!r} has a parameter of the type {name!r}, and only "
                f"Python's are compared: {', '.join(allowed_calls.TYPES)}"
            )
    return {each["name"]: each for each in held}


def _is_function(held: Any) -> bool:
    if not isinstance(held, Mapping) or not isinstance(held.get("name"), str):
        return False
    parameters = held.get("parameters")
    if not isinstance(parameters, Mapping) or not isinstance(parameters.get("required", []), list):
        return False
    properties = parameters.get("properties", {})
    return isinstance(properties, Mapping) and all(
        isinstance(each, Mapping) for each in properties.values()
    )


def _messages(held: Any, key: str) -> list[dict[str, str]]:
    if isinstance(held, list) and held and isinstance(held[0], list):
        held = held[0]
    if not isinstance(held, list) or not held or not all(map(_is_message, held)):
        raise ValueError(f"the key {key!r} holds no messages of role and content")
    return [{"role": each["role"], "content": each["content"]} for each in held]


def _is_message(held: Any) -> bool:
    return isinstance(held, Mapping) and all(
        isinstance(held.get(key), str) for key in ("role", "content")
    )


def _calls(held: Any, key: str, functions: Mapping[str, Any]) -> list[Call]:
    if not isinstance(held, list) or not held:
        raise ValueError(
            f"the key {key!r} holds no right calls; where none is right say expected: no_call"
        )
    right = []
    for each in held:
        name, allowed = next(iter(each.items())) if isinstance(each, Mapping) and each else ("", 0)
        if not isinstance(allowed, Mapping) or not all(
            isinstance(x, list) for x in allowed.values()
        ):
            raise ValueError(f"the key {key!r} holds a call that is no name with lists of values")
        if name not in functions:
            raise ValueError(f"the right call {name!r} is of none of its functions")
        right.append(Call(name, allowed))
    return right


def _first(right: Sequence[Call]) -> list[Call]:
    """The calls with the first values that are allowed, without parameters that may be left out."""
    return [
        Call(
            each.name,
            {
                name: _plain_first(values)
                for name, values in each.arguments.items()
                if OPTIONAL not in values
            },
        )
        for each in right
    ]


def _plain_first(values: Sequence[Any]) -> Any:
    """The first value; an object's own values are lists of what is allowed."""
    value = values[0] if values else None
    if isinstance(value, Mapping):
        return {
            key: _plain_first(each) if isinstance(each, list) else each
            for key, each in value.items()
            if not (isinstance(each, list) and OPTIONAL in each)
        }
    if isinstance(value, list):
        return [_plain_first([each]) for each in value]
    return value


def _as_python(calls: Sequence[Call]) -> str:
    written = [
        f"{each.name}({', '.join(f'{name}={value!r}' for name, value in each.arguments.items())})"
        for each in calls
    ]
    return f"[{', '.join(written)}]"


def _as_json(calls: Sequence[Call]) -> str:
    return json.dumps([{"name": each.name, "arguments": each.arguments} for each in calls])


def _told(messages: list[dict[str, str]], functions: Any) -> list[dict[str, str]]:
    """The messages after BFCL's words, in one with those of a system where it speaks first."""
    described = [
        {**each, "description": f"{each.get('description', '')}{HINT}"} for each in functions
    ]
    told = TOLD.replace("{functions}", json.dumps(described, indent=4))
    if messages[0]["role"] == "system":
        told, messages = f"{told}\n\n{messages[0]['content']}", messages[1:]
    return [{"role": "system", "content": told}, *messages]


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    """A function as a chat template has tools: with the types of a JSON schema."""
    return {
        "type": "function",
        "function": {**function, "parameters": _schema(function["parameters"])},
    }


def _schema(held: Any) -> Any:
    if isinstance(held, Mapping):
        return {
            key: JSON_SCHEMA.get(each, each)
            if key == "type" and isinstance(each, str)
            else _schema(each)
            for key, each in held.items()
        }
    return held
