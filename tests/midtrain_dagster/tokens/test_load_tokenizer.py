import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, pre_tokenizers, processors

from midtrain_dagster.tokens.load_tokenizer import (
    TokenizerError,
    load_tokenizer,
    load_with_end,
    unknown_specials,
    vocabulary_size,
)
from midtrain_dagster.tokens.tokenizer import tokenizer_files

TEXT = "In 2024  there were\n\n1234567\tof 42"


@pytest.fixture
def folder(tokenizer: Path, tmp_path: Path) -> Path:
    """The shared tokenizer, whose spaces stand apart, in a folder that names GPT-2's class."""
    file = tmp_path / "own" / "tokenizer.json"
    shutil.copytree(tokenizer, file.parent)
    encoder = Tokenizer.from_file(str(file))
    encoder.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d{1,3}| "), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    encoder.save(str(file))
    say(file.parent, tokenizer_class="GPT2Tokenizer")
    return file.parent


def say(folder: Path, **fields: object) -> None:
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_bytes()) | fields
    said = {name: value for name, value in settings.items() if value is not None}
    file.write_text(json.dumps(said))


def test_encodes_as_the_file_and_not_as_the_class(folder: Path) -> None:
    from transformers import AutoTokenizer

    encoder = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert load_tokenizer(folder)(TEXT).input_ids == encoder.encode(TEXT).ids
    assert AutoTokenizer.from_pretrained(folder)(TEXT).input_ids != encoder.encode(TEXT).ids
    assert load_tokenizer(folder).pad_token == "<|padding|>"


def test_the_begin_and_end_that_the_file_puts_are_put(folder: Path) -> None:
    """Also where the settings say the contrary, to which transformers does not listen either."""
    encoder = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encoder.post_processor = processors.TemplateProcessing(
        single="<|padding|> $A", special_tokens=[("<|padding|>", 1)]
    )
    encoder.save(str(folder / "tokenizer.json"))
    say(folder, add_bos_token=False)
    assert load_tokenizer(folder)("x").input_ids[0] == 1


def test_stored_files_are_those_of_the_folder_to_the_byte(folder: Path) -> None:
    say(folder, tokenizer_class="PreTrainedTokenizerFast", odd={"b": 1, "a": [2]})
    (folder / "vocab.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"no tokenizer")
    stored = tokenizer_files(folder)
    assert stored == {
        name: (folder / name).read_bytes()
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json")
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer.json", "{", r"tokenizer\.json: the tokenizers library cannot read it"),
        ("tokenizer.json", "version https://git-lfs.github.com/spec/v1", r"tokenizer\.json: the"),
        ("tokenizer_config.json", "{", r"tokenizer_config\.json is no JSON"),
        ("special_tokens_map.json", "[]", r"special_tokens_map\.json holds no JSON object"),
        ("added_tokens.json", "\x00", r"added_tokens\.json is no JSON"),
    ],
)
def test_a_file_that_is_wrong_is_named(folder: Path, name: str, content: str, said: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(TokenizerError, match=said):
        load_tokenizer(folder)


def test_documents_need_an_end_that_is_a_token(folder: Path) -> None:
    say(folder, tokenizer_class="PreTrainedTokenizerFast", eos_token="</none>")
    with pytest.raises(TokenizerError, match=r"'</none>', which is none of the tokens"):
        load_with_end(folder)
    assert unknown_specials(load_tokenizer(folder), folder) == {"</none>": 1024}
    say(folder, eos_token=None)
    with pytest.raises(TokenizerError, match="names no eos_token"):
        load_with_end(folder)


def test_an_end_that_only_the_class_names(folder: Path) -> None:
    """As in GPT-2's own folder, whose settings name nothing."""
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')
    loaded = load_with_end(folder)
    assert (loaded.eos_token, loaded.bos_token) == ("<|endoftext|>", "<|endoftext|>")
    # What is stored says it, for the class that it names instead does not.
    stored = json.loads(tokenizer_files(folder)["tokenizer_config.json"])
    assert (stored["eos_token"], stored["tokenizer_class"]) == (
        "<|endoftext|>",
        "PreTrainedTokenizerFast",
    )


def test_a_slow_vocabulary_is_made_into_a_file(folder: Path, tmp_path: Path) -> None:
    model = json.loads((folder / "tokenizer.json").read_bytes())["model"]
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "vocab.json").write_text(json.dumps(model["vocab"]))
    (slow / "merges.txt").write_text("\n".join(" ".join(merge) for merge in model["merges"]))
    (slow / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')
    stored = tokenizer_files(slow)
    assert sorted(stored) == [
        *("merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json")
    ]
    made = tmp_path / "made"
    made.mkdir()
    for name, data in stored.items():
        (made / name).write_bytes(data)
    assert load_tokenizer(made)(TEXT).input_ids == load_tokenizer(slow)(TEXT).input_ids


def test_a_folder_without_any_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="no tokenizer here"):
        load_tokenizer(tmp_path)
    with pytest.raises(TokenizerError, match="the hub does not give it"):
        tokenizer_files("nobody/nothing")


def test_size_counts_gaps_between_ids(folder: Path) -> None:
    """Rows of an embedding go to the largest id, whatever ids no token has."""
    file = folder / "tokenizer.json"
    settings = json.loads(file.read_bytes())
    settings["model"]["vocab"]["unheard"] = 2000
    file.write_text(json.dumps(settings))
    loaded = load_tokenizer(folder)
    assert (len(loaded), vocabulary_size(loaded)) == (1025, 2001)
