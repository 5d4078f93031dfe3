from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import laws
from midtrain_dagster.laws.mixing.methods import log_linear
from tests.laws_at_hand import mixtures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tables as RegMix's are, of losses that a log-linear law made; losses in another order."""
    for part, size, seed in (("train", "1m", 0), ("test", "60m", 1)):
        shares = mixtures(40, 2, seed)
        values = 1 + np.exp(shares @ [0.2, -1.0])
        mixture = pl.DataFrame(
            {
                "index": range(40),
                "train_the_pile_arxiv": shares[:, 0],
                "train_the_pile_pile_cc": shares[:, 1],
            }
        )
        loss = pl.DataFrame({"index": range(40), "metric/the_pile_pile_cc_val_loss": values})
        mixture.write_csv(tmp_path / f"{part}_mixture_{size}.csv")
        loss.reverse().write_csv(tmp_path / f"{part}_pile_loss_{size}.csv")
    return tmp_path


def test_tables_are_joined_by_their_index(folder: Path) -> None:
    (swarm,) = laws.swarms(folder, "train")
    assert (swarm.domains, swarm.targets) == (("arxiv", "pile_cc"), ("pile_cc",))
    np.testing.assert_allclose(swarm.losses[:, 0], 1 + np.exp(swarm.mixtures @ [0.2, -1.0]))


def test_laws_are_judged_on_what_they_have_not_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laws, "LAWS", {"log_linear": log_linear.Config(law="log_linear")})
    text = laws.mixtures(folder)
    assert "Fitted to 30 of 40 mixtures of 1m models" in text
    _, values = next(line for line in text.splitlines() if "pile_cc" in line).split("pile_cc | ")
    mean, worst, _, *ranks = (float(each) for each in values.rstrip("| ").split(" | "))
    assert 0 <= mean <= worst < 0.01 and min(ranks) > 0.99


def test_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no train_mixture_SIZE"):
        list(laws.swarms(tmp_path, "train"))
