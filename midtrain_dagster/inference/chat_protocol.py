"""What endpoints put into the fields of OpenAI's chat completions, beside what the protocol says.

A message's content is a text, or parts of which some are thought and not said. A count may be
anything. That a prompt does not fit, or is not let through, every server says in its own words,
with status 400.

Nothing here has a version: it decides which answers are none, and no word of those that are some,
and an engine's version would have every endpoint asked, and paid, anew.
"""

import re
from typing import Any

MOST_COUNTED = 2**40
"""Tokens of one answer above which a count is none."""

TOO_LARGE = 413
"""The status of a body that is too large, as proxies give it."""

_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|maximum context|too long|too many tokens"
    r"|must have less than \d+ tokens|exceeds the maximum number of tokens",
    re.I,
)
"""What vLLM and OpenAI, Anthropic, llama.cpp, TGI and Google say of a prompt that does not fit."""

_FILTERED = re.compile(r"content_filter|ResponsibleAIPolicyViolation|content management policy")
"""What Azure says of a prompt that it does not let through."""


def text_of(content: Any) -> str:
    """The text of a message: a string, or parts, of which those that are no text are left out.

    Raises:
        TypeError: anything else.
        LookupError: a part without a type, or one of text without it.
    """
    if content is None or isinstance(content, str):
        return whole_characters(content or "")
    if not isinstance(content, list):
        raise TypeError(f"content is of type {type(content).__name__}")
    return whole_characters("".join(part["text"] for part in content if part["type"] == "text"))


def whole_characters(text: str) -> str:
    """A text without halves of characters, which JSON can spell and no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def count_of(usage: Any, name: str) -> int:
    """A count of tokens; 0 where there is none, or none that can be."""
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and 0 <= count < MOST_COUNTED else 0


def is_too_long(status: int, text: str) -> bool:
    """Whether an endpoint says that a prompt does not fit into the model's context."""
    return status == TOO_LARGE or _TOO_LONG.search(text) is not None


def is_filtered(text: str) -> bool:
    """Whether an endpoint says that it does not let this prompt through, and would another."""
    return _FILTERED.search(text) is not None
