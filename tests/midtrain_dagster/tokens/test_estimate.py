"""Bytes of a token, measured and expected."""

from pathlib import Path

import pytest

from midtrain_dagster.tokens.estimate import BYTES_A_TOKEN, VOCABULARIES, bytes_a_token
from midtrain_dagster.tokens.tokenizer import train_tokenizer


def test_a_measure_is_that_of_the_tokenizer(tokenizer: Path, passages: list[str]) -> None:
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    texts = passages[:100]
    tokens = sum(len(encoding.ids) for encoding in encoder.encode_batch(texts))
    size = sum(len(text.encode()) for text in texts)
    found = bytes_a_token(passages, tokenizer=tokenizer / "tokenizer.json")
    assert found == pytest.approx(size / tokens, rel=0.05)


@pytest.mark.parametrize("vocabulary", [512, 4096])
def test_what_is_expected_of_a_size_is_near_what_is_learnt(
    tmp_path: Path, passages: list[str], vocabulary: int
) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(train_tokenizer(passages, vocabulary=vocabulary)["tokenizer.json"])
    learnt = bytes_a_token(passages, tokenizer=file)
    assert bytes_a_token([], vocabulary=vocabulary) == pytest.approx(learnt, rel=0.25)


def test_the_smallest_vocabulary_has_a_byte_a_token_and_none_is_larger_than_the_largest() -> None:
    assert bytes_a_token([], vocabulary=VOCABULARIES[0]) == 1
    assert bytes_a_token([], vocabulary=10**9) == BYTES_A_TOKEN[-1]
