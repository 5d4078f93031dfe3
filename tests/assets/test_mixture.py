import pytest

from assets.checks import checks_of_run
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.record import courses_of

MODEL = {"hidden_size": 16, "layers": 1, "heads": 1, "kv_heads": 1, "intermediate_size": 32}

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


def test_stage_is_trained_on_bands_whose_shares_change_with_its_batch(graph, shards, root) -> None:
    """A curriculum by rating, in a batch that grows; the general domain's floor holds for its
    bands together."""
    stages = {
        "base": {
            "start": "random",
            "tokens": 4096,
            "batch_tokens": "256 -> 512 @ 50%",
            "sequence_length": 64,
            "schedule": "Constant(1e-3)",
            "mixture": {
                "domains": {"web/1": "0.6 -> 0.2", "web/2": "0.2 -> 0.6", "wikipedia": "rest"},
                "max_epochs": 50,
            },
        }
    }
    ratings = shards.artifact("ratings").read("ratings")
    web = shards.artifact("documents").read("documents").filter(domain="web").select("id")
    middle = web.join(ratings, on="id")["quality"].median()
    bands = {"web": {"by": "quality", "at": [middle]}}
    made = graph(bands=bands, stages=stages, checks={"general_floor": 0.81})
    made.make("curated_documents", "tokenizer", "token_shards", "preflight", "checkpoint/base")
    index = made.artifact("token_shards").read("train_index")
    assert set(index["domain"]) == {"web/1", "web/2", "wikipedia"}
    assert set(made.artifact("token_shards").read("held_out_index")["domain"]) == {
        "web",
        "wikipedia",
    }
    checkpoint = made.artifact("checkpoint/base")
    assert checkpoint.read("log")["tokens"].to_list() == [
        *range(256, 2049, 256),
        *range(2560, 4097, 512),
    ]
    trained = Checkpoint(checkpoint)
    course = courses_of({"base": trained.record}, index, parts=4)["base"]
    for name, first, last in (("web/1", 0.5625, 0.275), ("web/2", 0.2375, 0.525)):
        own = course.filter(domain=name)
        assert own["planned"].to_list()[:: len(own) - 1] == pytest.approx([first, last], abs=1e-3)
        assert own["delivered"].to_list() == pytest.approx(own["planned"].to_list(), abs=0.15)
    (run,) = made.recipe.runs()
    *_, floor = checks_of_run(made.recipe, run, checkpoint)
    assert (floor.name, floor.passed) == ("base_general_floor", False)
    assert floor.detail.startswith("the general domains are planned 80.0%")


def test_quality_is_read_along_its_curve(graph, shards, root) -> None:
    """The bands of a rating are read as often as the curve says, and the stage that is trained on
    them may read them up to its cap."""
    ratings = shards.artifact("ratings").read("ratings")
    web = shards.artifact("documents").read("documents").filter(domain="web").select("id")
    bounds = web.join(ratings, on="id")["quality"]
    bands = {"web": {"by": "quality", "at": [bounds.quantile(each) for each in (0.4, 0.9)]}}
    stage = {
        "start": "random",
        "tokens": 1024,
        "batch_tokens": 256,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "learning_rate": 0.001}],
        "mixture": {"domains": {"wikipedia": 1}, "max_epochs": 50},
    }
    cut = graph(bands=bands, stages={"base": stage})
    cut.make("curated_documents", "tokenizer", "token_shards")
    index = cut.artifact("token_shards").read("train_index")
    there = index.filter(index["domain"].str.starts_with("web/"))["length"].sum()
    tokens = 256 * (int(1.6 * there / 0.6) // 256)
    curve = {"share": 0.6, "drop": 0.4, "cap": 5}
    mixtures = {
        "curve": {
            "method": "quality_curve",
            "tokens": tokens,
            "domains": {"web": curve, "wikipedia": 0.4},
        }
    }
    mixture = {"from": "curve", "max_epochs_of": {"wikipedia": 50}}
    stages = {"base": stage | {"tokens": tokens, "mixture": mixture}}
    made = graph(bands=bands, mixtures=mixtures, stages=stages)
    made.make("mixture/curve", "preflight", "checkpoint/base")
    found = FoundMixture(made.artifact("mixture/curve"))
    table = found.curve
    assert table["band"].to_list() == ["web/1", "web/2", "web/3"]
    assert table["repetition"].is_sorted() and table["repetition"].max() <= 5
    assert found.max_epochs_of == dict.fromkeys(table["band"], 5)
    read = dict(
        made.artifact("checkpoint/base").read("mixture").select("domain", "epochs").iter_rows()
    )
    for band, repetition in table.select("band", "repetition").iter_rows():
        assert read.get(band, 0.0) == pytest.approx(repetition, rel=0.2, abs=0.2)


def test_mixture_is_what_doremi_finds(graph, shards, root) -> None:
    proxy = {"tokens": 2048, "batch_tokens": 256, "sequence_length": 64, "model": MODEL}
    mixtures = {"dro": {"method": "doremi", "domains": ["web", "wikipedia"], "proxy": proxy}}
    made = graph(mixtures=mixtures)
    (result,) = made.make("mixture/dro")
    artifact = made.artifact("mixture/dro")
    assert sum(FoundMixture(artifact).shares.values()) == pytest.approx(1)
    assert artifact.rows("steps") == 8 * 2
    (event,) = result.get_asset_materialization_events()
    assert {"shares", "proposal", "weights"} <= event.materialization.metadata.keys()
