"""What tests of long contexts share: an encoder, long documents, a model."""

from pathlib import Path

import pytest

from midtrain_dagster.long_context.encoder import Tokens
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer


@pytest.fixture(scope="session")
def encoder(tokenizer: Path) -> Tokens:
    return Tokens(load_tokenizer(tokenizer))


@pytest.fixture(scope="session")
def documents(passages: list[str]) -> list[str]:
    """Four long documents of some thousand tokens."""
    return ["\n\n".join(passages[start::40]) for start in range(4)]
