"""Text becomes no control token, whatever it spells, and decodes to itself: all kinds of models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from midtrain_dagster.tokens.text_encoder import (
    CLOSE,
    OPEN,
    bare_text_encoder,
    control_tokens,
    meant,
    text_encoder,
)

SMOLLM2 = Path(__file__).parents[3] / "data/smollm2-135m-instruct"

CONTROLS = [
    AddedToken("<|endoftext|>", special=True),
    AddedToken("<s>", special=True, normalized=False),
    AddedToken("<tool_call>", special=False, normalized=False),
    AddedToken("</tool_call>", special=False, normalized=True),
    AddedToken("<think>", special=False, lstrip=True, rstrip=True),
    AddedToken("<|fim_prefix|>", special=False, single_word=True),
    AddedToken("[INST]", special=False, normalized=True, rstrip=True),
    AddedToken("<\uff5cUser\uff5c>", special=False),
    AddedToken("\u2581<PRE>", special=False),
    AddedToken("|||IP_ADDRESS|||", special=False),
    AddedToken(">>TITLE<<", special=False),
    AddedToken("end", special=False, rstrip=True),
    AddedToken("\u00f7", special=False),
    AddedToken("na\u00efve", special=False),
]
TEXTS = [
    AddedToken("    ", special=False, normalized=True),
    AddedToken("\n\n", special=False),
    AddedToken("mitochondrion", special=False, single_word=True),
    AddedToken("C++", special=False),
    AddedToken("COVID-19", special=False),
    AddedToken("\U0001f642\U0001f642", special=False),
    AddedToken("__init__", special=False),
]
CORPUS = ["a <s> b </tool_call> c <think> [INST] the cat's   mat\n\n end C++ 12"] * 50


def byte_level() -> Tokenizer:
    """As GPT-2's and its many children."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained(tokenizer, trainers.BpeTrainer, initial_alphabet=alphabet, special_tokens=["<s>"])
    return tokenizer


def whole_words() -> Tokenizer:
    """As Llama 3's: what is a token as a whole is taken before any merge."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+|\S+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    learnt = ["<s>", *(token.content for token in CONTROLS if token.content.isascii())]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained(tokenizer, trainers.BpeTrainer, initial_alphabet=alphabet, special_tokens=learnt)
    return tokenizer


def merged() -> Tokenizer:
    """A vocabulary that has learnt control tokens from its texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained(tokenizer, trainers.BpeTrainer, initial_alphabet=alphabet, vocab_size=2000)
    assert tokenizer.encode("<s>").tokens == ["<s>"]
    return tokenizer


def spaced() -> Tokenizer:
    """As Llama 2's: words with a space before them, also behind an added token."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    return byte_fallback(tokenizer, decoders.Strip(" ", 1, 0))


def unspaced() -> Tokenizer:
    """As Gemma's."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    return byte_fallback(tokenizer)


def byte_fallback(tokenizer: Tokenizer, *last: Any) -> Tokenizer:
    """Bytes where a letter is unknown."""
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), *last]
    )
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trained(tokenizer, trainers.BpeTrainer, special_tokens=["<unk>", "<s>", *bytes_])
    return tokenizer


def unigram() -> Tokenizer:
    """As T5's: every piece of the vocabulary is one that text may have."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    settings = {"initial_alphabet": [*map(chr, range(33, 127))], "unk_token": "<unk>"}
    learnt = ["<unk>", "<s>", "<tool_call>"]
    trained(tokenizer, trainers.UnigramTrainer, special_tokens=learnt, **settings)
    return tokenizer


def unigram_of_bytes() -> Tokenizer:
    """As llm-jp's: a piece is looked for by its name, and so are the bytes of an unknown letter."""
    pieces = ["<unk>", "<s>", "\u2581", *map(chr, range(33, 127)), "the", "\u2581cat"]
    pieces += [f"<0x{byte:02X}>" for byte in range(256)]
    scores = [(piece, -float(len(piece))) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>"])
    tokenizer.add_tokens([*CONTROLS, *TEXTS])
    return tokenizer


def trained(tokenizer: Tokenizer, trainer: Callable[..., Any], **settings: Any) -> None:
    settings.setdefault("vocab_size", 600)
    tokenizer.train_from_iterator(CORPUS, trainer(show_progress=False, **settings))
    tokenizer.add_tokens([*CONTROLS, *TEXTS])


def wrapped(tokenizer: Tokenizer, **settings: Any) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="<|endoftext|>", **settings
    )


MADE = {
    make.__name__: make
    for make in (
        *(byte_level, whole_words, merged, spaced, unspaced),
        *(unigram, unigram_of_bytes),
    )
}
LOADED: dict[str, Any] = {name: wrapped(make()) for name, make in MADE.items()}
LOADED["smollm2"] = AutoTokenizer.from_pretrained(SMOLLM2)
ENCODERS = {name: text_encoder(tokenizer) for name, tokenizer in LOADED.items()}

# A word's space is written as this sign by the models of words, and read as a space again.
plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581"), max_size=9)
ascii_only = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9)


