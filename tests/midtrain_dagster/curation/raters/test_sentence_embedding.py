from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.curation.raters.sentence_embedding import BATCH, STATIC_WINDOW, embed

SENTENCES = ["the cat sat on the mat", "a dog ran", "rate of the bank rose", "cat", "", "zebra"]


def by_hand(texts: list[str], folder: Path) -> np.ndarray:
    """Each text alone, without padding, through the model."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        if len(ids) > 12:
            ids = [*ids[:11], ids[-1]]
        with torch.inference_mode():
            mean = model(torch.tensor([ids])).last_hidden_state[0].mean(dim=0).numpy()
        rows.append(mean / np.linalg.norm(mean))
    return np.array(rows)


def test_an_encoder_gives_the_mean_of_its_states(encoder: Path) -> None:
    texts = [*SENTENCES, "the cat sat on the mat " * 5]
    vectors = embed(pl.Series(texts), encoder)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, by_hand(texts, encoder), atol=1e-5)


def test_only_the_beginning_is_read(encoder: Path, static_vectors: Path) -> None:
    for folder, window in ((encoder, 10), (static_vectors, STATIC_WINDOW)):
        beginning = "the cat " * (window // 2)
        vectors = embed(pl.Series([beginning, beginning + "of the bank"]), folder)
        np.testing.assert_array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize("sort", ["encoder", "static_vectors"])
def test_rows_stay_in_order_and_neighbours_hardly_matter(
    sort: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(sort)
    random = np.random.default_rng(0)
    words = ["the", "a", "cat", "dog", "sat", "rate", "bank", "of", "rose"]
    texts = [" ".join(random.choice(words, random.integers(1, 20))) for _ in range(3 * BATCH + 5)]
    whole = embed(pl.Series(texts), folder)
    np.testing.assert_array_equal(embed(pl.Series(texts), folder), whole)
    order = random.permutation(len(texts))
    shuffled = embed(pl.Series([texts[index] for index in order]), folder)
    np.testing.assert_allclose(shuffled, whole[order], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)


def test_static_vectors_are_averaged(static_vectors: Path) -> None:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    (file,) = static_vectors.rglob("*.safetensors")
    matrix = load_file(file)["embedding.weight"].astype(np.float64)
    tokenizer = Tokenizer.from_file(str(next(static_vectors.rglob("*.json"))))
    texts = ["the city of the empire", "war", "unheardof 123456789"]
    means = np.array([matrix[tokenizer.encode(text).ids].mean(axis=0) for text in texts])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(embed(pl.Series(texts), static_vectors), means, atol=1e-6)


def test_what_has_no_token_is_zero(encoder: Path, static_vectors: Path) -> None:
    texts = pl.Series([None, "cat", ""], dtype=pl.String)
    assert not embed(texts, encoder)[0].any()
    vectors = embed(texts, static_vectors)
    assert vectors.any(axis=1).tolist() == [False, True, False]
    assert embed(pl.Series([], dtype=pl.String), encoder).shape == (0, 16)


def test_errors(tmp_path: Path, encoder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"one \*.safetensors is wanted, there is none"):
        embed(pl.Series(["a"]), tmp_path)
    for file in encoder.rglob("*.json"):
        copy = tmp_path / "other" / file.relative_to(encoder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (tmp_path / "other/1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    with pytest.raises(ValueError, match="only mean pooling"):
        embed(pl.Series(["a"]), tmp_path / "other")
