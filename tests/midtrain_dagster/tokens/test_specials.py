import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer, processors
from transformers import AutoTokenizer

from midtrain_dagster.dataloader.batch import UNLABELLED, collate
from midtrain_dagster.dataloader.plan import Span, Window
from midtrain_dagster.tokens.load_tokenizer import TokenizerError, load_tokenizer
from midtrain_dagster.tokens.shards import TokenShards, tokenize
from midtrain_dagster.tokens.specials import Around, around, opening, with_opening
from midtrain_dagster.tokens.text_encoder import text_encoder
from midtrain_dagster.tokens.tokenizer import (
    TokenizerConfig,
    Vocabulary,
    tokenizer_files,
    train_tokenizer,
    vocabulary_of,
)

BEGIN, PAD = "<|endoftext|>", "<|padding|>"
TEMPLATE = processors.TemplateProcessing(
    single=f"{PAD} $A {BEGIN}", special_tokens=[(BEGIN, 0), (PAD, 1)]
)


def content(tokenizer: Path, processor: object) -> bytes:
    encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    encoder.post_processor = processor
    return encoder.to_str().encode()


@pytest.mark.parametrize(
    ("processor", "put"),
    [
        (processors.ByteLevel(trim_offsets=False), Around((), ())),
        (TEMPLATE, Around((1,), (0,))),
        (processors.Sequence([processors.ByteLevel(), TEMPLATE]), Around((1,), (0,))),
        (processors.BertProcessing((PAD, 1), (BEGIN, 0)), Around((0,), (1,))),
        (processors.RobertaProcessing((PAD, 1), (BEGIN, 0)), Around((0,), (1,))),
    ],
)
def test_what_a_post_processor_puts_and_what_another_puts_in_its_place(
    tokenizer: Path, processor: object, put: Around
) -> None:
    given = content(tokenizer, processor)
    text = "In 2024  there were"
    plain = Tokenizer.from_str(given.decode()).encode(text, add_special_tokens=False)
    assert around(Tokenizer.from_str(given.decode())) == put
    for token, before in ((BEGIN, (0,)), (None, ())):
        changed = with_opening(given, token)
        encoder = Tokenizer.from_str(changed.decode())
        assert around(encoder) == Around(before, ())
        encoding = encoder.encode(text)
        assert encoding.ids == [*before, *plain.ids]
        assert with_opening(changed, token) == changed
    # Nothing but the post-processor is another, and where nothing is asked for, nothing is.
    own, other = json.loads(given), json.loads(with_opening(given, BEGIN))
    assert {name for name in own if own[name] != other[name]} == {"post_processor"}
    assert (with_opening(given, None) == given) is (put == Around((), ()))
    with pytest.raises(ValueError, match="has no token '<none>'"):
        with_opening(given, "<none>")


def test_stored_tokenizer_follows_the_recipe(tokenizer: Path, tmp_path: Path) -> None:
    """Plain transformers on what is stored puts what shards and benchmarks put."""
    assert TokenizerConfig(path="base").bos == "as_tokenizer"
    assert tokenizer_files(tokenizer, bos="never") == tokenizer_files(tokenizer)
    always = tokenizer_files(tokenizer, bos="always")
    assert always.keys() == tokenizer_files(tokenizer).keys()
    for name, data in always.items():
        (tmp_path / name).write_bytes(data)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    (row,) = tokenize(
        pl.DataFrame({"id": ["a"], "domain": ["d"], "text": ["One text"]}),
        tokenizer=tmp_path,
        opening=vocabulary_of(always).opening,
    )["tokens"].reshape(1, -1)
    assert row.tolist() == [*plain("One text").input_ids, plain.eos_token_id]
    assert plain("One text").input_ids[0] == plain.bos_token_id
    assert tokenizer_files(tmp_path, bos="never")["tokenizer.json"] != always["tokenizer.json"]
    loaded = load_tokenizer(tmp_path)
    assert [opening(loaded, text_encoder(loaded), bos) for bos in ("always", "never")] == [(0,), ()]
    settings = json.loads(always["tokenizer_config.json"])
    del settings["bos_token"]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(TokenizerError, match="names no bos_token"):
        tokenizer_files(tmp_path, bos="always")


def test_a_trained_tokenizer_begins_texts_where_it_is_asked_to(tmp_path: Path) -> None:
    files = train_tokenizer([], vocabulary=258, bos="always")
    assert vocabulary_of(files) == Vocabulary(tokens=258, padding=1, opening=(0,))
    assert train_tokenizer([], vocabulary=258, bos="never") == train_tokenizer([], vocabulary=258)


def test_record_of_a_vocabulary_without_an_opening_is_as_it_was(tokenizer: Path) -> None:
    files = {file.name: file.read_bytes() for file in tokenizer.iterdir()}
    assert vocabulary_of(files).record() == b'{"tokens":1024,"padding":1}'


def test_documents_have_one_begin_and_one_end_which_no_label_joins(
    tokenizer: Path, tmp_path: Path
) -> None:
    """BOS and EOS may be one token: no document has two in a row, and no window predicts BOS."""
    texts = ["First text.", "", "A second."]
    documents = pl.DataFrame({"id": ["a", "b", "c"], "domain": ["d"] * 3, "text": texts})
    bare = tokenize(documents, tokenizer=tokenizer)
    made = tokenize(documents, tokenizer=tokenizer, opening=(0,))
    assert (made["index"]["length"] - bare["index"]["length"]).to_list() == [1, 0, 1]
    made["tokens"].tofile(tmp_path / "tokens")
    shards = TokenShards.open([(tmp_path / "tokens", made["index"])], dtype="<u2")
    for number in range(3):
        ids = shards.tokens(number, 0, int(shards.lengths[number])).tolist()
        inner = bare["tokens"][bare["index"]["offset"][number] :][: len(ids)].tolist()
        assert ids == ([0, *inner[: len(ids) - 1]] if texts[number] else [0])
        assert (0, 0) not in set(pairwise(ids))
    spans = tuple(Span(number, 0, int(shards.lengths[number])) for number in (0, 2))
    size = sum(span.stop for span in spans)
    batch = collate(shards, [Window("d", spans)], sequence_length=size, padding=1)
    begins = np.flatnonzero(batch.position_ids[0] == 0)
    assert batch.input_ids[0][begins].tolist() == [0, 0]
    assert batch.labels[0][begins].tolist() == [UNLABELLED] * 2
    # The ends are predicted, once each.
    assert (batch.labels[0] == 0).sum() == 2


def test_prompts_begin_as_documents_do_and_do_not_end(tokenizer: Path, tmp_path: Path) -> None:
    from midtrain_dagster.tokens.chat_tokens import ChatEncoder

    folder = tmp_path / "around"
    shutil.copytree(tokenizer, folder)
    (folder / "tokenizer.json").write_bytes(content(tokenizer, TEMPLATE))
    plain = ChatEncoder.load(tokenizer).text("One text")
    assert ChatEncoder.load(folder).text("One text") == [1, *plain]
