import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from transformers import AutoTokenizer

from midtrain_dagster.evaluation.benchmark import Benchmark, documents, read_items
from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.input_problems import benchmark_problems
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.item_tokens import item_tokens
from midtrain_dagster.evaluation.method import Outcome, Written
from midtrain_dagster.evaluation.methods.tool_calls import VERSION, ToolCalls
from midtrain_dagster.evaluation.registry import BenchmarkSection
from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.chat_tokens import ChatEncoder

LAYOUTS = Path(__file__).parents[1] / "layouts"
SECTION: TypeAdapter[Benchmark] = TypeAdapter(BenchmarkSection)
JSON = {"form": "json", "chat": True, "most_tokens": 4}


def bfcl(**evaluate: Any) -> Benchmark:
    said = {"preset": "bfcl", "paths": ["bfcl.jsonl"]}
    return SECTION.validate_python(said | ({"evaluate": evaluate} if evaluate else {}))


def asked(**evaluate: Any) -> tuple[ToolCalls, list[Any]]:
    benchmark = bfcl(**evaluate)
    method = benchmark.evaluate
    assert isinstance(method, ToolCalls)
    return method, documents(benchmark, read_items("b", benchmark, LAYOUTS))


def scored(method: ToolCalls, texts: list[str], asked: list[Any]) -> dict[str, Any]:
    outcome = Outcome(
        documents=asked,
        responses=[[(-1.0, False)] * len(method.asks(each)) for each in asked],
        tokens=[[1] for _ in asked],
        written=[[Written(text, False)] for text in texts],
    )
    return {each.metric: each.sums.tolist() for each in method.item_values(outcome)}


def test_right_calls_are_right_in_any_order_and_others_are_not() -> None:
    assert VERSION == 1
    method, items = asked()
    right = [
        "area.of(height=4, base=3)",
        "[area.of(base=1, height=2.0, unit='MM'), play(songs=['mist', 'Salt'], at={'hour': 19})]",
    ]
    made = scored(method, right, items)
    assert (made["right"], made["no_calls"]) == ([1, 1], [0, 0])
    assert list(made) == ["right", "no_calls", "bits_per_byte"]
    wrong = ["area.of(height='4', base=3)", "[play(songs=['Mist', 'Salt'], at={'hour': 7})]"]
    assert scored(method, wrong, items)["right"] == [0, 0]
    assert scored(method, ["I cannot.", ""], items)["no_calls"] == [1, 1]


def test_the_right_answer_that_is_scored_is_right() -> None:
    for said in ({}, JSON):
        method, items = asked(**said)
        answers = [document["answer"] for document in items]
        assert scored(method, answers, items)["right"] == [1, 1]
        assert [method.asks(each)[0].continuation for each in items] == answers
    assert answers[0] == ' [{"name": "area.of", "arguments": {"base": 3, "height": 4.0}}]'


def test_where_no_function_helps_a_call_is_wrong_and_where_any_does_it_is_right() -> None:
    texts = ["None of them can.", "[area.of(base=1, height=1)]"]
    method, items = asked(expected="no_call")
    assert scored(method, texts, items) == {"right": [1, 0], "no_calls": [1, 0]}
    method, items = asked(expected="some_call")
    assert scored(method, texts, items) == {"right": [0, 1], "no_calls": [1, 0]}
    assert method.asks(items[0]) == []
    row = json.loads((LAYOUTS / "bfcl.jsonl").read_text().splitlines()[0]) | {"function": []}
    item = Item("q", [], None, None, row=row)
    unhelped = ToolCalls(method="tool_calls", expected="no_call").document(item)
    assert "that you can invoke.\n[]\n" in unhelped["question"]


def test_the_prompt_is_bfcl_s_and_joins_what_a_system_says() -> None:
    method, items = asked()
    text = method.task(items[1]).prompt
    assert text.startswith("system: You are an expert in composing functions.You are given a ques")
    assert "format of [func_name1(params_name1=params_value1, params_name2=params_value2" in text
    assert "The area of a triangle. Note that the provided function is in Python 3 syntax." in text
    assert "}\n]\n\n\nBe brief.\n\nuser: Play Mist and Salt at 7" in text
    assert text.endswith(" in mm.\n\nassistant:")


def test_functions_are_tools_of_the_chat_template(roomy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "chat"
    shutil.copytree(roomy, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    method, items = asked(**JSON)
    told = json.loads(method.task(items[0]).prompt)
    assert told["tools"][0]["function"]["parameters"]["type"] == "object"
    assert told["tools"][0]["function"]["parameters"]["properties"]["height"]["type"] == "number"
    text = str(tokenizer.decode(ChatEncoder(tokenizer).prompt(told)))
    assert text.count('"name": "area.of"') == 1 and text.endswith("<|im_start|>assistant\n")
    rows = read_items("b", bfcl(**JSON), LAYOUTS)
    runs = evaluate(folder, rows, method=method)["runs"]
    assert runs["items"].to_list() == [2]

    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    with pytest.raises(ValueError, match="the chat template has no place for tools"):
        evaluate(folder, rows, method=method)
    with pytest.raises(ValueError, match="no chat template, and `chat` asks for one"):
        evaluate(roomy, rows, method=method)


def test_a_conversation_takes_of_the_window_what_a_model_reads_of_it() -> None:
    method, (document, _) = asked(chat=True, most_tokens=5)
    text = document["question"]
    assert text.count('"') > 20
    assert item_tokens(document, method, len).answer < len(text) + 5


BROKEN = [
    ({"function": []}, "the key 'function' holds no list of functions with name and parameters"),
    ({"question": "Play"}, "no item has the key 'question.0.0.content'"),
    ({"question": [[{"content": "Play"}]]}, "the key 'question' holds no messages of role and"),
    ({"ground_truth": []}, "the key 'ground_truth' holds no right calls; where none is right say"),
    ({"ground_truth": [{"f": {"a": 1}}]}, "holds a call that is no name with lists of values"),
    ({"ground_truth": [{"f": {"a": [1]}}]}, "the right call 'f' is of none of its functions"),
    (
        {"function": [{"name": "f", "parameters": {"properties": {"a": {"type": "HashMap"}}}}]},
        "the function 'f' has a parameter of the type 'HashMap', and only Python's are compared",
    ),
    (
        {"function": [{"name": "f", "parameters": {"properties": {"a": {"type": ["integer"]}}}}]},
        "the function 'f' has a parameter of the type \"['integer']\", and only Python's",
    ),
    (
        {"function": [{"name": "f", "parameters": {"properties": {"a": {}}}}]},
        "the function 'f' has a parameter of the type 'None', and only Python's are compared",
    ),
    (
        {"function": [{"name": "f", "parameters": {"properties": {"a": "integer"}}}]},
        "those with `properties`, an object of objects, and `required`, a list",
    ),
    (
        {"function": [{"name": "f", "parameters": {"required": None}}]},
        "those with `properties`, an object of objects, and `required`, a list",
    ),
]


@pytest.mark.parametrize(("changed", "message"), BROKEN)
def test_items_that_cannot_be_asked_are_named(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    row = json.loads((LAYOUTS / "bfcl.jsonl").read_text().splitlines()[0])
    (tmp_path / "bfcl.jsonl").write_text(json.dumps(row | changed))
    _, findings = benchmark_problems("b", bfcl(), tmp_path)
    (found,) = findings
    assert message in found.reason and found.stops


def test_tools_need_a_chat_template() -> None:
    with pytest.raises(ValidationError, match="form: json hands functions to a chat template"):
        ToolCalls(method="tool_calls", form="json")
