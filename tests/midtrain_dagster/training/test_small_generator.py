"""A small generator's stage: as many steps as its pairs need, at a rate that rises and falls."""

import json
from pathlib import Path

import pytest

from midtrain_dagster.training.small_generator import SmallGenerator


@pytest.mark.parametrize(("tokens", "steps"), [(10, 2), (4096, 10), (4097, 11)])
def test_it_goes_over_the_pairs_as_often_as_said(tokens: int, steps: int) -> None:
    section = SmallGenerator(
        pairs_of="it", base="b", batch_tokens=2048, sequence_length=512, learning_rate=1e-4
    )
    stage = section.stage(tokens, "pairs")
    assert (stage.start, stage.loss_on, stage.steps) == ("base", "assistant", steps)
    rates = stage.learning_rates(None)
    assert rates.max() == pytest.approx(1e-4)
    assert rates[0] == pytest.approx(1e-5) == rates[-1]
    assert not stage.inherit.takes_moments


def test_defaults_are_those_of_jiuzhang() -> None:
    section = SmallGenerator(pairs_of="it", base="b")
    assert (section.epochs, section.learning_rate) == (5, 1e-5)
    assert section.batch_tokens == 32 * section.sequence_length == 32 * 2048


def test_what_its_base_lacks_is_found_before_anything_is_made(tmp_path: Path) -> None:
    section = SmallGenerator(pairs_of="it", base="b", batch_tokens=1024, sequence_length=512)

    def found() -> list[tuple[tuple[str | int, ...], str]]:
        return [(each.place, each.reason) for each in section.findings(lambda p: str(tmp_path / p))]

    assert [place for place, _ in found()] == [("base",)]
    (tmp_path / "b").mkdir()
    assert "there is no model's folder" in found()[0][1]
    (tmp_path / "b" / "config.json").write_text(json.dumps({"max_position_embeddings": 256}))
    assert found() == [(("sequence_length",), "512 exceeds the 256 positions of b")]
    (tmp_path / "b" / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))
    assert found() == []
