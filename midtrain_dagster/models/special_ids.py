"""The ids of BOS, EOS and padding in a model's folder: as the tokenizer beside it has them.

``config.json`` says them for whoever builds on the model, ``generation_config.json`` for
``generate``: without an end there, a model writes on beyond the end of its text. A model trained
from nothing has none of its own, and a base's may be another's. What ends generation is the
tokenizer's EOS, with which documents end, whatever else the base's settings end it with, and what
ends an assistant's turn in the chat template.

``config.json`` gets a padding id only where that is a token of its own: PyTorch's embedding takes
no gradient for it, which no token that is trained on should lose.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from midtrain_dagster.tokens.chat_template import PROBE, ChatTemplate, ChatTemplateError
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.text_encoder import control_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONFIG, GENERATION = "config.json", "generation_config.json"
BOS, EOS, PADDING = "bos_token_id", "eos_token_id", "pad_token_id"


class SpecialIds(NamedTuple):
    """What a tokenizer says of a model's special tokens."""

    bos: int | None
    eos: int | None
    padding: int | None
    turn_end: int | None
    """What ends an assistant's turn; None without a chat template or without a token for that."""
    controls: frozenset[int]
    """All control tokens, of which a base's settings may end generation with more."""


def special_ids(folder: Path) -> SpecialIds:
    """Those of the tokenizer in a folder. Raises ``TokenizerError``."""
    tokenizer: Any = load_tokenizer(folder)
    return SpecialIds(
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
        _turn_end(tokenizer),
        frozenset(tokenizer.convert_tokens_to_ids(str(each)) for each in control_tokens(tokenizer)),
    )


# A run writes many checkpoints with one tokenizer, whose folder does not change meanwhile.
_of_a_run = lru_cache(maxsize=4)(special_ids)


def write_special_ids(folder: Path, tokenizer: Path | None = None) -> None:
    """Complete ``config.json`` and ``generation_config.json`` of a model's folder, by the tokenizer
    in it or by that of a run, in another folder. Raises ``TokenizerError``."""
    ids = special_ids(folder) if tokenizer is None else _of_a_run(tokenizer)
    config = folder / CONFIG
    before = json.loads(config.read_bytes())
    _write(config, before, with_special_ids(before, ids))
    generation = folder / GENERATION
    before = json.loads(generation.read_bytes()) if generation.is_file() else {}
    _write(generation, before, generation_settings(before, ids))


def with_special_ids(config: dict[str, Any], ids: SpecialIds) -> dict[str, Any]:
    """The content of a ``config.json`` with the tokenizer's ids; ends that it lists beside the
    tokenizer's stay."""
    said: dict[str, Any] = {}
    if ids.bos is not None:
        said[BOS] = ids.bos
    if ids.eos is not None and ids.eos not in _listed(config.get(EOS)):
        said[EOS] = ids.eos
    if ids.padding is not None and ids.padding not in (ids.bos, ids.eos):
        said[PADDING] = ids.padding
    return config | said


def generation_settings(settings: dict[str, Any], ids: SpecialIds) -> dict[str, Any]:
    """The content of a ``generation_config.json`` with the tokenizer's ids."""
    known = {name: value for name, value in settings.items() if value is not None}
    # transformers would take a config that says so for one to be derived again.
    known.pop("_from_model_config", None)
    listed = [each for each in _listed(known.pop(EOS, None)) if each in ids.controls]
    ends = [*dict.fromkeys(each for each in (ids.eos, *listed, ids.turn_end) if each is not None)]
    padding = ids.eos if ids.padding is None else ids.padding
    said = {BOS: ids.bos, EOS: ends[0] if len(ends) == 1 else ends or None, PADDING: padding}
    return known | {name: value for name, value in said.items() if value is not None}


def _listed(ends: int | list[int] | None) -> list[int]:
    return ends if isinstance(ends, list) else [] if ends is None else [ends]


def _write(file: Path, before: dict[str, Any], content: dict[str, Any]) -> None:
    if content != before:
        file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")


def _turn_end(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """The control token that ends an assistant's turn; none where a template does not write the
    plainest of conversations."""
    if tokenizer.chat_template is None:
        return None
    try:
        written = ChatTemplate(tokenizer).render(PROBE)
    except ChatTemplateError:
        return None
    last = max((stop for _, stop in written.targets), default=0)
    ending = [place for place in written.controls if place[1] == last]
    if not ending:
        return None
    number: Any = tokenizer.convert_tokens_to_ids(written.text[slice(*ending[-1])])
    return number if isinstance(number, int) else None
