"""A chat template: how a conversation is written for a tokenizer, and what of it an assistant says.

The template is the tokenizer's own, in Jinja as transformers runs it. What the loss may be taken on
are the assistant's turns: what the template puts between ``{% generation %}`` and
``{% endgeneration %}``, or, where it has no such marks, what each turn adds to the conversation
before it and the generation prompt. The latter needs a template that only appends: the conversation
up to any turn, with the prompt behind it, has to be a beginning of the whole. One that rewrites
earlier turns (as Qwen3's drops their reasoning) is refused for a conversation where it does.

A turn ends with its last control token, which is what ends generation; the white space that a
template writes behind it is not the assistant's.

What a content spells is told apart from the control tokens that the template writes, by writing the
conversation once more with marks around the former. Some templates read contents (Qwen3's takes
``<think>`` out of an answer and writes it anew): what they write is the template's. Where the marks
change more than that, the marked writing is the one that stands, without its marks.

Equal conversations have to make equal tokens, so a template that writes today's date writes 26 July
2024, the day that Llama 3.1's own falls back to.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.text_encoder import CLOSE, OPEN, control_tokens, meant
from midtrain_dagster.tokens.transcript import Conversation

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VERSION = 2
USES = (text_encoder,)

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

_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
_MARK = re.compile(f"{OPEN}|{CLOSE}")

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


Place = tuple[int, int]


@dataclass(frozen=True)
class Rendered:
    """A conversation as the template writes it. Places are ``(start, stop)`` in characters, in
    order."""

    text: str
    targets: list[Place]
    """What the assistant says."""
    controls: list[Place]
    """The control tokens that the template writes; others that the text spells are text."""


@dataclass(frozen=True)
class ChatTemplate:
    """The chat template of a tokenizer."""

    tokenizer: "PreTrainedTokenizerBase"

    @cached_property
    def controls(self) -> "re.Pattern[str]":
        """Matches the spelling of any control token, where the tokenizer would read it as one."""
        tokens = sorted(control_tokens(self.tokenizer), key=lambda token: -len(token.content))
        spelt = (
            rf"(?<!\w){re.escape(token.content)}(?!\w)"
            if token.single_word
            else re.escape(token.content)
            for token in tokens
        )
        return re.compile("|".join(spelt) or "(?!)")

    def render(self, conversation: Conversation, *, prompt: bool = False) -> Rendered:
        """Write a conversation; a ``prompt`` goes on to where the assistant is to speak, and has no
        targets. Raises ``ChatTemplateError``."""
        plain = self._rendered(conversation, prompt)
        marked = _marked(conversation, self.controls)
        if marked == conversation:
            return plain
        with_marks = self._rendered(marked, prompt)
        if _spelt(with_marks) != _spelt(plain):
            return _without_marks(with_marks, plain.text)
        both = zip(plain.controls, with_marks.controls, strict=True)
        own = [place for place, other in both if not _is_marked(with_marks.text, other)]
        return replace(plain, controls=own)

    def _rendered(self, conversation: Conversation, prompt: bool) -> Rendered:
        """As the template writes it; whatever spells a control token counts as one."""
        template = self._template(conversation)
        _check_places(template, conversation)
        targets: list[Place] = []
        if prompt or _GENERATION.search(template):
            text, marks = self._written(template, conversation, prompt=prompt, tracked=not prompt)
            targets = [(start, stop) for start, stop in marks if start < stop]
        else:
            text, _ = self._written(template, conversation)
            targets = self._appended(template, conversation, text)
        return Rendered(text, targets, [found.span() for found in self.controls.finditer(text)])

    def _template(self, conversation: Conversation) -> str:
        try:
            template = self.tokenizer.get_chat_template(tools=conversation.get("tools"))
        except ValueError as error:
            raise ChatTemplateError(f"the tokenizer has no chat template: {error}") from error
        return _DATE + template if "strftime_now" in template else template

    def _appended(self, template: str, conversation: Conversation, text: str) -> list[Place]:
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
        ends = [token.end() for token in self.controls.finditer(whole, start)]
        return ends[-1] if ends and whole[ends[-1] :].isspace() else len(whole)

    def _written(
        self,
        template: str,
        conversation: Conversation,
        *,
        prompt: bool = False,
        tracked: bool = False,
    ) -> tuple[str, list[Place]]:
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


def _marked(value: Any, controls: "re.Pattern[str]") -> Any:
    """A conversation with marks around what spells a control token."""
    if isinstance(value, str):
        return controls.sub(lambda found: meant(found[0]), value)
    if isinstance(value, dict):
        return {_marked(key, controls): _marked(each, controls) for key, each in value.items()}
    if isinstance(value, list):
        return [_marked(each, controls) for each in value]
    return value


def _spelt(rendered: Rendered) -> list[str]:
    return [rendered.text[start:stop] for start, stop in rendered.controls]


def _is_marked(text: str, place: Place) -> bool:
    start, stop = place
    return text.endswith(OPEN, 0, start) and text.startswith(CLOSE, stop)


def _without_marks(rendered: Rendered, plain: str) -> Rendered:
    """The text without marks, and the control tokens that had none. Raises ``ChatTemplateError``
    where the template has changed a mark itself, by what of it stands there and not in ``plain``.
    """
    marks = [found.span() for found in _MARK.finditer(rendered.text)]
    text = _MARK.sub("", rendered.text)
    if any(text.count(mark[0]) != plain.count(mark[0]) for mark in (OPEN, CLOSE)):
        raise ChatTemplateError(
            "the chat template rewrites a content that spells a control token: leave it out of the "
            "content, or give a template that writes contents as they are"
        )
    stops = np.array([stop for _, stop in marks])
    taken = np.cumsum([0, *(stop - start for start, stop in marks)])

    def moved(places: list[Place]) -> list[Place]:
        every = np.array(places, np.int64).reshape(-1, 2)
        return [
            (int(start), int(stop))
            for start, stop in every - taken[np.searchsorted(stops, every, side="right")]
        ]

    own = [place for place in rendered.controls if not _is_marked(rendered.text, place)]
    return Rendered(text, moved(rendered.targets), moved(own))


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
