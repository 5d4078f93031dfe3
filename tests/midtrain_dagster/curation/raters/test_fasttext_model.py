from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.classifier import label_probability
from midtrain_dagster.curation.raters.fasttext_model import probability, read_model

WORDS = ["alpha", "beta", "gamma", "delta", "naïve", "日本", "x"]


def trained(path: Path, **parameters: object) -> Path:
    """A model of three labels over a handful of words, in many orders."""
    import fasttext

    random = np.random.default_rng(3)
    rows = []
    for number in range(600):
        words = random.choice(WORDS[number % 3 :], size=5)
        rows.append(f"__label__{('one', 'two', 'three')[number % 3]} {' '.join(words)}")
    examples = path.with_suffix(".txt")
    examples.write_text("\n".join(rows) + "\n", encoding="utf-8")
    settings = {"dim": 7, "wordNgrams": 3, "bucket": 97, "lr": 0.5, "epoch": 20, "thread": 1}
    made = fasttext.train_supervised(str(examples), **(settings | parameters), verbose=0)
    made.save_model(str(path))
    return path


def by_library(path: Path, label: str, lines: list[str]) -> list[float]:
    return label_probability(pl.Series(lines), path, label).to_list()


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("fasttext") / "three.bin")


VISIBLE = st.characters(min_codepoint=33, exclude_categories=["Cs"])
token = st.one_of(st.sampled_from(WORDS), st.text(VISIBLE, min_size=1))
line = st.lists(token.filter(lambda word: "</s>" not in word and word.split() == [word]))


@settings(max_examples=60, deadline=None)
@given(st.lists(line.map(" ".join), min_size=1, max_size=6))
def test_probabilities_equal_the_library_s(model_file: Path, lines: list[str]) -> None:
    for label in ("one", "three"):
        ours = probability(text_buffer(pl.Series(lines)), read_model(model_file, label))
        np.testing.assert_allclose(ours, by_library(model_file, label, lines), atol=3e-6)


@pytest.mark.parametrize("ngrams", [1, 2, 5])
def test_runs_of_any_length(tmp_path: Path, ngrams: int) -> None:
    path = trained(tmp_path / "model.bin", wordNgrams=ngrams)
    lines = ["alpha beta gamma delta x alpha", "x", "unknown words only", "日本 naïve 日本"]
    ours = probability(text_buffer(pl.Series(lines)), read_model(path, "two"))
    np.testing.assert_allclose(ours, by_library(path, "two", lines), atol=3e-6)


def test_white_space_of_any_kind_divides_tokens(model_file: Path) -> None:
    model = read_model(model_file, "one")
    lines = pl.Series(["alpha beta x", "alpha\tbeta\n\nx ", "\n alpha\vbeta\f\rx\0"])
    values = probability(text_buffer(lines), model)
    assert values[0] == values[1] == values[2]


def test_the_labels_sum_to_one(model_file: Path) -> None:
    text = text_buffer(pl.Series(["alpha beta", "delta x 日本", ""]))
    labels = ("one", "two", "three")
    total = sum(probability(text, read_model(model_file, label)) for label in labels)
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_models_that_only_the_library_can_use(tmp_path: Path, language_model: Path) -> None:
    assert read_model(language_model, "en") is None
    assert read_model(trained(tmp_path / "n.bin", minn=2, maxn=3), "one") is None
    assert read_model(trained(tmp_path / "h.bin", loss="hs"), "one") is None


def test_errors(tmp_path: Path, model_file: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no fastText model at"):
        read_model(tmp_path / "absent.bin", "one")
    with pytest.raises(ValueError, match="no label 'four', only one, three, two"):
        read_model(model_file, "four")
    whole = model_file.read_bytes()
    for name, content, message in (
        ("text.bin", b"a line of text, and another line of text, and so on and so forth\n", "no f"),
        ("short.bin", whole[:40], "requires a buffer"),
        ("dictionary.bin", whole[:120], "ends within the dictionary"),
        ("matrix.bin", whole[:-10], "ends within a matrix"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message) as error:
            read_model(path, "one")
        assert name in str(error.value)
