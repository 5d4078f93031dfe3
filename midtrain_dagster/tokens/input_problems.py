"""What is wrong with the tokenizer that a recipe names, once it is looked at."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.tokens.tokenizer import TokenizerConfig

PLACE = ("tokenizer", "path")

TOKENIZER_FILE = "tokenizer.json"


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


def tokenizer_input(config: TokenizerConfig, address: str) -> TokenizerInput:
    """Look at a tokenizer: one that is to be trained, or the one at ``address``, which is a folder
    or a hub id."""
    if config.train is not None:
        return TokenizerInput(config.train.vocabulary)
    folder = Path(address)
    if not folder.is_dir():
        return TokenizerInput(findings=list(_elsewhere(address)))
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever a broken file makes of a library
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return TokenizerInput(findings=[Finding(PLACE, f"{folder}: no tokenizer here: {reason}")])
    if not tokenizer.is_fast or tokenizer.eos_token_id is None:
        reason = f"{folder}: the tokenizer needs a fast form (tokenizer.json) and an eos_token"
        return TokenizerInput(findings=[Finding(PLACE, reason)])
    return TokenizerInput(len(tokenizer), folder)


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
