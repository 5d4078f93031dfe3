"""A value as a person would write it in YAML on one line."""

import json
import re
from typing import Any

import yaml

_WORD = re.compile(r"[\w./*-]+")


def one_line(value: Any) -> str:
    """YAML's flow style; text without quotes where that reads back as the same text."""
    if isinstance(value, dict):
        return (
            f"{{{', '.join(f'{one_line(key)}: {one_line(each)}' for key, each in value.items())}}}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(one_line, value))}]"
    if isinstance(value, str) and _WORD.fullmatch(value) and _is_plain(value):
        return value
    # JSON is YAML.
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    try:
        return bool(yaml.safe_load(f"[{text}]") == [text])
    except yaml.YAMLError:
        return False
