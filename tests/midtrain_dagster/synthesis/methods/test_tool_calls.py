"""Tasks drawn from tools, executed in the real sandbox, with a generator that says what it is
told."""

import json
import math
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
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
from midtrain_dagster.synthesis.methods.tool_calls import VERSION, Config
from midtrain_dagster.synthesis.tools.meaning import says_all
from midtrain_dagster.synthesis.tools.parameters import fault
from midtrain_dagster.synthesis.tools.rephrasing import WORKED_EXAMPLES, prompt, rephrased
from midtrain_dagster.synthesis.tools.tasks import drawn_task
from midtrain_dagster.synthesis.tools.tool import Function, Tool
from midtrain_dagster.tokens.chat_template import CHATML, ChatTemplateError
from midtrain_dagster.tokens.chat_tokens import ChatEncoder, ChatTokens
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.transcript import LAYOUT, Conversation, restored

GOLDEN = (1, "6305bfd167d90da3")

SMOLLM2 = Path(__file__).parents[4] / "data" / "smollm2-135m-instruct"


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    tools = {"python": ["math", "html"]}
    return Config(**{"tools": tools, "tasks": 60, "generator": generator, **fields})


def make(method: Config, say: Callable[[str], str] = lambda _: "") -> Made:
    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        said = [Completion(say(each)) for each in requests["prompt"]]
        table = requests.with_columns(key="id").hstack(pl.DataFrame(said, COMPLETED, orient="row"))
        return Answered(table, [Part(table="answers", path="p", digest="", bytes=1)], table.height)

    collector = Collector(method, source="synthetic_it", written_by="a model")
    return drive(method.make(DOCUMENTS.to_frame(), collector), ask)


def said_again(text: str) -> str:
    request = text.rpartition("Request: ")[2].partition("\n")[0]
    return f" Well: {request}\n\nRequest: another"


@pytest.fixture(scope="module")
def made() -> Made:
    return make(config(mistakes=0.4), said_again)


def conversations(made: Made) -> list[tuple[dict[str, Any], Conversation]]:
    rows = made.accepted.documents.select("text", "metadata").iter_rows()
    told = [(text, json.loads(metadata)) for text, metadata in rows]
    return [(metadata, restored(text, metadata[LAYOUT])) for text, metadata in told]


def test_every_shape_is_drawn_and_each_call_has_its_result(made: Made) -> None:
    told = conversations(made)
    assert len(told) + made.accepted.rejects.height == 60
    assert len(told) > 50
    assert {each["shape"] for each, _ in told} == {"single", "parallel", "sequence", "chain"}
    for metadata, conversation in told:
        messages = conversation["messages"]
        assert [messages[0]["role"], messages[-1]["role"]] == ["user", "assistant"]
        schemas = {each["function"]["name"]: each["function"] for each in conversation["tools"]}
        calls = [call for each in messages for call in each.get("tool_calls", ())]
        results = {
            each["tool_call_id"]: each["content"] for each in messages if each["role"] == "tool"
        }
        assert [call["id"] for call in calls] == list(results)
        right = calls[1:] if "mistake" in metadata else calls
        for call in right:
            function = call["function"]
            result = results[call["id"]]
            assert fault(function["arguments"], schemas[function["name"]]["parameters"]) is None
            assert result in messages[-1]["content"]
        assert len({*results}) == len(calls)
        count = {"single": 1, "parallel": 2, "sequence": 2, "chain": 1}[metadata["shape"]]
        assert len(right) >= count


def test_a_mistake_is_answered_and_mended(made: Made) -> None:
    wrong = [(each, told) for each, told in conversations(made) if "mistake" in each]
    assert {each["form"] for each, _ in wrong} == {"tool_recovery"}
    assert len({each["mistake"] for each, _ in wrong}) > 2
    for metadata, conversation in wrong:
        _, first, error, second, *_ = conversation["messages"]
        (bad,), (good, *_) = first["tool_calls"], second["tool_calls"]
        assert error["content"].startswith("Error: ")
        assert bad["function"] != good["function"]
        schemas = {each["function"]["name"]: each["function"] for each in conversation["tools"]}
        if metadata["mistake"] == "unknown_tool":
            assert bad["function"]["name"] not in schemas
        else:
            schema = schemas[bad["function"]["name"]]["parameters"]
            assert str(fault(bad["function"]["arguments"], schema)) in error["content"]


