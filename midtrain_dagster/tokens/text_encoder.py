"""Text to tokens, of which none is a control token, whatever the text spells.

Control tokens say what text cannot: where a document ends, who speaks, that a tool is called. A
document that spells ``<|im_end|>`` or ``<tool_call>`` has those characters, and its tokens are of
characters. The tokenizers library can leave out of text what is flagged ``special``; but Qwen's
``<tool_call>``, ``<think>`` and ``<|fim_prefix|>`` are added tokens without that flag, and some
models find a control token in their own vocabulary. So all text has one encoder (documents,
conversations, benchmark items, prompts), made of the tokenizer: control tokens go by other names
in it, which no text can guess. Ids are the tokenizer's, and text that spells no control token is
encoded as the tokenizer does.

An added token is a control token where one of these holds:

1. it is flagged special, or the tokenizer's settings name it (end of text, padding);
2. it takes away white space around it (``lstrip``, ``rstrip``), which text would lose;
3. it is a name between marks: it begins with punctuation or a sign, and after a letter or digit
   there is such again: ``<think>``, ``</s>``, ``[INST]``, ``|||IP_ADDRESS|||``;
4. the chat template writes it, and it is not letters and digits alone: ``USER:``;
5. text with it does not decode to itself: it is a letter that names a byte (DeepSeek Coder's
   ``÷``), or the tokenizer puts a space behind it.

All others are text and stay tokens: runs of white space (GPT-NeoX, OLMo, Phi-2, Gemma) and words.
The price: where HTML's elements are added tokens (Gemma's ``<b>``), text spells them in several
tokens.
"""

import json
import re
from collections.abc import Iterable
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from unicodedata import category

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerBase

VERSION = 2

# U+FDD0 and U+FDD1 are noncharacters, which are there for a program's own use.
OPEN, CLOSE = f"\ufdd0{token_hex(16)}\ufdd0", f"\ufdd1{token_hex(16)}\ufdd1"
"""What stands around a control token that is meant: other ones in every process, so that they are
in no text."""

_BYTE = re.compile("<0x[0-9A-F]{2}>")
_SPELT_BYTE = {
    "type": "Split",
    "pattern": {"Regex": "<(?=0x[0-9A-F]{2}>)"},
    "behavior": "Isolated",
    "invert": False,
}
"""Parts the name of a byte where text spells it, so that no model finds it whole."""
_WORD_SPACE = "\u2581"
_MARKS = ("Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk")
"""Unicode's categories of punctuation and signs, without emoji and without the underscore, which
stands in names."""


def meant(control: str) -> str:
    """How a control token is spelt for ``text_encoder``, to be one."""
    return f"{OPEN}{control}{CLOSE}"


def control_tokens(tokenizer: "PreTrainedTokenizerBase") -> "list[AddedToken]":
    """The control tokens of a tokenizer with a fast form, in the order of their ids."""
    named, template = set(tokenizer.all_special_tokens), _source(tokenizer.chat_template)
    return _controls(tokenizer.backend_tokenizer, named, template)


def text_encoder(tokenizer: "PreTrainedTokenizerBase") -> "Tokenizer":
    """The tokenizer's encoder, in which a control token is one where it is ``meant`` alone.

    It neither cuts nor pads. Raises ValueError for a tokenizer without a fast form, and for one
    whose added tokens have no ids in a row, as its own file would not load either.
    """
    if not tokenizer.is_fast:
        raise ValueError(f"{tokenizer.name_or_path}: the tokenizer needs a fast form")
    return _without(tokenizer.backend_tokenizer, control_tokens(tokenizer))


def bare_text_encoder(tokenizer: "Tokenizer") -> "Tokenizer":
    """As ``text_encoder``, of a tokenizer without settings and template: an embedding's."""
    return _without(tokenizer, _controls(tokenizer, set(), ""))


def _controls(tokenizer: "Tokenizer", named: set[str], template: str) -> "list[AddedToken]":
    return [
        token
        for _, token in sorted(tokenizer.get_added_tokens_decoder().items())
        if token.special
        or token.content in named
        or _is_control(token, template)
        or not _is_kept(tokenizer, token.content)
    ]


