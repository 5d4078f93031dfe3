"""One rule for what stands before and behind a text: BOS and EOS.

*Before* every text stands what the tokenizer's own post-processor puts there, in
``tokenizer.json``: BOS for Llama and Gemma, nothing for GPT-2, Qwen and SmolLM. That is what
``tokenizer(text)`` and lm-evaluation-harness give whoever uses the model, so it is what it is
trained with. It holds for documents in shards (hence for held-out losses, which read them), for
questions of benchmarks, prompts of samples and prompts that a generator is given.

*Behind* a document stands one end-of-text token, and none behind a text that is to be gone on with:
a post-processor that puts EOS behind every text is not followed there.

A conversation is what its chat template writes, BOS and the end of a turn included.

A recipe that says ``bos: always`` or ``never`` changes the post-processor that is stored and
exported, so that plain transformers and plain lm-evaluation-harness follow the same rule.
"""

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

Bos = Literal["as_tokenizer", "always", "never"]


class Around(NamedTuple):
    """Ids that a post-processor puts around a text."""

    before: tuple[int, ...]
    behind: tuple[int, ...]


def around(encoder: "Tokenizer") -> Around:
    """What the post-processor of an encoder that neither cuts nor pads puts around a text."""
    encoding = encoder.encode("a")
    is_text = [not special for special in encoding.special_tokens_mask]
    if True not in is_text:
        return Around(tuple(encoding.ids), ())
    first, last = is_text.index(True), len(is_text) - is_text[::-1].index(True)
    return Around(tuple(encoding.ids[:first]), tuple(encoding.ids[last:]))


def file_around(content: bytes) -> Around:
    """What the post-processor of a ``tokenizer.json`` puts around a text."""
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_str(content.decode())
    encoder.no_truncation()
    encoder.no_padding()
    return around(encoder)


def opening(
    tokenizer: "PreTrainedTokenizerBase", encoder: "Tokenizer", bos: Bos = "as_tokenizer"
) -> tuple[int, ...]:
    """What stands before a text; ``encoder`` is the tokenizer's ``text_encoder``.

    Where BOS is to be put and the tokenizer has none, nothing is.
    """
    if bos == "as_tokenizer":
        return around(encoder).before
    number: Any = tokenizer.bos_token_id
    return () if bos == "never" or number is None else (number,)


def with_opening(content: bytes, token: str | None) -> bytes:
    """The content of a ``tokenizer.json`` whose post-processor puts ``token`` before a text (None:
    no token) and nothing behind; the same bytes where it does that already.

    Raises ValueError for a token that the file does not have.
    """
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_str(content.decode())
    number = None if token is None else encoder.token_to_id(token)
    if token is not None and number is None:
        raise ValueError(f"tokenizer.json has no token {token!r}")
    if file_around(content) == Around(() if number is None else (number,), ()):
        return content
    settings = json.loads(content)
    kept = _without_specials(settings["post_processor"])
    if token is not None:
        kept.append(_template(token, number))
    settings["post_processor"] = (
        kept[0] if len(kept) == 1 else {"type": "Sequence", "processors": kept} if kept else None
    )
    return (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode()


def _without_specials(processor: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What of a post-processor is about offsets alone."""
    if processor is None:
        return []
    if processor["type"] == "Sequence":
        return [each for part in processor["processors"] for each in _without_specials(part)]
    if processor["type"] == "RobertaProcessing":
        offsets = {name: processor[name] for name in ("add_prefix_space", "trim_offsets")}
        return [{"type": "ByteLevel", **offsets, "use_regex": True}]
    return [processor] if processor["type"] == "ByteLevel" else []


def _template(token: str, number: Any) -> dict[str, Any]:
    def special(kind: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": kind}}

    def text(name: str, kind: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": kind}}

    return {
        "type": "TemplateProcessing",
        "single": [special(0), text("A", 0)],
        "pair": [special(0), text("A", 0), special(1), text("B", 1)],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]}},
    }