def test_results_are_those_of_the_functions(made: Made) -> None:
    checked = 0
    for _, conversation in conversations(made):
        messages = conversation["messages"]
        results = {
            each["tool_call_id"]: each["content"] for each in messages if each["role"] == "tool"
        }
        for call in (call for each in messages for call in each.get("tool_calls", ())):
            name, x = call["function"]["name"], call["function"]["arguments"].get("x")
            if name in ("math_sqrt", "math_sin", "math_exp2") and isinstance(x, int | float):
                function = getattr(math, name.removeprefix("math_"))
                assert float(results[call["id"]]) == function(x)
                checked += 1
    assert checked


def test_the_request_is_said_again_where_all_values_stand(made: Made) -> None:
    for metadata, conversation in conversations(made):
        asked = conversation["messages"][0]["content"]
        can = metadata["shape"] != "chain"
        assert asked.startswith("Well: ") is can
        assert metadata["request"] == ("rephrased" if can else "by_rule")


@pytest.mark.parametrize(
    ("completion", "fits"),
    [
        (' What is "big sea" & 4.5 of it?', True),
        ('Of "big sea": 4.5 times?\nmore', True),
        ('What is "big sea" and 5 of it?', False),
        ('What is "big sea", 4.5 of 7?', False),
        ('What is "big sea" & 4.5 of', False),
        ('Sure! Here is a rephrased version: "big sea", 4.5.', False),
        ("", False),
        ('Give me it, where text is "big sea" and x is 4.5.', False),
        ("no. " * 200, False),
        (WORKED_EXAMPLES[0][1], False),
        # As SmolLM2-135M-Instruct went on: with what it was shown.
        ('Of "big sea": 4.5? And what do you get when you decode "YQ=="?', False),
        ('Of "big sea": 4.5? And of "small sea"?', False),
    ],
)
def test_a_rephrasing_that_loses_a_value_is_none(completion: str, fits: bool) -> None:
    request = 'Give me it, where text is "big sea" and x is 4.5.'
    said = rephrased(completion, request, ["big sea", 4.5])
    assert said == (completion.strip().partition("\n")[0] if fits else None)


def test_worked_examples_are_ones() -> None:
    values: list[list[Any]] = [[9, 4], ["ocean & paper"], [[4, 8, 1.5], "YQ=="]]
    for (request, other), stated in zip(WORKED_EXAMPLES, values, strict=True):
        assert says_all(stated, request)
        assert says_all(stated, other)
        assert rephrased(f"Please: {other}", request, stated) is None  # an echo
    assert prompt("It.").endswith("Request: It.\nIn other words:")


