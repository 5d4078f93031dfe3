import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.curation.raters.config import (
    CombinationRater,
    EmbeddingRater,
    FastTextRater,
    PairwiseRater,
    RaterConfig,
    mistakes,
    scales,
)

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
        FastTextRater,
        FastTextRater,
        EmbeddingRater,
        PairwiseRater,
        CombinationRater,
    ]
    assert list(mistakes(raters, {"wikipedia", "web"})) == []
    assert scales(raters["best"], raters) == {"quality": (0, 1), "educational": (0, 5)}


def test_training_parameters_are_those_of_the_function() -> None:
    assert set(parse(RATERS)["quality"].training()) == {
        *("text", "seed", "dimensions", "epochs", "learning_rate", "word_ngrams", "buckets")
    }


def test_names_that_lead_nowhere_are_found() -> None:
    wrong = RATERS | {
        "best": {"method": "combination", "of": ["quality", "lost", "second"]},
        "second": {"method": "combination", "of": ["quality"]},
    }
    assert list(mistakes(parse(wrong), {"wikipedia"})) == [
        (("quality", "negatives", 0), "no source 'web' is declared"),
        (("style", "judge", "sources", 0), "no source 'web' is declared"),
        (("best", "of", 1), "no rater 'lost' is declared"),
        (("best", "of", 2), "'second' is a combination itself"),
    ]


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
