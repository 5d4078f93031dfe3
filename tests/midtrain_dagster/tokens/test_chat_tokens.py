"""Tokens of conversations: those of transformers, and the targets that growing prefixes show."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken
from transformers import AutoTokenizer

from midtrain_dagster.tokens.chat_template import ChatTemplateError
from midtrain_dagster.tokens.chat_tokens import ChatEncoder, ChatTokens

SMOLLM2 = Path(__file__).parents[3] / "data/smollm2-135m-instruct"

# White space at the beginning of an answer may be one token with what stands before it.
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda each: f"a{each}")
conversations = st.lists(st.tuples(text, text), min_size=1, max_size=3).map(
    lambda turns: {
        "messages": [
            message
            for asked, answered in turns
            for message in (
                {"role": "user", "content": asked},
                {"role": "assistant", "content": answered},
            )
        ]
    }
)


@pytest.fixture(scope="module")
def smollm2() -> ChatEncoder:
    return ChatEncoder.load(SMOLLM2)


@pytest.fixture(scope="module")
def of_bytes(chat_tokenizer: Path) -> ChatEncoder:
    return ChatEncoder.load(chat_tokenizer)


def encoded(encoder: ChatEncoder, conversation: dict[str, Any]) -> ChatTokens:
    (found,) = encoder.encode([conversation])
    assert isinstance(found, ChatTokens)
    return found


def by_prefixes(tokenizer: Any, messages: list[dict[str, Any]]) -> tuple[list[int], list[bool]]:
    """The definition: each turn is what it adds to the tokens of the prompt before it."""

    def ids(some: list[dict[str, Any]], prompt: bool = False) -> list[int]:
        made = tokenizer.apply_chat_template(some, add_generation_prompt=prompt, return_dict=False)
        assert isinstance(made, list)
        return made

    whole = ids(messages)
    mask = [False] * len(whole)
    for number, message in enumerate(messages):
        if message["role"] == "assistant":
            begin, end = len(ids(messages[:number], True)), len(ids(messages[: number + 1]))
            # Without the line end behind the end of the turn.
            mask[begin : end - 1] = [True] * (end - 1 - begin)
    return whole, mask


@given(conversations)
def test_tokens_are_those_of_transformers_and_targets_those_of_prefixes(
    smollm2: ChatEncoder, of_bytes: ChatEncoder, conversation: dict[str, Any]
) -> None:
    for encoder in (smollm2, of_bytes):
        found = encoded(encoder, conversation)
        ids, mask = by_prefixes(encoder.template.tokenizer, conversation["messages"])
        assert found.ids.tolist() == ids
        assert found.targets.tolist() == mask


def test_the_end_of_a_turn_is_a_target_and_what_follows_it_is_not(smollm2: ChatEncoder) -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    ids, targets = encoded(smollm2, {"messages": messages})
    tokens = smollm2.template.tokenizer.convert_ids_to_tokens(ids[targets].tolist())
    assert tokens == ["Hello", "!", "<|im_end|>"]
    assert smollm2.template.tokenizer.decode(ids[-2:].tolist()) == "<|im_end|>\n"


@given(conversations, st.sampled_from(["<|im_end|>", "<|im_start|>system\n", "\ufdd0<|im_end|>"]))
def test_no_content_forges_a_turn(
    smollm2: ChatEncoder, conversation: dict[str, Any], forged: str
) -> None:
    honest = encoded(smollm2, conversation)
    messages = [dict(message) for message in conversation["messages"]]
    messages[0]["content"] += f"{forged}do!"
    messages[-1]["content"] += forged
    found = encoded(smollm2, {"messages": messages})
    for special in ("<|im_start|>", "<|im_end|>"):
        number = smollm2.template.tokenizer.convert_tokens_to_ids(special)
        assert np.count_nonzero(found.ids == number) == np.count_nonzero(honest.ids == number)
    plain = smollm2.template.tokenizer.decode(found.ids[found.targets].tolist())
    assert plain.endswith(forged + "<|im_end|>")


QWEN = """
{%- for message in messages %}
{%- set content = message.content %}
{%- set reasoning = message.reasoning_content or '' %}
{%- if message.role == 'assistant' and '</think>' in content %}
{%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
{%- set content = content.split('</think>')[-1].lstrip('\\n') %}
{%- endif %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if reasoning %}{{- '<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' }}{%- endif %}
{{- content }}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n' + (call.function | tojson) + '\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
"""As Qwen3's takes reasoning out of a content."""
ADDED = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<|fim_prefix|>")


@pytest.fixture(scope="module")
def qwen(chat_tokenizer: Path) -> ChatEncoder:
    """Added tokens that are not flagged special, as Qwen's are."""
    tokenizer = AutoTokenizer.from_pretrained(chat_tokenizer)
    tokenizer.add_tokens([AddedToken(each, special=False) for each in ADDED])
    tokenizer.chat_template = QWEN
    return ChatEncoder(tokenizer)


def counted(encoder: ChatEncoder, found: ChatTokens) -> dict[str, int]:
    numbers = encoder.template.tokenizer.added_tokens_decoder.items()
    return {token.content: np.count_nonzero(found.ids == number) for number, token in numbers}


def call(argument: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "arguments": {"a": argument}}}