def test_tools_that_cannot_be_executed_end_with_the_call(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    listed = [
        {
            "name": f"weather_{each}",
            "description": "Tells the weather of a city.",
            "inputSchema": schema,
        }
        for each in ("now", "then")
    ]
    path = tmp_path / "server.json"
    path.write_text(json.dumps({"tools": listed}))
    tools = {"python": [], "mcp": [path.name]}
    method = config(tools=tools, tasks=12, mistakes=0)
    find = lambda each: str(tmp_path / each)  # noqa: E731
    assert method.given(find) != method.given(lambda _: __file__)
    told = conversations(make(method.located(find)))
    assert {each["shape"] for each, _ in told} <= {"single", "parallel"}
    for metadata, conversation in told:
        assert (metadata["executed"], len(conversation["messages"])) == (False, 2)
        assert conversation["messages"][1]["tool_calls"]


def test_tools_that_cannot_be_executed_are_played_where_a_simulator_is_named(
    tmp_path: Path,
) -> None:
    def listed(name: str) -> dict[str, Any]:
        schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        schema["required"] = ["city"]
        answer = {"type": "object", "properties": {"degrees": {"type": "number"}}}
        said = {"name": name, "description": "Tells the weather of a city."}
        return {**said, "inputSchema": schema, "outputSchema": answer}

    path = tmp_path / "server.json"
    path.write_text(json.dumps({"tools": [listed("now"), listed("then")]}))
    simulator = {"engine": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "it"}
    tools = {"python": ["math"], "mcp": [str(path)]}
    method = config(tools=tools, tasks=60, mistakes=0, simulator=simulator)
    assert set(method.also_asked) == {"simulator"}
    assert method.given(str) != config(tools=tools, tasks=60, mistakes=0).given(str)

    def say(text: str) -> str:
        if not text.endswith("Answer:"):
            return ""
        return '{"degrees": "mild"}' if "Tool: then(" in text else ' {"degrees": 21.5}\n'

    made = make(method, say)
    told = conversations(made)
    played = [(said, each["messages"]) for said, each in told if said.get("simulated")]
    assert played and all(not said["executed"] for said, _ in played)
    for _, messages in played:
        results = [each["content"] for each in messages if each["role"] == "tool"]
        assert results and set(results) == {'{"degrees": 21.5}'}
        assert '{"degrees": 21.5}' in messages[-1]["content"]
    # What is a function is executed, by nobody else.
    assert any(said["executed"] and "simulated" not in said for said, _ in told)
    lost = made.accepted.rejects.filter(reason="simulated_bad_answer")
    assert lost.height and "is not of type 'number'" in lost["completion"][0]


def test_conversations_are_written_by_the_template_with_their_tools(made: Made) -> None:
    tokenizer = load_tokenizer(SMOLLM2)
    encoder = ChatEncoder(tokenizer)
    told = [conversation for _, conversation in conversations(made)][:20]
    own = list(encoder.encode([*told, *Config.CONVERSATIONS]))
    assert all(isinstance(each, ChatTokens | ChatTemplateError) for each in own)
    assert isinstance(own[-1], ChatTemplateError)  # it has no place for tools, and says so
    tokenizer.chat_template = CHATML
    for conversation, each in zip(told, ChatEncoder(tokenizer).encode(told), strict=True):
        assert isinstance(each, ChatTokens)
        said = tokenizer.decode(each.ids[each.targets])
        whole = tokenizer.decode(each.ids)
        for call in (call for m in conversation["messages"] for call in m.get("tool_calls", ())):
            assert f'"name": "{call["function"]["name"]}"' in said
        assert conversation["tools"][0]["function"]["description"] in whole
        assert conversation["messages"][0]["content"] not in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tools": {"python": ["numpy"]}}, "no module of Python's standard library"),
        ({"shapes": {"single": 0}}, "at least one a share above 0"),
        ({"shapes": {"single": 1, "chain": -1}}, "at least one a share above 0"),
    ],
)
def test_what_cannot_be_is_said_before(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        config(**fields)


def test_findings_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text('{"tools": []}')
    (tmp_path / "half.json").write_text(
        json.dumps({"tools": [{"name": "it", "description": "It."}, {"name": "that"}]})
    )
    tools = {"openapi": ["no.yaml"], "mcp": ["empty.json", "half.json"]}
    found = [
        each
        for each in config(tools=tools).findings(lambda path: str(tmp_path / path))
        if each.place[0] == "tools"
    ]
    assert [(each.place, each.stops) for each in found] == [
        (("tools", "openapi", 0), True),
        (("tools", "mcp", 0), True),
        (("tools", "mcp", 1), False),
    ]
    assert "1 are none (no_documentation 1), such as half.json:that" in found[2].reason
    nothing = config(tools={"python": []}).findings(str)
    assert any(each.reason.startswith("no tools") for each in nothing)


def test_golden() -> None:
    """Bump VERSION when this changes: stored conversations were made by the old method. Its tools
    are no Python's own, whose words differ between versions."""
    parameters = {
        "type": "object",
        "properties": {"x": {"type": "number"}, "exact": {"type": "boolean", "default": True}},
        "required": ["x"],
    }
    tools = [
        Tool(name, text, parameters, name, Function(f"m.{name}", {"x": "number"}, None, "number"))
        for name, text in (("half", "Return half of x."), ("log", "Logarithm"), ("ceil", "Rounds."))
    ]
    shapes: dict[Any, float] = {"single": 1, "parallel": 1, "sequence": 1, "chain": 1}
    drawn = [
        drawn_task(
            tools, seed=7, number=number, shapes=shapes, most_calls=3, others=1, mistakes=0.5
        )
        for number in range(24)
    ]
    told = repr([drawn, prompt("it")])
    assert (VERSION, blake2b(told.encode(), digest_size=8).hexdigest()) == GOLDEN
