"""A chat template: how a conversation is written for a tokenizer, and what of it an assistant says.

The template is the tokenizer's own, in Jinja as transformers runs it. What the loss may be taken on
are the assistant's turns: what the template puts between ``{% generation %}`` and
``{% endgeneration %}``, or, where it has no such marks, what each turn adds to the conversation
before it and the generation prompt. The latter needs a template that only appends: the conversation
up to any turn, with the prompt behind it, has to be a beginning of the whole. One that rewrites
earlier turns (as Qwen3's drops their reasoning) is refused for a conversation where it does.

A turn ends with its last special token, which is what ends generation; the white space that a
template writes behind it is not the assistant's.

Equal conversations have to make equal tokens, so a template that writes today's date writes 26 July
2024, the day that Llama 3.1's own falls back to.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from midtrain_dagster.tokens.transcript import Conversation

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VERSION = 1

TURN_START, TURN_END = "<|im_start|>", "<|im_end|>"

CHATML = (
    "{%- if tools %}"
    "{{- '<|im_start|>system\\nTools:\\n' + (tools | tojson) + '<|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.reasoning_content %}"
    "{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}"
    "{%- endif %}"
    "{{- message.content }}"
    "{%- for call in message.tool_calls or [] %}"
    "{{- '\\n<tool_call>\\n' + (call.function | tojson) + '\\n</tool_call>' }}"
    "{%- endfor %}"
    "{{- '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""What is used where neither the tokenizer nor the recipe has a template: ChatML. Without marks,
which other programs that run templates do not know."""

_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")

_DATE = (
    "{%- macro strftime_now(format) -%}"
    "{{- format | replace('%Y', '2024') | replace('%m', '07') | replace('%d', '26')"
    " | replace('%B', 'July') | replace('%b', 'Jul') | replace('%A', 'Friday')"
    " | replace('%a', 'Fri') -}}"
    "{%- endmacro -%}"
)

_EXCERPT = 200

_PLACES = {
    "tools": ("tools", "tools"),
    "tool_calls": ("calls of tools", "tool_calls"),
    "reasoning_content": ("reasoning", "reasoning|thinking"),
}
"""What a conversation may hold beside contents: in words, and in a template that writes it."""


class ChatTemplateError(ValueError):
    """A conversation that the template does not write, or not by appending."""


@dataclass(frozen=True)
class Rendered:
    """A conversation as the template writes it; ``targets`` are the characters that the assistant
    says: ``(start, stop)`` each, in order."""

    text: str
    targets: list[tuple[int, int]]


@dataclass(frozen=True)
class ChatTemplate:
    """The chat template of a tokenizer."""

    tokenizer: "PreTrainedTokenizerBase"

    @cached_property
    def special(self) -> "re.Pattern[str]":
        """Matches the spelling of any special token."""
        added = self.tokenizer.added_tokens_decoder.values()
        spelt = sorted((token.content for token in added if token.special), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, spelt)) or "(?!)")

    def render(self, conversation: Conversation) -> Rendered:
        """Write a conversation. Raises ``ChatTemplateError``."""
        template = self._template(conversation)
        _check_places(template, conversation)
        if _MARKED.search(template):
            text, marks = self._written(template, conversation, tracked=True)
            return Rendered(text, [(start, stop) for start, stop in marks if start < stop])
        text, _ = self._written(template, conversation)
        return Rendered(text, self._appended(template, conversation, text))

    def _template(self, conversation: Conversation) -> str:
        try:
            template = self.tokenizer.get_chat_template(tools=conversation.get("tools"))
        except ValueError as error:
            raise ChatTemplateError(f"the tokenizer has no chat template: {error}") from error
        return _DATE + template if "strftime_now" in template else template

    def _appended(
        self, template: str, conversation: Conversation, text: str
    ) -> list[tuple[int, int]]:
        """The turns of the assistant, each as what it adds to its beginning."""
        messages, targets = conversation["messages"], []
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = {**conversation, "messages": messages[:number]}
            upto = {**conversation, "messages": messages[: number + 1]}
            prompt, _ = self._written(template, before, prompt=True)
            whole = text
            if number + 1 < len(messages):
                whole, _ = self._written(template, upto)
            if not (text.startswith(whole) and whole.startswith(prompt)):
                raise ChatTemplateError(
                    "the chat template does not only append: a turn is written otherwise when "
                    "others follow it, or does not begin with the generation prompt. Give one "
                    "with {% generation %} marks in `tokenizer.chat_template`"
                )
            stop = self._end_of_turn(whole, len(prompt))
            if len(prompt) < stop:
                targets.append((len(prompt), stop))
        return targets

    def _end_of_turn(self, whole: str, start: int) -> int:
        """Where a turn from ``start`` to the end of ``whole`` ends."""
        ends = [token.end() for token in self.special.finditer(whole, start)]
        return ends[-1] if ends and whole[ends[-1] :].isspace() else len(whole)

    def _written(
        self,
        template: str,
        conversation: Conversation,
        *,
        prompt: bool = False,
        tracked: bool = False,
    ) -> tuple[str, list[tuple[int, int]]]:
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        settings: dict[str, Any] = {
            "chat_template": template,
            "add_generation_prompt": prompt,
            "return_assistant_tokens_mask": tracked,
            **self.tokenizer.special_tokens_map,
        }
        try:
            # Its annotation says a string; it gives two lists.
            made: Any = render_jinja_template(
                [conversation["messages"]], tools=conversation.get("tools"), **settings
            )
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError) as error:
            reason = str(error)[:_EXCERPT]
            raise ChatTemplateError(f"the chat template refuses it: {reason}") from error
        texts, marks = made
        return texts[0], marks[0] if marks else []


def _check_places(template: str, conversation: Conversation) -> None:
    """What the template has no place for would be gone without a word."""
    held = {key for message in conversation["messages"] for key in message} | conversation.keys()
    for key, (what, said) in _PLACES.items():
        if key in held and not re.search(said, template):
            raise ChatTemplateError(
                f"the chat template has no place for {what}: give one that writes them in "
                "`tokenizer.chat_template`"
            )


PROBE: Conversation = {
    "messages": [
        {"role": "user", "content": "Which moon is the largest?"},
        {"role": "assistant", "content": "Ganymede."},
        {"role": "user", "content": "And the second?"},
        {"role": "assistant", "content": "Titan."},
    ]
}
"""A conversation that any template should write: what it does to this is told before a run."""
