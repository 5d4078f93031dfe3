"""The model that items are asked of, and when it is loaded."""

from pathlib import Path

import pytest

from midtrain_dagster.evaluation import text_model as module
from midtrain_dagster.evaluation.text_model import text_model

from .conftest import tiny


def linked(folder: Path, at: Path) -> Path:
    """The files of a folder as a unit of work gets them."""
    at.mkdir()
    for file in folder.iterdir():
        (at / file.name).symlink_to(file)
    return at


def test_a_model_is_loaded_once_by_whatever_path_it_comes(model: Path, tmp_path: Path) -> None:
    first = text_model(linked(model, tmp_path / "one"))
    assert text_model(linked(model, tmp_path / "two")) is first
    assert text_model(model, max_length=32) is not first
    assert text_model(model) is first, "both are small"


def test_the_model_that_was_not_asked_for_longest_makes_room(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module._kept.clear()
    kept = {window: text_model(model, max_length=window) for window in (16, 32)}
    monkeypatch.setattr(module, "KEPT_BYTES", 2 * module._weights(kept[16]))
    assert text_model(model, max_length=16) is kept[16]
    third = text_model(model, max_length=64)
    assert text_model(model, max_length=16) is kept[16]
    assert text_model(model, max_length=64) is third
    assert text_model(model, max_length=32) is not kept[32]


def test_a_model_that_changes_is_loaded_again(tmp_path: Path) -> None:
    folder = tiny(tmp_path, 64)
    first = text_model(folder)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    assert text_model(folder) is not first


def test_a_large_model_is_not_kept(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 1000)
    module._kept.clear()
    assert text_model(model) is not text_model(model)


def test_a_model_whose_texts_cannot_be_shared_is_asked_by_the_harness(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives the same likelihoods."""
    from lm_eval.api.instance import Instance

    pairs = [("The boys are seen", " outside"), ("The boys are seen", " in the spot"), ("A", " B")]
    asked = [Instance("loglikelihood", {}, pair, at) for at, pair in enumerate(pairs)]
    shared = text_model(model)
    assert shared.prefixes
    found = shared.loglikelihood(asked)
    with monkeypatch.context() as patch:
        patch.setattr(module, "can_share", lambda *_: False)
        module._kept.clear()
        plain = text_model(model)
        assert plain.prefixes is None
        plain.batch_size_per_gpu = 2
        expected = plain.loglikelihood(asked)
    module._kept.clear()
    assert [nats for nats, _ in found] == pytest.approx([nats for nats, _ in expected], rel=1e-5)
    assert [likeliest for _, likeliest in found] == [likeliest for _, likeliest in expected]
