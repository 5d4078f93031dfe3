"""What an assistant says, by marks and by growing prefixes; and what templates are refused for."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from midtrain_dagster.tokens.chat_template import (
    CHATML,
    PROBE,
    ChatTemplate,
    ChatTemplateError,
    Rendered,
)

MARKED = (
    "{%- for message in messages %}{{- '[' + message.role + ']' }}"
    "{%- if message.role == 'assistant' %}{% generation %}{{- message.content + '.' }}"
    "{% endgeneration %}{% else %}{{- message.content }}{% endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '[assistant]' }}{%- endif %}"
)
FORGETFUL = (
    "{%- for message in messages %}{{- '[' + message.role + ']' }}"
    "{{- message.content if loop.last or message.role == 'user' else '...' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '[assistant]' }}{%- endif %}"
)


@pytest.fixture
def template(chat_tokenizer: Path) -> Any:
    def made(text: str = CHATML) -> ChatTemplate:
        loaded = AutoTokenizer.from_pretrained(chat_tokenizer)
        loaded.chat_template = text
        return ChatTemplate(loaded)

    return made


def said(rendered: Rendered) -> list[str]:
    return [rendered.text[start:stop] for start, stop in rendered.targets]


def test_prefixes_find_each_turn_with_its_end(template: Any) -> None:
    rendered = template().render(PROBE)
    assert said(rendered) == ["Ganymede.<|im_end|>", "Titan.<|im_end|>"]
    assert rendered.text.startswith("<|im_start|>user\nWhich moon is the largest?<|im_end|>\n")
    assert rendered.text.endswith("<|im_start|>assistant\nTitan.<|im_end|>\n")


def test_marks_go_before_prefixes(template: Any) -> None:
    assert said(template(MARKED).render(PROBE)) == ["Ganymede..", "Titan.."]


def test_turns_without_a_special_end_go_to_the_next(template: Any) -> None:
    plain = CHATML.replace("<|im_end|>\\n", "\\n\\n").replace("<|im_start|>", "# ")
    assert said(template(plain).render(PROBE)) == ["Ganymede.\n\n", "Titan.\n\n"]


def test_a_template_that_rewrites_earlier_turns_is_refused_where_it_does(template: Any) -> None:
    with pytest.raises(ChatTemplateError, match=r"does not only append.*generation %\} marks"):
        template(FORGETFUL).render(PROBE)
    assert said(template(FORGETFUL).render({"messages": PROBE["messages"][:2]})) == ["Ganymede."]
    with pytest.raises(ChatTemplateError, match="does not begin with the generation prompt"):
        template(CHATML.replace("'<|im_start|>assistant", "'<|im_start|>model")).render(PROBE)


def test_what_a_template_has_no_place_for_is_refused(template: Any) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": {"x": "é"}}}
    agent = [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": "", "tool_calls": [call], "reasoning_content": "So."},
    ]
    rendered = template().render({"messages": agent, "tools": [{"name": "f"}]})
    assert said(rendered) == [
        "<think>\nSo.\n</think>\n\n\n<tool_call>\n"
        '{"name": "f", "arguments": {"x": "é"}}\n</tool_call><|im_end|>'
    ]
    assert 'Tools:\n[{"name": "f"}]' in rendered.text
    with pytest.raises(ChatTemplateError, match="no place for calls of tools"):
        template(MARKED).render({"messages": agent})
    with pytest.raises(ChatTemplateError, match="no place for tools"):
        template(MARKED).render({**PROBE, "tools": [{"name": "f"}]})


def test_errors_of_a_template_are_told(template: Any) -> None:
    with pytest.raises(ChatTemplateError, match="refuses it: roles must alternate"):
        template("{{ raise_exception('roles must alternate') }}").render(PROBE)
    with pytest.raises(ChatTemplateError, match="no chat template"):
        template(None).render(PROBE)


def test_no_template_writes_the_day_on_which_it_is_run(template: Any) -> None:
    dated = "{{ strftime_now('%d %b %Y, %Y-%m-%d') }}" + CHATML
    assert template(dated).render(PROBE).text.startswith("26 Jul 2024, 2024-07-26<|im_start|>")
