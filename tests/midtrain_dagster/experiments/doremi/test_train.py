from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from midtrain_dagster.dataloader.batch import UNLABELLED, Batch
from midtrain_dagster.experiments.doremi.method import Config, found
from midtrain_dagster.experiments.doremi.train import (
    STEPS,
    Ground,
    by_domain,
    mean_weights,
    reference,
    reweigh,
)
from midtrain_dagster.experiments.doremi.update import updated
from midtrain_dagster.experiments.proxies.settings import Proxy
from midtrain_dagster.experiments.short_run import Vocabulary
from midtrain_dagster.mixture.method import WEIGHTS, NoTokensError
from midtrain_dagster.mixture.proposal_tables import PROPOSAL
from midtrain_dagster.training.step.failures import NonFiniteLossError

VOCABULARY = Vocabulary(tokens=64, dtype="<u2", padding=0)
DOMAINS = ("learnable", "noise")
SECTION = {
    "method": "doremi",
    "domains": DOMAINS,
    "proxy": {
        "model": {
            "hidden_size": 32,
            "layers": 1,
            "heads": 2,
            "kv_heads": 2,
            "intermediate_size": 64,
        },
        "tokens": 24_576,
        "batch_tokens": 512,
        "sequence_length": 32,
    },
}


@pytest.fixture(scope="module")
def config() -> Config:
    return Config.model_validate(SECTION)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents that count up by one, and documents of random tokens."""
    folder = tmp_path_factory.mktemp("shards")
    draw = np.random.default_rng(3)
    texts = {
        "learnable": (draw.integers(1, 60, 200)[:, None] + np.arange(31)) % 60 + 1,
        "noise": draw.integers(1, 61, (200, 31)),
    }
    for domain, tokens in texts.items():
        tokens.astype("<u2").tofile(folder / f"{domain}_tokens.bin")
        index = pl.DataFrame(
            {
                "id": [f"{domain} {number}" for number in range(len(tokens))],
                "domain": [domain] * len(tokens),
                "offset": np.arange(len(tokens)) * 31,
                "length": np.full(len(tokens), 31),
            }
        )
        index.write_parquet(folder / f"{domain}_index.parquet")
    return folder


@pytest.fixture(scope="module")
def ground(shards: Path, config: Config) -> Ground:
    model = config.proxy.new_model
    assert model is not None
    return Ground(shards, VOCABULARY, model, seed=1)


@pytest.fixture(scope="module")
def judge(ground: Ground, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained reference."""
    prior = config.prior_of(dict.fromkeys(DOMAINS, 1))
    return reference(ground, config.stage(prior), tmp_path_factory.mktemp("reference"))


def reweighed(ground: Ground, judge: Path, config: Config) -> pl.DataFrame:
    return reweigh(
        ground,
        config.stage(dict.fromkeys(DOMAINS, 0.5)),
        judge,
        domains=DOMAINS,
        step_size=config.step_size,
        smoothing=config.smoothing,
    )


def test_domain_that_can_be_learnt_gains_weight_over_noise(
    ground: Ground, judge: Path, config: Config
) -> None:
    steps = reweighed(ground, judge, config)
    assert steps.schema == STEPS
    assert steps["domain"].to_list() == [*DOMAINS] * 48
    learnable, noise = mean_weights(steps)
    assert learnable + noise == pytest.approx(1)
    assert learnable > 2 * noise
    # The log has what the rule needs: from it the weights are had again.
    weights = np.full(2, 0.5)
    for (_,), rows in steps.group_by("step", maintain_order=True):
        weights = updated(weights, rows["excess"].to_numpy(), step_size=1.0, smoothing=1e-3)
        assert rows["weight"].to_list() == pytest.approx(weights.tolist())
    assert steps.equals(reweighed(ground, judge, config))


def test_loss_that_is_no_number_is_told_with_its_step(
    ground: Ground, judge: Path, config: Config
) -> None:
    schedule = [{"phase": "constant", "learning_rate": 1e30}]
    fields = config.proxy.model_dump(exclude_unset=True) | {"schedule": schedule}
    wild = config.model_copy(update={"proxy": Proxy.model_validate(fields)})
    with pytest.raises(NonFiniteLossError, match=r"doremi, step \d+: an excess loss is no number"):
        reweighed(ground, judge, wild)


def test_what_is_found_are_the_mean_weights_beside_the_prior(shards: Path, config: Config) -> None:
    index = pl.concat(pl.scan_parquet(each) for each in sorted(shards.glob("*.parquet")))
    short = Proxy.model_validate(config.proxy.model_dump(exclude_unset=True) | {"tokens": 2048})
    section = config.model_copy(update={"proxy": short, "prior": {"learnable": 1, "noise": 3}})
    made = found(index=index, shards=shards, section=section, vocabulary=VOCABULARY)
    assert made["weights"].schema == WEIGHTS and made["proposal"].schema == PROPOSAL
    assert made["weights"]["share"].to_list() == mean_weights(made["steps"]).tolist()
    assert made["proposal"]["prior"].to_list() == [0.25, 0.75]
    assert made["proposal"]["share"].to_list() == made["weights"]["share"].to_list()
    with pytest.raises(NoTokensError, match="absent"):
        lacking = section.model_copy(update={"domains": ("noise", "absent")})
        found(index=index, shards=shards, section=lacking, vocabulary=VOCABULARY)


def test_excess_of_a_domain_is_the_mean_over_its_labelled_tokens() -> None:
    labels = np.array([[9, 5, 5], [9, 5, UNLABELLED], [9, UNLABELLED, UNLABELLED]])
    batch = Batch(labels, labels, labels, labels)
    excess = torch.tensor([[1.0, 2.0], [6.0, 0.0], [0.0, 0.0]])
    found, present = by_domain(excess, batch, np.array([0, 0, 1]), 3)
    assert found.tolist() == [3.0, 0.0, 0.0]
    assert present.tolist() == [True, False, False]
