"""What ``AutoTokenizer`` makes of a tokenizer's folder, beside what its ``tokenizer.json`` says.

Whoever loads an exported model does so with ``AutoTokenizer``, and lm-evaluation-harness does too.
It goes by classes: the one that ``tokenizer_config.json`` names, or the model type's, and many of
them build an encoder of their own from the file's vocabulary. Whether the two agree is tried on
:data:`PROBES`, not looked up, so that no list of classes ages. Where they do not, the settings name
``PreTrainedTokenizerFast``, which reads the file as it is; nothing else of the folder changes.
transformers 5.23 does not listen for a few model types (qwen2, qwen3_5): of these it is told.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from midtrain_dagster.core.causes import digest
from midtrain_dagster.core.known_answers import known_answer
from midtrain_dagster.tokens import load_tokenizer as load_tokenizers
from midtrain_dagster.tokens.load_tokenizer import NAMED, SETTINGS, load_tokenizer, reason

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LIBRARIES = ("tokenizers", "transformers")
"""What reads a tokenizer."""

CONFIG = "config.json"
PLAIN_CLASS = "PreTrainedTokenizerFast"
"""The class that reads ``tokenizer.json`` as it is, in every version of transformers."""

PROBES = (
    "In 2024 there were 1234567 of 98765.4321 and 00042",
    "1 22 333 4444 55555 666666",
    "two  spaces   three    four     five",
    " one space before and one behind ",
    "   three spaces before, three behind   ",
    "\tone tab\t\ttwo tabs",
    "a line\nanother\n\na paragraph\n\n\n\nfour\r\nWindows\r\n",
    "\n",
    " ",
    "def f(x: int) -> str:\n    return f'{x!r}' if x >= 0 else \"no\"  # a_b\n\treturn x[1:-2]\n",
    "<html><b class='c'>&amp;</b></html> https://example.org/a?b=1&c=%20d",
    "It's we'll they'RE don't I'M o'clock",
    "Ünïcödé naïve Straße façade ÅNGSTRÖM ﬁ ① ½ ½",
    "中文分词没有空格。日本語のテキスト、한국어 문장",
    "Привет мир. Ωμέγα. שלום עולם. مرحبا بالعالم. नमस्ते दुनिया",
    "e\u0301 a\u0308\u0323 combining, \u200bzero\u200dwidth, \u00a0hard\u2003em",
    "🙂\U0001f469\u200d\U0001f467🇩🇪 emoji",
    "\ufeffA mark of byte order, \u0000 and \u007f",
    "camelCaseAndSNAKE_CASE-kebab--case...!!!???",
)


@dataclass(frozen=True)
class Difference:
    """How ``AutoTokenizer`` reads a folder otherwise than its file."""

    by: str
    """The class that it takes; or why it loads none."""
    texts: tuple[str, ...]
    """The texts with other tokens; none where it loads none."""

    def __str__(self) -> str:
        if not self.texts:
            return f"transformers' AutoTokenizer does not load it: {self.by}"
        first = min(self.texts, key=len)
        return (
            f"transformers' AutoTokenizer reads it by the class {self.by}, which has other tokens "
            f"than tokenizer.json for {len(self.texts)} of the texts tried, {first!r} say"
        )


def difference(files: Mapping[str, bytes], config: bytes | None) -> Difference | None:
    """How ``AutoTokenizer`` reads a tokenizer's files beside a model's ``config.json``, if it is
    otherwise than ``tokenizer.json`` says. Raises ``TokenizerError`` for files that do not load."""
    about = {
        "files": {name: digest(data) for name, data in files.items()},
        "config": None if config is None else digest(config),
    }
    found = known_answer(
        "as_transformers",
        about,
        lambda: _tried(files, config),
        modules=(sys.modules[__name__], load_tokenizers),
        libraries=LIBRARIES,
    )
    return None if found is None else Difference(found["by"], tuple(found["texts"]))


def _tried(files: Mapping[str, bytes], config: bytes | None) -> dict[str, Any] | None:
    from transformers import AutoTokenizer

    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder, files, config)
        ours = load_tokenizer(folder)
        try:
            theirs: Any = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # whatever a class makes of a file that is not its own
            return {"by": reason(error), "texts": []}
        texts = [text for text in _texts(ours) if not _alike(ours, theirs, text)]
        return {"by": type(theirs).__name__, "texts": texts} if texts else None


def as_the_file_says(files: Mapping[str, bytes], config: bytes | None) -> dict[str, bytes]:
    """The files, whose settings name another class where ``AutoTokenizer`` would not read
    ``tokenizer.json`` otherwise; the same bytes where it does, and where that does not help."""
    if difference(files, config) is None:
        return dict(files)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder, files, config)
        loaded = load_tokenizer(folder)
        # The class that is replaced may have named some that the settings did not.
        named = {name: getattr(loaded, name) for name in NAMED if getattr(loaded, name) is not None}
    settings = {**named, **json.loads(files.get(SETTINGS, b"{}")), "tokenizer_class": PLAIN_CLASS}
    written = (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode()
    changed = {**files, SETTINGS: written}
    return changed if difference(changed, config) is None else dict(files)


def _write(folder: Path, files: Mapping[str, bytes], config: bytes | None) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if config is not None:
        (folder / CONFIG).write_bytes(config)


def _texts(tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """The probes, and the special tokens spelt within and at both ends of a text."""
    spelt = [text for each in tokenizer.all_special_tokens for text in (f"a {each} b", each)]
    return [*PROBES, *dict.fromkeys(spelt)]


def _alike(ours: Any, theirs: Any, text: str) -> bool:
    try:
        found = [theirs.encode(text, add_special_tokens=added) for added in (False, True)]
    except Exception:  # a class of another vocabulary: its unknown token is none of the file's
        return False
    return found == [ours.encode(text, add_special_tokens=added) for added in (False, True)]
