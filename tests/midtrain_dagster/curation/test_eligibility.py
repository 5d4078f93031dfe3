"""Eligibility against a plain Python reading of the policy, on real and drawn tables."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.eligibility import ELIGIBILITY, VERSION, eligibility, judged_by
from midtrain_dagster.curation.language import identify
from midtrain_dagster.curation.policy import CurationPolicy, KindPolicy
from midtrain_dagster.curation.signals.rules import RULES
from midtrain_dagster.curation.signals.signals import SIGNALS
from midtrain_dagster.curation.signals.signals import signals as signals_of

POLICY = CurationPolicy.model_validate(
    {
        "prose": {"minimum_ratings": {"quality": 0.5}, "rules": ["fineweb"]},
        "qa": {"minimum_ratings": {"quality": 0.1}, "rules": []},
        "sources": {"other": {"languages": ["en", "de"], "without": ["fineweb:char_dup_ratio"]}},
    }
)
LANGUAGE = {
    "id": pl.String,
    "language": pl.String,
    "language_score": pl.Float32,
    "error": pl.String,
}
RATINGS = {"id": pl.String, "quality": pl.Float32, "error": pl.String}
HITS = {"id": pl.String, "benchmark": pl.String}


def signals(documents: pl.DataFrame) -> pl.DataFrame:
    """The signals that the default policy asks for, and no other."""
    return signals_of(documents, names=CurationPolicy().signals)["signals"]


def naive_reason(
    kind: str,
    policy: KindPolicy,
    language: dict[str, Any],
    signal: dict[str, Any],
    rating: dict[str, Any],
    benchmarks: list[str],
) -> str | None:
    """What the docstring of `eligibility` says, step by step."""
    if policy.languages != "all":
        if language["error"]:
            return "error:language"
        if language["language"] not in policy.languages:
            return f"language:{language['language']}"
        if language["language_score"] < policy.minimum_language_score - 1e-7:
            return "language:uncertain"
    if signal["error"]:
        return "error:signals"
    if signal["characters"] < policy.minimum_characters:
        return "minimum_characters"
    for rule in policy.rules:
        for name, bounds in RULES[rule].items():
            if {rule, f"{rule}:{name}"} & {*policy.without}:
                continue
            minimum = policy.thresholds.get(f"minimum_{name}", bounds.minimum)
            maximum = policy.thresholds.get(f"maximum_{name}", bounds.maximum)
            if (minimum is not None and signal[name] < minimum - 1e-7) or (
                maximum is not None and signal[name] > maximum + 1e-7
            ):
                return f"{rule}:{name}"
    for name, minimum in policy.minimum_ratings.items():
        if rating["error"]:
            return "error:ratings"
        if rating[name] < minimum:
            return f"rating:{name}"
    return f"contamination:{min(benchmarks)}" if benchmarks else None


@st.composite
def corpora(draw: st.DrawFn) -> dict[str, pl.DataFrame]:
    """Seven documents with every table, errors among them, and rows of other parts."""
    ids = [f"document-{number}" for number in range(7)]
    share = st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.65, 0.9])
    failed = st.sampled_from([None, None, None, "it failed"])
    language, signal, rating = [], [], []
    for each in ids:
        error = draw(failed)
        code = None if error else draw(st.sampled_from(["en", "en", "de"]))
        language.append((each, code, None if error else draw(share), error))
        error = draw(failed)
        values = {name: None if error else draw(share) for name in RULES["fineweb"]}
        length = None if error else draw(st.sampled_from([0, 30, 60]))
        sizes = {"characters": length, "utf8_bytes": None if error else 80}
        signal.append({"id": each, **sizes, **values, "error": error})
        error = draw(failed)
        rating.append((each, None if error else draw(share), error))
    kinds = draw(st.lists(st.sampled_from(["prose", "qa"]), min_size=7, max_size=7))
    sources = draw(st.lists(st.sampled_from(["some", "other"]), min_size=7, max_size=7))
    others = [*ids, "elsewhere"]
    hits = draw(st.lists(st.tuples(st.sampled_from(others), st.sampled_from(["arc", "mmlu"]))))
    measured = pl.DataFrame(signal, schema_overrides={"error": pl.String}).with_columns(
        *(pl.lit(0.0).alias(name) for name in SIGNALS if name not in signal[0])
    )
    return {
        "documents": documents_of(ids, kinds).with_columns(source=pl.Series(sources)),
        "language": pl.DataFrame(language, schema=LANGUAGE, orient="row"),
        "signals": measured.cast(dict(SIGNALS)),
        "ratings": pl.DataFrame(rating, schema=RATINGS, orient="row"),
        "hits": pl.DataFrame(hits, schema=HITS, orient="row"),
    }


def documents_of(ids: list[str], kinds: list[str]) -> pl.DataFrame:
    said = {"source": "some", "domain": "web", "format": "plain", "metadata": "{}"}
    return pl.DataFrame({"id": ids, "kind": kinds, **said}).cast(pl.String)


def judged(tables: dict[str, pl.DataFrame], policy: CurationPolicy = POLICY) -> pl.DataFrame:
    return eligibility(*tables.values(), policy=policy)["eligibility"]


@settings(max_examples=30, deadline=None)
@given(corpora(), st.integers(0, 100))
def test_reasons_are_those_of_the_policy_in_any_order_of_rows(
    tables: dict[str, pl.DataFrame], seed: int
) -> None:
    found = judged(tables)
    rows = zip(
        *(tables[name].iter_rows(named=True) for name in list(tables)[:4]),
        found["reason"],
        strict=True,
    )
    for document, language, signal, rating, reason in rows:
        expected = naive_reason(
            document["kind"],
            POLICY.of(document["kind"], source=document["source"]),
            language,
            signal,
            rating,
            tables["hits"].filter(pl.col("id") == document["id"])["benchmark"].to_list(),
        )
        assert reason == expected
    shuffled = {
        name: table.sample(fraction=1, shuffle=True, seed=seed) for name, table in tables.items()
    }
    again = judged(shuffled)
    assert again["id"].to_list() == shuffled["documents"]["id"].to_list()
    assert_frame_equal(again.sort("id"), found)
    assert dict(found.schema) == {**ELIGIBILITY, "quality": pl.Float32}


@pytest.fixture(scope="module")
def attributes(passages: pl.DataFrame, language_model: Path) -> dict[str, pl.DataFrame]:
    return {
        "documents": passages.with_columns(metadata=pl.lit('{"date": "2019-04-01"}')),
        "language": identify(passages, model=language_model)["language"],
        "signals": signals(passages),
        "ratings": unrated(passages),
        "hits": pl.DataFrame(schema=HITS),
    }


def unrated(documents: pl.DataFrame) -> pl.DataFrame:
    return documents.select("id", error=pl.lit(None, pl.String))


def test_real_passages_are_decided_as_in_plain_python(
    attributes: dict[str, pl.DataFrame],
) -> None:
    policy = CurationPolicy()
    found = eligibility(**attributes, policy=policy)["eligibility"]
    expected = [
        naive_reason("prose", policy.of("prose"), language, signal, {}, [])
        for language, signal in zip(
            attributes["language"].iter_rows(named=True),
            attributes["signals"].iter_rows(named=True),
            strict=True,
        )
    ]
    assert found["reason"].to_list() == expected
    assert found["date"].unique().to_list() == ["2019-04-01"]


def test_the_kinds_that_gopher_would_drop_are_kept(
    programs: pl.DataFrame, problems: pl.DataFrame, language_model: Path
) -> None:
    for table, kind in ((programs, "code"), (problems, "mathematics"), (problems, "qa")):
        documents = documents_of(table["id"].to_list(), [kind] * table.height)
        documents = documents.with_columns(text=table["text"])
        measured = signals(documents)
        spoken = identify(documents, model=language_model)["language"]
        others = (spoken, measured, unrated(documents), pl.DataFrame(schema=HITS))
        own = eligibility(documents, *others, policy=CurationPolicy())["eligibility"]
        assert own["reason"].is_null().mean() > 0.99
        as_prose = documents.with_columns(kind=pl.lit("prose"))
        strict = eligibility(as_prose, *others, policy=CurationPolicy())["eligibility"]
        assert strict["reason"].is_null().mean() < 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t | {"signals": t["signals"].head(5)}, "signals table lacks 2 of 7.*document-5"),
        (lambda t: t | {"ratings": t["ratings"].slice(1)}, "ratings table lacks 1 of 7"),
        (lambda t: t | {"ratings": unrated(t["ratings"])}, "prose asks for a rating by 'quality'"),
        (lambda t: t | {"language": pl.concat([t["language"]] * 2)}, "language.*more than once"),
        (lambda t: t | {"documents": pl.concat([t["documents"]] * 2)}, "documents.*more than once"),
        (
            lambda t: t | {"documents": t["documents"].with_columns(kind=pl.lit("poetry"))},
            "kind 'poetry'",
        ),
        (
            lambda t: t | {"documents": t["documents"].with_columns(format=pl.lit("scroll"))},
            "format 'scroll'",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(change: Any, message: str) -> None:
    ids = [f"document-{number}" for number in range(7)]
    tables = {
        "documents": documents_of(ids, ["prose"] * 7),
        "language": pl.DataFrame(
            {"id": ids, "language": "en", "language_score": 0.9, "error": None}
        ),
        "signals": signals(pl.DataFrame({"id": ids, "text": ["text"] * 7})),
        "ratings": pl.DataFrame({"id": ids, "quality": 0.9, "error": None}),
        "hits": pl.DataFrame(schema=HITS),
    }
    assert judged(tables).height == 7
    with pytest.raises(ValueError, match=message):
        judged(change(tables))


def test_an_empty_part_has_nothing_to_judge() -> None:
    documents = documents_of([], [])
    made = eligibility(
        documents,
        pl.DataFrame(schema=LANGUAGE),
        signals(documents.with_columns(text=pl.lit(""))),
        unrated(documents),
        pl.DataFrame(schema=HITS),
        policy=CurationPolicy(),
    )["eligibility"]
    assert made.schema == ELIGIBILITY
    assert made.height == 0


def test_golden(attributes: dict[str, pl.DataFrame]) -> None:
    found = eligibility(**attributes, policy=CurationPolicy())["eligibility"]
    counted = found.group_by("reason").len().sort("len", "reason", descending=[True, False])
    assert VERSION == 2
    assert dict(counted.head(6).iter_rows()) == {
        None: 1342,
        "c4:c4_sentences": 317,
        "fineweb:line_punct_ratio": 118,
        "gopher_quality:word_count": 101,
        "language:und": 57,  # pages of coordinates alone
        "gopher_quality:alpha_word_ratio": 11,
    }


@pytest.mark.parametrize(("quality", "reason"), [(0.5, None), (0.499, "rating:quality")])
def test_the_least_rating_is_enough(quality: float, reason: str | None) -> None:
    documents = documents_of(["a"], ["qa"]).with_columns(text=pl.lit("What is it? It is a house."))
    policy = CurationPolicy.model_validate({"qa": {"minimum_ratings": {"quality": 0.5}}})
    spoken = pl.DataFrame([("a", "de", 0.1, None)], schema=LANGUAGE, orient="row")
    rated = pl.DataFrame([("a", quality, None)], schema=RATINGS, orient="row")
    measured = signals(documents)
    hits = pl.DataFrame(schema=HITS)
    found = eligibility(documents, spoken, measured, rated, hits, policy=policy)["eligibility"]
    assert found["reason"].to_list() == [reason]


@settings(max_examples=20, deadline=None)
@given(corpora())
def test_what_one_table_says_is_the_reason_or_comes_after_it(
    tables: dict[str, pl.DataFrame],
) -> None:
    by = {
        step: judged_by(
            step, tables["documents"].lazy(), tables[step].lazy(), policy=POLICY
        ).collect()
        for step in ("language", "signals")
    }
    assert by["language"].columns == ["id", "source", "reason"]
    reasons = judged(tables).select("id", "reason")
    for step, table in by.items():
        reasons = reasons.join(table.select("id", pl.col("reason").alias(step)), on="id")
    assert reasons.height == 7
    for _, reason, language, signal in reasons.iter_rows():
        first = language or signal
        assert first is None or reason == first
        if first is None and reason is not None:
            assert reason.startswith(("rating:", "error:ratings", "contamination:"))


def test_where_nobody_looked_only_what_is_asked_is_an_error() -> None:
    """A recipe may do without languages, raters, benchmarks; a policy that asks is not passed."""
    documents = documents_of(["a", "b"], ["qa", "prose"])
    documents = documents.with_columns(text=pl.lit("What is it? It is a house."))
    measured = signals(documents)
    asked = eligibility(documents, None, measured, None, policy=CurationPolicy())["eligibility"]
    assert asked.schema == ELIGIBILITY
    assert asked["reason"].to_list() == [None, "error:language"]
    every = CurationPolicy.model_validate({"languages": "all", "prose": {"rules": []}})
    found = eligibility(documents, None, measured, None, policy=every)["eligibility"]
    assert found["reason"].to_list() == [None, None]
