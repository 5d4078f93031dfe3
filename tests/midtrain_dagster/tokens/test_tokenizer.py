import json
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError
from transformers import AutoTokenizer

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.text_encoder import text_encoder
from midtrain_dagster.tokens.tokenizer import (
    CHAT_TEMPLATE,
    SMALLEST_VOCABULARY,
    VERSION,
    VOCABULARY,
    Tokenizer,
    TokenizerConfig,
    Vocabulary,
    control_tokens,
    tokenizer_files,
    train_tokenizer,
    vocabulary_of,
)


def test_config_is_one_of_two() -> None:
    assert TokenizerConfig.model_validate({"path": "base"}).path == "base"
    config = TokenizerConfig.model_validate({"train": {"vocabulary": 2048}})
    assert config.train is not None
    assert config.train.vocabulary == 2048


@pytest.mark.parametrize("wrong", [{}, {"path": "base", "train": {"vocabulary": 2048}}])
def test_config_refuses_none_and_both(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        TokenizerConfig.model_validate(wrong)


def test_config_refuses_fewer_tokens_than_bytes() -> None:
    with pytest.raises(ValidationError, match="258"):
        TokenizerConfig.model_validate({"train": {"vocabulary": 257}})


def test_the_folder_loads_as_it_is(tokenizer: Path) -> None:
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    assert loaded.is_fast
    assert (len(loaded), loaded.eos_token_id, loaded.bos_token_id, loaded.pad_token_id) == (
        1024,
        0,
        0,
        1,
    )


@pytest.mark.parametrize(
    "text", ["", "  two  spaces\n\n\ttab", "ñ 中文 🙂 \u0000 e\u0301", "1234.50"]
)
def test_decoding_gives_the_text_back(tokenizer: Path, text: str) -> None:
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    assert loaded.decode(loaded(text).input_ids) == text


def test_digits_stay_single(tokenizer: Path) -> None:
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    assert loaded.convert_ids_to_tokens(loaded("2024").input_ids) == ["2", "0", "2", "4"]


def test_same_texts_give_the_same_bytes(passages: list[str]) -> None:
    once = train_tokenizer(passages[:200], vocabulary=600)
    assert once == train_tokenizer(pl.Series(passages[:200]), vocabulary=600)
    assert once == train_tokenizer(iter(passages[:200]), vocabulary=600)


def test_golden(tokenizer: Path) -> None:
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    ids = loaded("The house of the 21 people.").input_ids
    assert (VERSION, ids) == (1, [503, 297, 817, 279, 263, 222, 19, 18, 287, 70, 414, 295, 15])


def test_too_little_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="of the 5000 asked for"):
        train_tokenizer(["a few words only"], vocabulary=5000)


def test_files_of_an_existing_tokenizer(tokenizer: Path, tmp_path: Path) -> None:
    files = tokenizer_files(tokenizer)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    text = "The house of the 21 people."
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again(text).input_ids == AutoTokenizer.from_pretrained(tokenizer)(text).input_ids
    assert not {"is_local", "name_or_path"} & json.loads(files["tokenizer_config.json"]).keys()
    # Where the tokenizer lies is no cause of its bytes.
    assert tokenizer_files(tmp_path) == files


def test_vocabulary_pads_with_the_end_of_text_where_there_is_no_padding(tokenizer: Path) -> None:
    files = {file.name: file.read_bytes() for file in tokenizer.iterdir()}
    assert vocabulary_of(files) == Vocabulary(tokens=1024, padding=1)
    settings = json.loads(files["tokenizer_config.json"])
    del settings["pad_token"]
    files["tokenizer_config.json"] = json.dumps(settings).encode()
    assert vocabulary_of(files) == Vocabulary(tokens=1024, padding=0)


@pytest.mark.parametrize(("tokens", "dtype"), [(1024, "<u2"), (65536, "<u2"), (65537, "<u4")])
def test_tokenizer_handle_knows_its_vocabulary_and_its_files(
    store: ArtifactStore, tokens: int, dtype: str
) -> None:
    """A vocabulary that cannot be read is an error, never a zero, which would mean uint16."""
    record = Vocabulary(tokens=tokens, padding=1).model_dump_json().encode()
    files = {"tokenizer.json": b"{}", VOCABULARY: record}
    artifact = store.make(
        "tokenizer",
        {"tokenizer": 1},
        None,
        {},
        lambda name: ([write_output(store.storage, name, *each) for each in files.items()], {}),
    )
    handle = Tokenizer(artifact)
    assert [part.table for part in handle.files] == ["tokenizer.json"]
    assert (handle.vocabulary.tokens, handle.vocabulary.padding) == (tokens, 1)
    assert handle.dtype == dtype


def test_tokenizer_handle_without_a_vocabulary_is_refused(store: ArtifactStore) -> None:
    artifact = store.make("tokenizer", {"tokenizer": 1}, None, {}, lambda name: ([], {}))
    with pytest.raises(KeyError, match="vocabulary"):
        Tokenizer(artifact).dtype  # noqa: B018


def test_chat_template_of_the_recipe_goes_before_its_own_and_a_default_behind(
    tokenizer: Path, tmp_path: Path
) -> None:
    def template(path: Path, **said: str) -> str:
        for name, data in tokenizer_files(path, **said).items():
            (tmp_path / name).write_bytes(data)
        return str(AutoTokenizer.from_pretrained(tmp_path).chat_template)

    assert CHAT_TEMPLATE not in tokenizer_files(tokenizer)
    assert template(tokenizer, default_template="{{ 1 }}") == "{{ 1 }}"
    own = tmp_path / "own"
    own.mkdir()
    for name, data in tokenizer_files(tokenizer, chat_template="{{ 2 }}").items():
        (own / name).write_bytes(data)
    assert template(own) == "{{ 2 }}"
    assert template(own, default_template="{{ 1 }}") == "{{ 2 }}"
    assert template(own, chat_template="{{ 3 }}") == "{{ 3 }}"


def test_chat_template_is_a_text_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text("{{ 1 }}")

    def read(said: str) -> str | None:
        section = TokenizerConfig(path="base", chat_template=said)
        return section.read_chat_template(lambda path: str(tmp_path / path))

    assert read("{{ 2 }}") == "{{ 2 }}"
    assert read("chat.jinja") == "{{ 1 }}"
    with pytest.raises(FileNotFoundError):
        read("none.jinja")
    assert TokenizerConfig(path="base").read_chat_template(str) is None


def test_a_trained_tokenizer_has_the_tokens_that_stages_need(tmp_path: Path) -> None:
    named = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]
    files = train_tokenizer(["text"], vocabulary=SMALLEST_VOCABULARY + 3, added=named)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.convert_ids_to_tokens([2, 3, 4]) == named
    # No document can spell one.
    encoder = text_encoder(loaded)
    assert not {2, 3, 4} & set(encoder.encode("<|fim_prefix|> a <|fim_middle|>").ids)


def test_a_trained_tokenizer_has_its_template_and_the_control_tokens_of_it(tmp_path: Path) -> None:
    size = SMALLEST_VOCABULARY + 2
    files = train_tokenizer(["text"], vocabulary=size, chat_template=CHATML)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.chat_template == CHATML
    assert loaded.convert_ids_to_tokens([0, 1, 2, 3]) == [
        *("<|endoftext|>", "<|padding|>", "<|im_start|>", "<|im_end|>")
    ]
    assert len(loaded.encode("<|im_end|>")) == 1
    assert control_tokens("{{ '<|a|>' }}<|b-c|><|a|> <| d |>") == ["<|a|>", "<|b-c|>"]
    assert control_tokens(None) == []
