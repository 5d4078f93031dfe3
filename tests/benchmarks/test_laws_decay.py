import numpy as np
import pytest

from benchmarks import laws_decay
from midtrain_dagster.laws.decay.methods.annealing import Annealing
from tests.midtrain_dagster.laws.decay.synthetic import constant, cosine, decayed, dropped, made
from tests.midtrain_dagster.laws.decay.test_fit import ANNEALING


def test_laws_are_fitted_to_three_files_and_judged_on_the_others(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(laws_decay, "WARMUP", 200)
    monkeypatch.setattr(laws_decay, "LAWS", {"annealing": laws_decay.LAWS["annealing"]})
    runs = dict(zip(laws_decay.FIT, (cosine(), constant(), dropped()), strict=True))
    (tmp_path / "7M").mkdir()
    for curve in made(Annealing(0.999), ANNEALING, runs | {"wsd": decayed()}):
        rates = np.append(curve.rates.each, curve.rates.last)
        rows = [
            f"{p},{rates[p]},{v}"
            for p, v in zip(curve.points.astype(int), curve.losses, strict=True)
        ]
        (tmp_path / "7M" / f"{curve.name}.csv").write_text("step,lr,loss\n" + "\n".join(rows))
    tables = laws_decay.run(tmp_path)
    assert "**7M**, fitted to cosine_24000, constant_24000, wsdcon_9" in tables
    (row,) = [line for line in tables.splitlines() if line.startswith("| annealing | 0.")][:1]
    mean = float(row.split("**")[1].split(" / ")[0])
    assert mean == pytest.approx(0.0, abs=0.05)
    assert "1 of 1 |" in tables


def test_folder_without_the_three_is_left_out_with_a_word(tmp_path) -> None:
    rows = "\n".join(f"{step},0.001,{4 - step / 1e4}" for step in range(2200, 2400, 10))
    (tmp_path / "other.csv").write_text(f"step,lr,loss\n{rows}")
    assert laws_decay.run(tmp_path).startswith("**Size not said**: no cosine_24000")
