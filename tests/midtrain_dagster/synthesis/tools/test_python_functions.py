"""The look at modules, and calls, in the real sandbox."""

import pytest

from midtrain_dagster.synthesis.tools.calling import Call, Failure, Result, after, execute
from midtrain_dagster.synthesis.tools.python_functions import is_known, python_functions
from midtrain_dagster.synthesis.tools.tool import (
    Harvest,
    NoTool,
    Tool,
    described,
    distinct,
    tool_name,
)


@pytest.fixture(scope="module")
def found() -> Harvest:
    return python_functions(["math", "calendar", "heapq", "html", "base64", "posixpath", "zlob"])


@pytest.fixture(scope="module")
def tools(found: Harvest) -> dict[str, Tool]:
    return {tool.name: tool for tool in found.tools}


def test_functions_have_the_kinds_that_they_take(tools: dict[str, Tool]) -> None:
    number, integer = {"type": "number"}, {"type": "integer"}
    assert tools["math_sqrt"].schema == {
        "type": "function",
        "function": {
            "name": "math_sqrt",
            "description": "Return the square root of x.",
            "parameters": {"type": "object", "properties": {"x": number}, "required": ["x"]},
        },
    }
    assert tools["math_comb"].parameters["properties"] == {"n": integer, "k": integer}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    assert tools["math_acos"].parameters["properties"] == {"x": share}
    assert tools["html_escape"].parameters["properties"]["quote"] == {
        "type": "boolean",
        "default": True,
    }
    assert tools["math_lcm"].function.spread == "integers"  # type: ignore[union-attr]
    assert tools["base64_b64encode"].function.kinds == {"s": "bytes"}  # type: ignore[union-attr]
    assert tools["math_sqrt"].function.gives == "number"  # type: ignore[union-attr]


def test_what_is_no_tool_is_refused_with_its_reason(found: Harvest) -> None:
    reasons = {each.origin: each.reason for each in found.refused}
    assert reasons["python:calendar.prmonth"] == "prints"
    assert reasons["python:calendar.setfirstweekday"] == "says_nothing"
    assert reasons["python:heapq.heappush"] == "changes_arguments"
    assert reasons["python:heapq.heappop"] == "another_result"
    assert reasons["python:math.fabs"] == "echo"
    assert reasons["python:posixpath.lexists"] == "always_the_same"
    assert reasons["python:math.hypot"] == "no_signature"
    assert reasons["python:zlob.*"] == "no_module"


def text(made: list[Result] | Failure) -> str:
    assert isinstance(made, list)
    return made[0].text


def test_calls_are_executed(tools: dict[str, Tool]) -> None:
    tasks = [
        [Call("math_sqrt", {"x": 2.25}), Call("math_exp2", {"x": after(0)})],
        [Call("math_sqrt", {"x": -1})],
        [Call("base64_b64encode", {"s": "ocean é"})],
        [Call("math_lcm", {"integers": [4, 6]})],
        [Call("math_factorial", {"n": 10**8})],
        [Call("math_factorial", {"n": 3000})],
        [Call("html_escape", {"s": "'<'", "quote": False})],
    ]
    made = list(execute(tasks, tools))
    assert made[0] == [
        Result("1.5", 1.5, arguments={"x": 2.25}),
        Result(str(2**1.5), 2**1.5, arguments={"x": 1.5}),
    ]
    assert made[1] == [
        Result("ValueError: math domain error", None, failed=True, arguments={"x": -1})
    ]
    assert [text(each) for each in made[2:4]] == ["b2NlYW4gw6k=", "12"]
    assert isinstance(made[4], Failure) and made[4].reason == "timed_out"
    assert isinstance(made[5], Failure) and made[5].reason == "result_untold"
    assert text(made[6]) == "'&lt;'"


def test_only_the_standard_library_is_called() -> None:
    assert is_known("urllib.parse")
    assert not is_known("numpy")


def test_a_name_is_had_once() -> None:
    one = Tool("it", "It.", {"type": "object"}, "python:it")
    found = distinct([Harvest([one], []), Harvest([one._replace(origin="a.json:it")], [])])
    assert found.tools == [one]
    assert found.refused == [NoTool("a.json:it", "same_name", "it is python:it already")]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Returns it. And more.", "Returns it."),
        ("wrap(text [,w]) -> str\n\nWrap a\n text.", "Wrap a text."),
        ("\n", ""),
        ("x" * 900, "x" * 400),
    ],
)
def test_a_description_is_a_sentence(text: str, what: str) -> None:
    assert described(text) == what


def test_names_are_such_as_interfaces_take() -> None:
    assert tool_name("get /books/{isbn}") == "get_books_isbn"
    assert len(tool_name("a" * 99)) == 64
