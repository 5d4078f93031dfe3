"""Plain transformers on what is stored and exported, for model types that rebuild and others."""

import json
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

from midtrain_dagster.core.findings import doubt
from midtrain_dagster.tokens.as_transformers import PROBES, as_the_file_says, difference
from midtrain_dagster.tokens.input_problems import CURED, PLACE, UNHEARD, tokenizer_input
from midtrain_dagster.tokens.tokenizer import TokenizerConfig, stored_files, tokenizer_files

GIVEN = TokenizerConfig(path="FOLDER")


def config(model_type: str) -> bytes:
    return json.dumps({"model_type": model_type}).encode()


@pytest.fixture(scope="module")
def odd(tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a tokenizer that is like no class: digits in threes, spaces apart, NFC, a begin."""
    folder = tmp_path_factory.mktemp("odd")
    encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    encoder.normalizer = normalizers.NFC()
    encoder.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d{1,3}| "), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    encoder.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    encoder.save(str(folder / "tokenizer.json"))
    return {
        "tokenizer.json": (folder / "tokenizer.json").read_bytes(),
        "tokenizer_config.json": (tokenizer / "tokenizer_config.json").read_bytes(),
    }


def of_class(files: dict[str, bytes], name: str | None) -> dict[str, bytes]:
    settings = json.loads(files["tokenizer_config.json"]) | {"tokenizer_class": name}
    if name is None:
        del settings["tokenizer_class"]
    return files | {"tokenizer_config.json": json.dumps(settings).encode()}


def written(folder: Path, files: dict[str, bytes], model: bytes | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if model is not None:
        (folder / "config.json").write_bytes(model)
    return folder


@pytest.mark.parametrize(
    ("model_type", "named"),
    [
        ("llama", "GPT2Tokenizer"),
        ("llama", "LlamaTokenizerFast"),
        ("gpt2", "GPT2Tokenizer"),
        ("gpt_neox", "GPTNeoXTokenizerFast"),
        ("gemma3_text", "GemmaTokenizer"),
        ("qwen3", "Qwen2Tokenizer"),
        ("mistral", "LlamaTokenizer"),
        ("olmo2", "GPT2Tokenizer"),
        ("opt", None),
        ("starcoder2", None),
    ],
)
def test_plain_transformers_reads_what_is_stored_as_the_file_says(
    odd: dict[str, bytes], tmp_path: Path, model_type: str, named: str | None
) -> None:
    encoder = Tokenizer.from_str(odd["tokenizer.json"].decode())
    given = written(tmp_path / "given", of_class(odd, named))
    stored = tokenizer_files(given, config=config(model_type))
    assert stored["tokenizer.json"] == odd["tokenizer.json"]
    plain = AutoTokenizer.from_pretrained(
        written(tmp_path / "exported", stored, config(model_type))
    )
    for text in PROBES:
        assert plain(text).input_ids == encoder.encode(text).ids
    assert (plain.eos_token, plain.pad_token) == ("<|endoftext|>", "<|padding|>")


def test_settings_that_are_read_as_the_file_says_stay_as_they_are(odd: dict[str, bytes]) -> None:
    for model_type, named in (("llama", None), ("mistral", "LlamaTokenizer")):
        files = of_class(odd, named)
        assert difference(files, config(model_type)) is None
        assert as_the_file_says(files, config(model_type)) == files


def test_a_difference_is_told_before_a_run(odd: dict[str, bytes], tmp_path: Path) -> None:
    folder = written(tmp_path / "given", of_class(odd, "GPT2Tokenizer"), config("llama"))
    found = difference(stored_files(folder), config("llama"))
    assert found is not None
    assert found.by == "GPT2Tokenizer"
    assert "In 2024 there were 1234567 of 98765.4321 and 00042" in found.texts
    seen = tokenizer_input(GIVEN, str(folder))
    assert seen.findings == [doubt(PLACE, f"{found}. The file is what is used here; {CURED}")]
    assert seen.vocabulary == 1024
    # The model's own config decides, not that which lies beside the tokenizer.
    assert tokenizer_input(GIVEN, str(folder), config("olmo2")).findings == []


def test_a_model_type_that_listens_to_no_class_is_told(
    odd: dict[str, bytes], tmp_path: Path
) -> None:
    """transformers 5.23 takes Qwen2Tokenizer for qwen2, whatever the settings name."""
    files = of_class(odd, "PreTrainedTokenizerFast")
    assert as_the_file_says(files, config("qwen2")) == files
    seen = tokenizer_input(GIVEN, str(written(tmp_path / "given", files)), config("qwen2"))
    (found,) = seen.findings
    assert "Qwen2Tokenizer" in found.reason
    assert found.reason.endswith(UNHEARD)
    # One that is to be trained would be read so too.
    trained = TokenizerConfig.model_validate({"train": {"vocabulary": 512}})
    (found,) = tokenizer_input(trained, "", config("qwen2")).findings
    assert found.reason.endswith(UNHEARD)
    assert tokenizer_input(trained, "", config("llama")).findings == []


def test_a_class_that_does_not_load_is_told_and_not_needed(
    odd: dict[str, bytes], tmp_path: Path
) -> None:
    files = of_class(odd, None)
    found = difference(files, config("t5"))
    assert found is not None
    assert str(found).startswith("transformers' AutoTokenizer does not load it: ")
    assert difference(as_the_file_says(files, config("t5")), config("t5")) is None


def test_what_else_is_told_of_a_tokenizer(odd: dict[str, bytes], tmp_path: Path) -> None:
    settings = json.loads(odd["tokenizer_config.json"]) | {"pad_token": "[PAD]"}
    files = odd | {"tokenizer_config.json": json.dumps(settings).encode()}
    (found,) = tokenizer_input(GIVEN, str(written(tmp_path / "pads", files))).findings
    assert "'[PAD]' (1024)" in found.reason
    del settings["bos_token"], settings["pad_token"]
    files = odd | {"tokenizer_config.json": json.dumps(settings).encode()}
    always = TokenizerConfig(path="FOLDER", bos="always")
    found, *_ = tokenizer_input(always, str(written(tmp_path / "none", files))).findings
    assert (found.place, found.stops) == (("tokenizer", "bos"), True)
    encoder = Tokenizer.from_str(odd["tokenizer.json"].decode())
    encoder.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    files = odd | {"tokenizer.json": encoder.to_str().encode()}
    behind = written(tmp_path / "behind", files)
    (found,) = tokenizer_input(GIVEN, str(behind)).findings
    assert "puts a token behind every text" in found.reason
    assert tokenizer_input(always, str(behind)).findings == []
    model = json.loads(odd["tokenizer.json"])["model"]
    slow = {
        "vocab.json": json.dumps(model["vocab"]).encode(),
        "merges.txt": "\n".join(" ".join(merge) for merge in model["merges"]).encode(),
        "tokenizer_config.json": b'{"tokenizer_class": "GPT2Tokenizer"}',
    }
    (found,) = tokenizer_input(GIVEN, str(written(tmp_path / "slow", slow))).findings
    assert found.reason.endswith("made by transformers' GPT2Tokenizer of vocab.json, merges.txt")
    broken = odd | {"tokenizer.json": b"{"}
    (found,) = tokenizer_input(GIVEN, str(written(tmp_path / "broken", broken))).findings
    assert found.stops
    assert "broken/tokenizer.json" in found.reason