def _is_kept(tokenizer: "Tokenizer", content: str) -> bool:
    """Whether text with a token decodes to itself: rule 5."""
    for text in (f"a{content}a", f"a {content} a"):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        decoded: str = tokenizer.decode(ids, skip_special_tokens=False)
        if decoded != text.replace(_WORD_SPACE, " "):
            return False
    return True


def _without(tokenizer: "Tokenizer", controls: "Iterable[AddedToken]") -> "Tokenizer":
    from tokenizers import Tokenizer

    names = {token.content for token in controls}
    settings = _renamed(json.loads(tokenizer.to_str()), names)
    encoder = Tokenizer.from_str(json.dumps(settings, ensure_ascii=False))
    encoder.no_truncation()
    encoder.no_padding()
    for number, token in tokenizer.get_added_tokens_decoder().items():
        given = encoder.token_to_id(
            meant(token.content) if token.content in names else token.content
        )
        if given not in (None, number):
            raise ValueError(
                f"the tokenizer's token {token.content!r} is {number} and would become {given}: "
                "the ids of its added tokens are not in a row"
            )
    return encoder


def _is_control(token: "AddedToken", template: str) -> bool:
    """Whether a token that is not flagged is a control token: rules 2 to 4."""
    content = token.content.strip().strip(_WORD_SPACE)
    if not content:
        return False
    written = content in template and not content.replace("_", "").isalnum()
    return bool(token.lstrip or token.rstrip or written or _is_marked(content))


def _is_marked(content: str) -> bool:
    kinds = (
        "m" if category(each) in _MARKS else "n" if each.isalnum() else "-" for each in content
    )
    return re.match("m.*n.*m", "".join(kinds)) is not None


def _source(template: Any) -> str:
    """The text of a chat template, or of all where there are several by name."""
    return "\n".join(template.values()) if isinstance(template, dict) else template or ""


def _renamed(settings: dict[str, Any], controls: set[str]) -> dict[str, Any]:
    """The settings of a fast tokenizer with other names for control tokens, and no way to them."""
    model = settings["model"]
    known = {piece if isinstance(piece, str) else piece[0] for piece in model["vocab"]}
    # What the model itself makes of text is none: single characters, and bytes of others.
    made = {
        content
        for content in controls & known
        if len(content) == 1 or (model.get("byte_fallback") and _BYTE.fullmatch(content))
    }
    controls = controls - made
    settings["added_tokens"] = [
        _meant(token) if token["content"] in controls else token
        for token in settings["added_tokens"]
        if token["content"] not in made
    ]
    within = controls & known
    if within:
        _rename_within(model, within)
    # A model that looks for whole pieces finds the names by which it falls back to bytes.
    if model.get("byte_fallback") and (model["type"] == "Unigram" or model.get("ignore_merges")):
        own = settings["pre_tokenizer"]
        both = [own, _SPELT_BYTE] if own else [_SPELT_BYTE]
        settings["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": both}
    return settings


def _meant(token: dict[str, Any]) -> dict[str, Any]:
    """An added token by its other name, which is looked for as it is."""
    as_it_is = {"normalized": False, "single_word": False}
    return token | {"content": meant(token["content"])} | as_it_is


def _rename_within(model: dict[str, Any], controls: set[str]) -> None:
    """Rename control tokens in a model's vocabulary; no merge makes one then."""

    def named(piece: str) -> str:
        return meant(piece) if piece in controls else piece

    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {named(piece): number for piece, number in vocabulary.items()}
    else:
        model["vocab"] = [(named(piece), score) for piece, score in vocabulary]
    if model.get("unk_token"):
        model["unk_token"] = named(model["unk_token"])
    if "merges" in model:
        prefix = len(model.get("continuing_subword_prefix") or "")
        model["merges"] = [
            (left, right)
            for left, right in model["merges"]
            if controls.isdisjoint((left, right, left + right[prefix:]))
        ]
