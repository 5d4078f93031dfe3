"""The one way to load a tokenizer: it encodes as its ``tokenizer.json`` says, with its folder's
settings.

``tokenizer.json`` is the tokenizer that a checkpoint was trained with. ``AutoTokenizer`` reads only
the vocabulary and the merges of it for many classes (GPT-2, Llama, Qwen2, Gemma), and splits text
as the class does: digits come in other groups, spaces vanish, and nothing says so. Here the
tokenizers library reads the file, and transformers adds what the file does not know: which tokens
begin, end and pad, and the chat template. A folder without the file (sentencepiece's, or
``vocab.json`` with ``merges.txt``) has its encoder made by the class that transformers takes.

``as_transformers.py`` says where ``AutoTokenizer`` would encode otherwise.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZER_FILE = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
CHAT_TEMPLATE = "chat_template.jinja"
"""The file in a tokenizer's folder that holds its chat template."""
JSON_FILES = (SETTINGS, "special_tokens_map.json", "added_tokens.json")
SLOW_FILES = (
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tiktoken.model",
    "tekken.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
)
"""Vocabularies of which a class makes an encoder, where there is no ``tokenizer.json``."""

TOKENIZER_FILES = (
    TOKENIZER_FILE,
    *JSON_FILES,
    *SLOW_FILES,
    CHAT_TEMPLATE,
    "chat_template.json",
)
"""Files that make a tokenizer; those that are there are stored, copied into every checkpoint and
exported."""

NAMED = ("bos_token", "eos_token", "pad_token", "unk_token")
"""Special tokens that a class may name where the folder's settings do not."""

EXCERPT = 200


class TokenizerError(ValueError):
    """A tokenizer that cannot be used; the message names its file or its folder."""


def load_tokenizer(folder: str | Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a folder on this machine.

    ``backend_tokenizer`` encodes as ``tokenizer.json`` does. Raises :class:`TokenizerError` for a
    file that cannot be read, and for a folder of which no encoder can be made.
    """
    folder = Path(folder)
    for name in JSON_FILES:
        _check_object(folder / name)
    file = folder / TOKENIZER_FILE
    if not file.is_file():
        return _made_by_class(folder)
    from transformers import PreTrainedTokenizerFast

    try:
        # The regular expression that some settings ask for is the class's, not the file's.
        loaded = PreTrainedTokenizerFast.from_pretrained(
            folder, tokenizer_file=str(file), local_files_only=True, fix_mistral_regex=False
        )
    except Exception as error:  # whatever settings that do not fit make of a library
        _check_encoder(file)
        raise TokenizerError(f"{folder}: its settings cannot be used: {reason(error)}") from error
    if loaded.eos_token is None:
        _name_as_the_class_does(loaded, folder)
    return loaded


def load_with_end(folder: str | Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a folder, which has an end-of-text token: documents end with it.

    Raises :class:`TokenizerError` as ``load_tokenizer`` does, and where no ``eos_token`` is named
    or the named one is none of the tokens.
    """
    loaded = load_tokenizer(folder)
    if loaded.eos_token is None:
        raise TokenizerError(f"{folder}: {SETTINGS} names no eos_token, which ends every document")
    added = unknown_specials(loaded, Path(folder))
    if loaded.eos_token in added:
        raise TokenizerError(
            f"{folder}: {SETTINGS} names the eos_token {loaded.eos_token!r}, which is none of the "
            f"tokens of {TOKENIZER_FILE}"
        )
    return loaded


def unknown_specials(tokenizer: "PreTrainedTokenizerBase", folder: Path) -> dict[str, int]:
    """Tokens that the settings add to those of ``tokenizer.json``, with the ids they get."""
    from tokenizers import Tokenizer

    file = folder / TOKENIZER_FILE
    if not file.is_file():
        return {}
    known = Tokenizer.from_file(str(file)).get_vocab()
    found = tokenizer.get_vocab()
    return {token: found[token] for token in found.keys() - known.keys()}


def vocabulary_size(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Ids that the tokenizer can give: one more than the largest, whatever gaps there are."""
    return max(tokenizer.get_vocab().values(), default=-1) + 1


def reason(error: BaseException) -> str:
    """What a library says is wrong, in one line."""
    return " ".join(str(error).split())[:EXCERPT] or type(error).__name__


def _check_object(file: Path) -> None:
    if not file.is_file():
        return
    try:
        content: Any = json.loads(file.read_bytes())
    except ValueError as error:
        raise TokenizerError(f"{file} is no JSON: {reason(error)}") from error
    if not isinstance(content, dict):
        raise TokenizerError(f"{file} holds no JSON object")


def _check_encoder(file: Path) -> None:
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises no narrower one
        message = f"{file}: the tokenizers library cannot read it: {reason(error)}"
        raise TokenizerError(message) from error


def _made_by_class(folder: Path) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    try:
        loaded: Any = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # whatever a broken file makes of a library
        message = f"{folder}: no tokenizer here: {reason(error)}"
        raise TokenizerError(message) from error
    if not loaded.is_fast:
        raise TokenizerError(
            f"{folder}: the tokenizer needs a fast form: there is no {TOKENIZER_FILE}, and "
            f"{type(loaded).__name__} makes none"
        )
    made: PreTrainedTokenizerBase = loaded
    return made


def _name_as_the_class_does(loaded: Any, folder: Path) -> None:
    """Take special tokens that only a class names (GPT-2's ``<|endoftext|>``), if they are there.

    A folder whose class does not load names none, which is told as such where one is needed.
    """
    from transformers import AutoTokenizer

    try:
        named: Any = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (ImportError, LookupError, OSError, TypeError, ValueError):
        return
    known = loaded.get_vocab()
    for name in NAMED:
        token = getattr(named, name, None)
        if getattr(loaded, name) is None and token in known:
            setattr(loaded, name, token)