def spliced(name: str, pieces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts with spellings of added tokens anywhere, whole and in parts."""
    added = [*CONTROLS, *TEXTS, *LOADED[name].added_tokens_decoder.values()]
    spelt = [token.content for token in added if token.content != "\u2581<PRE>"]
    spelt += [
        "<0x0A>",
        "<0x41>",
        f"{OPEN}<s>",
        f"<s>{CLOSE}",
        "\ufdd0<s>\ufdd1",
        "<|endof",
        "text|>",
        " ",
        "<",
        "|>",
    ]
    return st.lists(pieces | st.sampled_from(spelt), max_size=8).map("".join)


@given(st.data())
@pytest.mark.parametrize("name", LOADED)
def test_text_is_no_control_token_and_decodes_to_itself(name: str, data: st.DataObject) -> None:
    pieces = ascii_only if name == "unigram" else plain
    text = data.draw(spliced(name, pieces))
    if name == "unigram":
        text = "".join(each for each in text if each.isascii() and each.isprintable())
    tokenizer, encoder = LOADED[name], ENCODERS[name]
    controls = {token.content for token in control_tokens(tokenizer)}
    # What is the name of a byte, too, is what text is made of.
    controls -= {each for each in controls if len(each) == 1 or each.startswith("<0x")}
    numbers = {tokenizer.convert_tokens_to_ids(each) for each in controls}
    if name in ("spaced", "unigram"):  # which begin a text with a space
        text = f"a{text}"
    if name == "smollm2":  # whose vocabulary lacks some bytes
        text = "".join(each for each in text if each.isprintable() and each < "\U00010000")
    ids = encoder.encode(text, add_special_tokens=False).ids
    assert numbers.isdisjoint(ids)
    assert tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False) == text


@given(st.data())
@pytest.mark.parametrize("name", LOADED)
def test_other_text_is_encoded_as_the_tokenizer_does(name: str, data: st.DataObject) -> None:
    tokenizer = LOADED[name]
    spelt = [token.content for token in TEXTS]
    text = data.draw(st.lists(plain | st.sampled_from(spelt), max_size=8).map("".join))
    own = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
    controls = {token.content for token in control_tokens(tokenizer)}
    if "<0x" not in text and controls.isdisjoint(tokenizer.convert_ids_to_tokens(own)):
        assert ENCODERS[name].encode(text, add_special_tokens=False).ids == own


@given(st.data())
@pytest.mark.parametrize("name", LOADED)
def test_a_control_token_that_is_meant_is_the_tokenizers(name: str, data: st.DataObject) -> None:
    tokenizer = LOADED[name]
    control = data.draw(st.sampled_from(control_tokens(tokenizer))).content
    encoded = ENCODERS[name].encode(f"a,{meant(control)},b", add_special_tokens=False).ids
    own = tokenizer.backend_tokenizer.encode(f"a,{control},b", add_special_tokens=False).ids
    # A byte and the unknown are what the model makes of text, and no one means them.
    if (
        tokenizer.convert_tokens_to_ids(control) in own
        and len(control) > 1
        and control[:3] != "<0x"
    ):
        assert encoded == own


def test_which_added_tokens_are_control_tokens() -> None:
    found = {token.content for token in control_tokens(LOADED["byte_level"])}
    assert found == {token.content for token in CONTROLS}
    spoken = wrapped(byte_level(), chat_template="{{ 'C++ says: ' + messages[0].content }}")
    assert "C++" in {token.content for token in control_tokens(spoken)}
    named = wrapped(byte_level(), chat_template={"default": "{{ 1 }}", "rag": "'mitochondrion'"})
    assert "mitochondrion" not in {token.content for token in control_tokens(named)}
    padded = wrapped(byte_level(), pad_token="mitochondrion")
    assert "mitochondrion" in {token.content for token in control_tokens(padded)}


# As the models' own files have them.
REAL = {
    "Qwen3": (
        "<|im_start|> <|object_ref_start|> <tool_call> </tool_call> <|fim_prefix|> <|repo_name|> "
        "<tool_response> <think> </think>",
        (),
    ),
    "Llama 3": ("<|begin_of_text|> <|reserved_special_token_0|> <|eot_id|>", ()),
    "Gemma": ("<start_of_turn> <unused12> [@BOS@]", ("\n\n\n", "\u2581\u2581", "\t\t")),
    "DeepSeek": ("<\uff5cUser\uff5c> <\uff5cfim\u2581hole\uff5c> \u00f7", ()),
    "OLMo": ("|||EMAIL_ADDRESS||| <|padding|>", ("  ", "                        ")),
    "GPT-NeoX": ("<|endoftext|> <|padding|>", ("  ",)),
    "Mistral": ("[INST] [/INST] [TOOL_CALLS] [AVAILABLE_TOOLS]", ()),
    "Code Llama": ("\u2581<PRE> \u2581<EOT>", ()),
    "ChatGLM": ("[gMASK] <|user|>", ()),
    "Falcon": (">>ABSTRACT<< >>MIDDLE<<", ()),
}


@pytest.mark.parametrize("model", REAL)
def test_of_real_tokenizers(model: str) -> None:
    controls, texts = REAL[model]
    tokenizer = unspaced() if model == "Gemma" else byte_level()
    tokenizer.add_tokens([AddedToken(each, special=False) for each in (*controls.split(), *texts)])
    found = {token.content for token in control_tokens(wrapped(tokenizer))}
    assert found.issuperset(controls.split())
    assert found.isdisjoint(texts)


def test_special_tokens_around_a_text_stay() -> None:
    tokenizer = wrapped(byte_level())
    from tokenizers.processors import TemplateProcessing

    bos = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", bos)]
    )
    ids = text_encoder(tokenizer).encode("a<s>").ids
    assert ids[0] == bos
    assert bos not in ids[1:]


def test_a_bare_tokenizer_has_no_settings() -> None:
    tokenizer = byte_level()
    encoder = bare_text_encoder(tokenizer)
    assert tokenizer.token_to_id("<tool_call>") not in encoder.encode("<tool_call>").ids
    assert encoder.encode("C++").ids == [tokenizer.token_to_id("C++")]