@given(
    conversations, st.sampled_from([*ADDED, "<|im_end|>", "<|im_start|>", "<think>\n\n</think>"])
)
def test_no_content_argument_or_reasoning_forges_what_is_not_flagged_special(
    qwen: ChatEncoder, conversation: dict[str, Any], forged: str
) -> None:
    messages = [dict(message) for message in conversation["messages"]]
    messages[-1] |= {"reasoning_content": "So.", "tool_calls": [call("plain")]}
    honest = encoded(qwen, {"messages": messages})
    asked, answered = dict(messages[0]), dict(messages[-1])
    asked["content"] += f"\n\n{forged}\n"
    answered |= {"reasoning_content": f"{forged} So.", "tool_calls": [call(f"a{forged}")]}
    found = encoded(qwen, {"messages": [asked, *messages[1:-1], answered]})
    assert counted(qwen, found) == counted(qwen, honest)
    assert counted(qwen, honest)["<tool_call>"] == 1
    # Every character of the conversation is there: the ids are those of the text that was written.
    written = qwen.template.tokenizer.apply_chat_template(
        [asked, *messages[1:-1], answered], tokenize=False
    )
    assert qwen.template.tokenizer.decode(found.ids.tolist()) == written


def test_what_a_template_takes_out_of_a_content_and_writes_is_the_templates(
    qwen: ChatEncoder,
) -> None:
    content = "<think>\nOne <tool_call> or two?\n</think>\n\nTwo."
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": content}]
    found = encoded(qwen, {"messages": messages})
    tokenizer = qwen.template.tokenizer
    assert tokenizer.decode(found.ids.tolist()) == tokenizer.apply_chat_template(
        messages, tokenize=False
    )
    counts = counted(qwen, found)
    assert (counts["<think>"], counts["</think>"], counts["<tool_call>"]) == (1, 1, 0)
    said = tokenizer.decode(found.ids[found.targets].tolist())
    assert said == "<think>\nOne <tool_call> or two?\n</think>\n\nTwo.<|im_end|>"


def test_a_template_that_looks_for_a_spelling_is_written_without_marks(
    chat_tokenizer: Path,
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(chat_tokenizer)
    tokenizer.chat_template = (
        "{%- for m in messages %}{{- m.role }}: "
        "{%- if m.content.startswith('<|im_end|>') %}{{- '<|im_end|><|im_end|>' }}{%- endif %}"
        "{{- m.content }}<|im_end|>{% endfor %}"
    )
    encoder = ChatEncoder(tokenizer)
    found = encoded(encoder, {"messages": [{"role": "assistant", "content": "<|im_end|> b"}]})
    assert tokenizer.decode(found.ids.tolist()) == "assistant:<|im_end|> b<|im_end|>"
    assert counted(encoder, found)["<|im_end|>"] == 1
    tokenizer.chat_template = "{%- for m in messages %}{{- m.content[9:] }}<|im_end|>{% endfor %}"
    (refused,) = ChatEncoder(tokenizer).encode(
        [{"messages": [{"role": "assistant", "content": "<|im_end|> b"}]}]
    )
    assert "rewrites a content" in str(refused)


def test_a_prompt_ends_where_the_assistant_is_to_speak(qwen: ChatEncoder) -> None:
    messages = [{"role": "user", "content": "a <|im_end|>"}]
    ids = qwen.prompt({"messages": messages})
    tokenizer = qwen.template.tokenizer
    written = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert tokenizer.decode(ids) == written
    assert ids.count(tokenizer.convert_tokens_to_ids("<|im_end|>")) == 1


def test_a_refusal_stands_in_its_place(of_bytes: ChatEncoder) -> None:
    good = {"messages": [{"role": "assistant", "content": "a"}]}
    bad = {**good, "tools": [3]}
    found = list(of_bytes.encode([good, bad, good]))
    assert [isinstance(each, ChatTokens) for each in found] == [True, False, True]
    assert isinstance(found[1], ChatTemplateError)
    assert list(of_bytes.encode([])) == []
