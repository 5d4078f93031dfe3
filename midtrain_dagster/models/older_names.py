"""RoPE in a config.json for readers of transformers before 5, too.

Since transformers 5 everything about positions stands in ``rope_parameters``. Older ones, and
whatever reads config.json as they do (llama.cpp, many servers), look for ``rope_theta`` and
``rope_scaling``, find none, and take the base 10,000 without scaling: a model whose context was
extended is read wrongly, and nothing says so. So both are written, the same in both ways of saying.

What is written is read back: the older names alone have to give transformers the very parameters
that they stand for. Where they cannot say them, none is written.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VERSION = 2

CONFIG = "config.json"
PARAMETERS = "rope_parameters"

BASE, SHARE = "rope_theta", "partial_rotary_factor"
NAMES = {
    "gpt_neox": {BASE: "rotary_emb_base", SHARE: "rotary_pct"},
    "gpt_neox_japanese": {BASE: "rotary_emb_base", SHARE: "rotary_pct"},
}
"""The families that call the base, and the rotated share of a head, otherwise."""
SCALING, LOCAL_BASE = "rope_scaling", "rope_local_base_freq"
LONGROPE = ("type", "short_factor", "long_factor")
WHOLE, LOCAL = "full_attention", "sliding_attention"
OLDER = {SCALING, LOCAL_BASE, BASE, SHARE, "rotary_emb_base", "rotary_pct"}
"""All fields that say of RoPE what ``rope_parameters`` says."""


def older_names(config: dict[str, Any]) -> dict[str, Any]:
    """The older fields of a config's content, in their families' names; none where they cannot say
    what its ``rope_parameters`` say."""
    parameters = config.get(PARAMETERS)
    if not parameters:
        return {}
    rest = {name: value for name, value in config.items() if name not in {PARAMETERS, *OLDER}}
    meant = understood(config)
    for fields in _ways(parameters, NAMES.get(config["model_type"], {})):
        if meant is not None and meant == understood(rest | fields) == understood(config | fields):
            return fields
    return {}


def write_older_names(folder: Path) -> None:
    """Complete the ``config.json`` of a Hugging Face folder; it may have them already."""
    file = folder / CONFIG
    file.write_bytes(with_older_names(file.read_bytes()))


def with_older_names(content: bytes) -> bytes:
    """The content of a ``config.json``, completed; the same bytes where nothing is added."""
    config = json.loads(content)
    fields = older_names(config)
    if fields.items() <= config.items():
        return content
    return (json.dumps(config | fields, indent=2, sort_keys=True) + "\n").encode()


def _ways(parameters: dict[str, Any], named: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Ways to say the parameters in older fields: for a model whose layers share them, and for one
    whose local layers have a base of their own."""
    if WHOLE not in parameters:
        fields = _fields(parameters, named)
        if parameters.get("rope_type") == "longrope" and "type" in parameters:
            # Older Phi-3 takes no more of it; the original window stands beside it there.
            yield fields | {SCALING: {name: parameters.get(name) for name in LONGROPE}}
        yield fields
    else:
        shared = _fields(parameters[WHOLE], named)
        yield shared
        yield shared | {LOCAL_BASE: (parameters.get(LOCAL) or {}).get(BASE)}


def _fields(parameters: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    own = {name: value for name, value in parameters.items() if name not in (BASE, SHARE)}
    scaled = own.get("rope_type", "default") != "default"
    fields = {
        named.get(name, name): parameters[name] for name in (BASE, SHARE) if name in parameters
    }
    return fields | {SCALING: own if scaled else None}


def understood(config: dict[str, Any]) -> Any:
    """What transformers understands of RoPE, said in any way; None for a family that it does not
    know."""
    from transformers import CONFIG_MAPPING

    family = config.get("model_type")
    if family is None or family not in CONFIG_MAPPING:
        return None
    # It takes what it is given apart, and nested fields with it.
    return CONFIG_MAPPING[family].from_dict(json.loads(json.dumps(config))).rope_parameters
