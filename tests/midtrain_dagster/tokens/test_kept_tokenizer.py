"""What a worker keeps is the folder's own, by what it holds and not by where it is."""

import json
import shutil
from pathlib import Path

from midtrain_dagster.tokens.kept_tokenizer import kept_tokenizer
from midtrain_dagster.tokens.load_tokenizer import load_with_end
from midtrain_dagster.tokens.text_encoder import text_encoder


def test_tokenizer_is_made_once_for_a_content(chat_tokenizer: Path, tmp_path: Path) -> None:
    kept = kept_tokenizer(chat_tokenizer)
    encoder = text_encoder(load_with_end(chat_tokenizer))
    text = "a text, and <|im_end|> spelt"
    assert kept.encoder.encode(text).ids == encoder.encode(text).ids
    moved = shutil.copytree(chat_tokenizer, tmp_path / "moved")
    assert kept_tokenizer(moved) is kept

    settings = json.loads((moved / "tokenizer_config.json").read_text())
    settings["eos_token"] = "<|im_end|>"
    (moved / "tokenizer_config.json").write_text(json.dumps(settings))
    other = kept_tokenizer(moved)
    assert other.end != kept.end
    assert kept_tokenizer(chat_tokenizer).end == kept.end
