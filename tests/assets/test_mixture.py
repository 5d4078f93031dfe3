import pytest

from midtrain_dagster.mixture.reference import FoundMixture

MIXTURES = {"natural": {"method": "proportional"}}


def test_mixture_has_the_shares_of_the_curated_tokens(graph, shards, root) -> None:
    made = graph(mixtures=MIXTURES)
    made.make("mixture/natural")
    index = made.artifact("token_shards").read("train_index")
    tokens = {
        domain: index.filter(domain=domain)["length"].sum() for domain in ("web", "wikipedia")
    }
    found = FoundMixture(made.artifact("mixture/natural")).shares
    assert found == pytest.approx(
        {domain: count / sum(tokens.values()) for domain, count in tokens.items()}
    )


def test_stage_is_trained_on_the_shares_that_were_found(graph, shards, root) -> None:
    """And another temperature trains it anew, on other shares."""
    delivered = {}
    for temperature in (1, 3):
        mixtures = {"found": {"method": "proportional", "temperature": temperature}}
        stages = {
            "base": {
                "start": "random",
                "tokens": "4k",
                "batch_tokens": 512,
                "sequence_length": 64,
                "schedule": [{"phase": "constant", "learning_rate": 0.001}],
                "mixture": {"from": "found", "max_epochs": 50},
            }
        }
        made = graph(mixtures=mixtures, stages=stages)
        made.make("mixture/found", "preflight", "checkpoint/base")
        shares = FoundMixture(made.artifact("mixture/found")).shares
        checkpoint = made.artifact("checkpoint/base")
        table = checkpoint.read("mixture")
        planned = dict(table.select("domain", "planned").iter_rows())
        assert planned == pytest.approx(shares, abs=0.02)
        delivered[temperature] = dict(table.select("domain", "delivered").iter_rows())
        assert checkpoint.manifest.upstream["mixture"] == made.artifact("mixture/found").fingerprint
    assert abs(delivered[1]["web"] - 0.5) > abs(delivered[3]["web"] - 0.5)
