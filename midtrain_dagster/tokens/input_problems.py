"""What is wrong with the tokenizer that a recipe names, once it is looked at."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.core.causes import digest
from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.known_answers import known_answer
from midtrain_dagster.tokens import as_transformers, specials
from midtrain_dagster.tokens import load_tokenizer as load_tokenizers
from midtrain_dagster.tokens import text_encoder as text_encoders
from midtrain_dagster.tokens.as_transformers import LIBRARIES, as_the_file_says, difference
from midtrain_dagster.tokens.load_tokenizer import (
    SETTINGS,
    SLOW_FILES,
    TOKENIZER_FILE,
    TokenizerError,
    load_with_end,
    unknown_specials,
    vocabulary_size,
)
from midtrain_dagster.tokens.specials import around
from midtrain_dagster.tokens.text_encoder import text_encoder
from midtrain_dagster.tokens.tokenizer import (
    SMALLEST_VOCABULARY,
    TokenizerConfig,
    stored_files,
    train_tokenizer,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLACE = ("tokenizer", "path")

MODULES = (sys.modules[__name__], as_transformers, load_tokenizers, specials, text_encoders)
"""Of whose code what is found is made."""

UNHEARD = (
    "no class that its settings name changes that for this model type: whoever loads an exported "
    "model has to take PreTrainedTokenizerFast.from_pretrained for its tokenizer"
)
CURED = (
    "the settings of stored and exported tokenizers name PreTrainedTokenizerFast, which reads it"
)


@dataclass
class TokenizerInput:
    """A tokenizer before a run."""

    vocabulary: int | None = None
    """Its tokens; None: not known."""
    folder: Path | None = None
    """Where it lies; None: it is trained here, or cannot be read."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def file(self) -> Path | None:
        """Its file of the tokenizers library, if it has one."""
        file = self.folder / TOKENIZER_FILE if self.folder else None
        return file if file is not None and file.is_file() else None


def tokenizer_input(
    config: TokenizerConfig, address: str, model: bytes | None = None
) -> TokenizerInput:
    """Look at a tokenizer: one that is to be trained, or the one at ``address``, which is a folder
    or a hub id. ``model`` is the ``config.json`` of the run's checkpoints, if it is known."""
    if config.train is not None:
        like_it = train_tokenizer([], vocabulary=SMALLEST_VOCABULARY)
        return TokenizerInput(config.train.vocabulary, None, [*_read_otherwise(like_it, model)])
    folder = Path(address)
    if not folder.is_dir():
        return TokenizerInput(findings=list(_elsewhere(address)))
    beside = folder / "config.json"
    own = beside.read_bytes() if beside.is_file() else b""
    files = stored_files(folder)
    about = {
        "folder": str(folder),
        "files": {name: digest(data) for name, data in files.items()},
        "bos": config.bos,
        "configs": [digest(own), digest(model or own)],
    }
    try:
        found = known_answer(
            "tokenizer_input",
            about,
            lambda: _looked_at(config, folder, files, model or own or None),
            modules=MODULES,
            libraries=LIBRARIES,
        )
    except TokenizerError as error:
        return TokenizerInput(findings=[Finding(PLACE, str(error))])
    findings = [Finding(tuple(place), *told) for place, *told in found["findings"]]
    return TokenizerInput(found["vocabulary"], folder, findings)


def _looked_at(
    config: TokenizerConfig, folder: Path, files: dict[str, bytes], model: bytes | None
) -> dict[str, Any]:
    """What is known of a tokenizer's folder, as JSON. Raises :class:`TokenizerError`."""
    tokenizer = load_with_end(folder)
    findings = [*_around(config, tokenizer)]
    if TOKENIZER_FILE in files:
        added = unknown_specials(tokenizer, folder)
        if added:
            spelt = ", ".join(f"{token!r} ({number})" for token, number in sorted(added.items()))
            reason = f"its settings add tokens that {TOKENIZER_FILE} does not have: {spelt}"
            findings.append(doubt(PLACE, reason))
        findings += _read_otherwise(files, model)
    else:
        made_of = ", ".join(name for name in SLOW_FILES if name in files)
        reason = (
            f"{folder} has no {TOKENIZER_FILE}: the one that is used is made by transformers' "
            f"{type(tokenizer).__name__} of {made_of or 'its files'}"
        )
        findings.append(doubt(PLACE, reason))
    return {"vocabulary": vocabulary_size(tokenizer), "findings": findings}


def _around(config: TokenizerConfig, tokenizer: "PreTrainedTokenizerBase") -> Iterator[Finding]:
    """What stands around texts and cannot, or should not."""
    if config.bos == "always" and tokenizer.bos_token is None:
        yield Finding(("tokenizer", "bos"), f"always, but {SETTINGS} names no bos_token")
    if config.bos == "as_tokenizer" and around(text_encoder(tokenizer)).behind:
        yield doubt(
            PLACE,
            "its post-processor puts a token behind every text, which no question and no prompt "
            "has here; plain lm-evaluation-harness takes it for a part of the answer: say bos: "
            "always or never, and what is stored and exported puts none",
        )


def _read_otherwise(files: dict[str, bytes], model: bytes | None) -> Iterator[Finding]:
    """That a person who loads it with transformers has other tokens than the file's."""
    found = difference(files, model)
    if found is not None:
        helped = as_the_file_says(files, model) != files
        yield doubt(
            PLACE, f"{found}. The file is what is used here; {CURED if helped else UNHEARD}"
        )


def _elsewhere(address: str) -> Iterator[Finding]:
    if Path(address).is_file():
        yield Finding(PLACE, f"{address} is a file: name the folder that it lies in")
    elif address.startswith((".", "/", "~")) or address.count("/") != 1:
        yield Finding(PLACE, f"there is no folder {address}")
    else:
        yield doubt(
            PLACE,
            f"{address} is no folder, so it is taken for a hub id, which is not "
            "looked at before the run",
        )
