"""A tokenizer of bytes with ChatML's control tokens: the smallest that writes conversations."""

from pathlib import Path

import pytest

from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.tokenizer import SMALLEST_VOCABULARY, train_tokenizer


@pytest.fixture(scope="session")
def chat_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat_tokenizer")
    files = train_tokenizer(["text"], vocabulary=SMALLEST_VOCABULARY + 2, chat_template=CHATML)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
