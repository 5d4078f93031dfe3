import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.curation.raters.config import RaterConfig
from midtrain_dagster.curation.raters.method import versions
from midtrain_dagster.curation.raters.methods import combination, embedding, fasttext, pairwise

RATERS = {
    "quality": {"method": "fasttext", "positives": ["wikipedia"], "negatives": ["web"]},
    "published": {"method": "fasttext", "given": "dclm.bin", "label": "hq", "text": "plain"},
    "educational": {"method": "embedding", "embedding": "minilm", "labels": "labels.jsonl"},
    "style": {
        "method": "pairwise",
        "embedding": "minilm",
        "criterion": "writing_style",
        "judge": {
            "generator": {"engine": "transformers", "model": "smollm2"},
            "sources": ["web"],
        },
    },
    "best": {"method": "combination", "of": ["quality", "educational"], "bins": 20},
}


def parse(raters: dict) -> dict:
    return TypeAdapter(dict[str, RaterConfig]).validate_python(raters)


def test_a_method_chooses_its_section() -> None:
    raters = parse(RATERS)
    assert [type(rater) for rater in raters.values()] == [
        fasttext.Config,
        fasttext.Config,
        embedding.Config,
        pairwise.Config,
        combination.Config,
    ]
    assert [name for name, rater in raters.items() if rater.is_trained] == [
        *("quality", "educational", "style")
    ]
    assert [name for name, rater in raters.items() if rater.combines] == ["best"]
    assert [name for name, rater in raters.items() if rater.judge_generator] == ["style"]


def test_a_method_counts_the_versions_of_what_it_uses() -> None:
    raters = parse(RATERS)
    names = {name.rpartition(".")[2] for name in versions(raters["style"])}
    assert names == {
        *("pairwise", "judgements", "bradley_terry", "regression_head", "sentence_embedding"),
        *("draws", "batches", "transformers"),  # the judge's
        *(
            "text_encoder",
            "chat_tokens",
            "chat_template",
            "transcript",
            "edits",
        ),  # what it is given
    }
    assert set(versions(raters["best"])) == {"curation.raters.methods.combination"}


def test_where_files_lie_is_no_cause() -> None:
    for name, moved in (
        ("published", {"given": "models/dclm.bin"}),
        ("educational", {"embedding": "models/minilm", "labels": "data/labels.jsonl"}),
    ):
        here, there = (parse({"x": RATERS[name] | change})["x"] for change in ({}, moved))
        assert canonical(here) == canonical(there)
        assert here != there


@pytest.mark.parametrize(
    ("rater", "message"),
    [
        ({"method": "fasttext"}, "give positives and negatives to train on, or a model"),
        (RATERS["quality"] | {"given": "a.bin"}, "a given model is not trained"),
        (RATERS["quality"] | {"label": "hq"}, "trained here is 'positive'"),
        (RATERS["quality"] | {"negatives": ["wikipedia"]}, "named as positives and negatives"),
        ({"method": "embedding", "embedding": "m"}, "from a file .* or from a `judge`"),
        ({"method": "pairwise", "embedding": "m"}, "from a file .* or a `judge`"),
        (RATERS["style"] | {"judgements": "j.jsonl"}, "give one"),
        (RATERS["best"] | {"of": ["quality", "quality"]}, "named twice"),
        (RATERS["best"] | {"weights": [1, 2]}, "only a mean has weights"),
        (RATERS["best"] | {"take": "mean", "weights": [1]}, "give each rater a weight"),
        ({"method": "oracle"}, "fasttext"),
    ],
)
def test_mistakes_within_a_rater(rater: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parse({"x": rater})
