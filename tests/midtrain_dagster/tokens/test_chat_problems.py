"""What a look at conversations tells: the template that is used, and what it refuses."""

from pathlib import Path
from typing import Any

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.tokens.chat_problems import PLACE, chat_problems
from midtrain_dagster.tokens.chat_template import PROBE
from midtrain_dagster.tokens.tokenizer import TokenizerConfig

CALL = {"type": "function", "function": {"name": "f", "arguments": {}}}
AGENT: dict[str, Any] = {
    "messages": [{"role": "assistant", "content": "", "tool_calls": [CALL]}],
}
SMOLLM2 = Path(__file__).parents[3] / "data/smollm2-135m-instruct"


def found(config: dict[str, Any], folder: Path | None, *some: Any) -> list[Finding]:
    section = TokenizerConfig.model_validate(config)
    return list(chat_problems(section, folder, {"chat": some} if some else {}, str))


def test_nothing_is_said_of_what_fits(chat_tokenizer: Path) -> None:
    assert found({"path": "x"}, SMOLLM2, PROBE) == []
    assert found({"path": "x"}, None, PROBE) == []  # not at hand
    assert found({"train": {"vocabulary": 300}}, None) == []


def test_the_template_in_place_of_none_is_told(tokenizer: Path) -> None:
    (doubt,) = found({"path": "x"}, tokenizer, PROBE)
    assert (doubt.place, doubt.stops) == (PLACE, False)
    assert "written in ChatML, its <|im_start|> being" in doubt.reason
    (doubt,) = found({"train": {"vocabulary": 300}}, None, PROBE)
    assert doubt.reason.endswith("conversations are written in ChatML")


def test_what_a_template_refuses_is_found_before_a_run(tmp_path: Path) -> None:
    (doubt,) = found({"path": "x"}, SMOLLM2, PROBE, AGENT)
    assert not doubt.stops
    assert "1 of the first 2 conversations of 'chat' cannot be written" in doubt.reason
    (fault,) = found({"path": "x"}, SMOLLM2, AGENT)
    assert fault.stops
    assert "no place for calls of tools" in fault.reason
    own = tmp_path / "own.jinja"
    own.write_text("{{ raise_exception('not so') }}")
    (fault,) = found({"path": "x", "chat_template": str(own)}, SMOLLM2, PROBE)
    assert "refuses it: not so" in fault.reason
    (fault,) = found({"path": "x", "chat_template": "none.jinja"}, SMOLLM2, PROBE)
    assert (fault.place, fault.stops) == (PLACE, True)
    assert "cannot be read" in fault.reason
