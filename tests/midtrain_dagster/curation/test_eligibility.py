"""Decisions against a straightforward Python reading of the policy, on real and drawn tables."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.decisions import DECISIONS, STEPS, VERSION, decide, step_of
from midtrain_dagster.curation.language import identify
from midtrain_dagster.curation.policy import CurationPolicy, KindPolicy
from midtrain_dagster.curation.rules import RULES
from midtrain_dagster.curation.signals import SIGNALS, signals

POLICY = CurationPolicy.model_validate(
    {
        "prose": {"minimum_quality": 0.5, "rules": ["fineweb"]},
        "qa": {"minimum_quality": 0.1, "rules": []},
    }
)
LANGUAGE = {
    "id": pl.String,
    "language": pl.String,
    "language_score": pl.Float32,
    "error": pl.String,
}
RATINGS = {"id": pl.String, "quality": pl.Float32, "error": pl.String}
CLUSTERS = {"id": pl.String, "cluster": pl.String, "kept": pl.Boolean}
HITS = {"id": pl.String, "benchmark": pl.String}


def naive_reason(
    kind: str,
    policy: KindPolicy,
    language: dict[str, Any],
    signal: dict[str, Any],
    rating: dict[str, Any],
    duplicate: bool,
    benchmarks: list[str],
) -> str:
    """What the docstring of `decisions` says, step by step."""
    if policy.language is not None:
        if language["error"]:
            return "error:language"
        if language["language"] not in policy.language:
            return f"language:{language['language']}"
        if language["language_score"] < policy.minimum_language_score - 1e-7:
            return "language:uncertain"
    if signal["error"]:
        return "error:signals"
    if signal["characters"] < policy.minimum_characters:
        return "minimum_characters"
    for rule in policy.rules:
        for name, bounds in RULES[rule].items():
            minimum = policy.thresholds.get(f"minimum_{name}", bounds.minimum)
            maximum = policy.thresholds.get(f"maximum_{name}", bounds.maximum)
            if (minimum is not None and signal[name] < minimum - 1e-7) or (
                maximum is not None and signal[name] > maximum + 1e-7
            ):
                return f"{rule}:{name}"
    if policy.minimum_quality is not None:
        if rating["error"]:
            return "error:ratings"
        if rating["quality"] < policy.minimum_quality:
            return "quality"
    if duplicate:
        return "duplicate"
    return f"contamination:{min(benchmarks)}" if benchmarks else "kept"


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
        signal.append({"id": each, "characters": length, **values, "error": error})
        error = draw(failed)
        rating.append((each, None if error else draw(share), error))
    kinds = draw(st.lists(st.sampled_from(["prose", "qa"]), min_size=7, max_size=7))
    others = [*ids, "elsewhere"]
    doubles = draw(st.sets(st.sampled_from(others)))
    hits = draw(st.lists(st.tuples(st.sampled_from(others), st.sampled_from(["arc", "mmlu"]))))
    measured = pl.DataFrame(signal, schema_overrides={"error": pl.String}).with_columns(
        *(pl.lit(0.0).alias(name) for name in SIGNALS if name not in signal[0])
    )
    return {
        "documents": pl.DataFrame({"id": ids, "kind": kinds}),
        "language": pl.DataFrame(language, schema=LANGUAGE, orient="row"),
        "signals": measured.cast(dict(SIGNALS)),
        "ratings": pl.DataFrame(rating, schema=RATINGS, orient="row"),
        "clusters": pl.DataFrame(
            [(each, "x", each not in doubles) for each in others], schema=CLUSTERS, orient="row"
        ),
        "hits": pl.DataFrame(hits, schema=HITS, orient="row"),
    }


def decided(tables: dict[str, pl.DataFrame], policy: CurationPolicy = POLICY) -> pl.DataFrame:
    return decide(*tables.values(), policy=policy)["decisions"]


@settings(max_examples=60, deadline=None)
@given(corpora(), st.integers(0, 100))
def test_decisions_are_those_of_the_policy_in_any_order_of_rows(
    tables: dict[str, pl.DataFrame], seed: int
) -> None:
    found = decided(tables)
    dropped = tables["clusters"].filter(~pl.col("kept"))["id"].to_list()
    rows = zip(
        *(tables[name].iter_rows(named=True) for name in list(tables)[:4]),
        found["reason"],
        strict=True,
    )
    for document, language, signal, rating, reason in rows:
        found_in = tables["hits"].filter(pl.col("id") == document["id"])["benchmark"].to_list()
        expected = naive_reason(
            document["kind"],
            POLICY.of(document["kind"]),
            language,
            signal,
            rating,
            document["id"] in dropped,
            found_in,
        )
        assert reason == expected
    shuffled = {
        name: table.sample(fraction=1, shuffle=True, seed=seed) for name, table in tables.items()
    }
    again = decided(shuffled)
    assert again["id"].to_list() == shuffled["documents"]["id"].to_list()
    assert_frame_equal(again.sort("id"), found)
    assert found["keep"].to_list() == [reason == "kept" for reason in found["reason"]]
    assert found.schema == DECISIONS


@pytest.fixture(scope="module")
def attributes(passages: pl.DataFrame, language_model: Path) -> dict[str, pl.DataFrame]:
    return {
        "documents": passages,
        "language": identify(passages, model=language_model)["language"],
        "signals": signals(passages)["signals"],
    }


def test_real_passages_are_decided_as_in_plain_python(
    attributes: dict[str, pl.DataFrame],
) -> None:
    policy = CurationPolicy()
    found = decide(*attributes.values(), None, None, None, policy=policy)["decisions"]
    expected = [
        naive_reason("prose", policy.prose, language, signal, {}, False, [])
        for language, signal in zip(
            attributes["language"].iter_rows(named=True),
            attributes["signals"].iter_rows(named=True),
            strict=True,
        )
    ]
    assert found["reason"].to_list() == expected


def test_the_kinds_that_gopher_would_drop_are_kept(
    programs: pl.DataFrame, problems: pl.DataFrame, language_model: Path
) -> None:
    for table, kind in ((programs, "code"), (problems, "mathematics"), (problems, "qa")):
        documents = table.with_columns(kind=pl.lit(kind))
        measured = signals(documents)["signals"]
        spoken = identify(documents, model=language_model)["language"]
        tables = (documents, spoken, measured, None, None, None)
        own = decide(*tables, policy=CurationPolicy())["decisions"]
        assert own["keep"].mean() > 0.99
        as_prose = (documents.with_columns(kind=pl.lit("prose")), *tables[1:])
        assert decide(*as_prose, policy=CurationPolicy())["decisions"]["keep"].mean() < 0.6


def test_every_reason_has_its_step() -> None:
    reasons = {
        "kept": None,
        "language:de": "language",
        "language:uncertain": "language",
        "error:language": "language",
        "error:signals": "rules",
        "minimum_characters": "rules",
        **{f"{rule}:word_count": "rules" for rule in RULES},
        "quality": "quality",
        "error:ratings": "quality",
        "duplicate": "duplicates",
        "contamination:mmlu": "contamination",
    }
    table = pl.DataFrame({"reason": list(reasons)}).select(step_of(pl.col("reason")))
    assert table.to_series().to_list() == list(reasons.values())
    assert set(reasons.values()) - {None} == set(STEPS) - {"collected"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t | {"signals": t["signals"].head(5)}, "signals table lacks 2 of 7.*document-5"),
        (lambda t: t | {"ratings": t["ratings"].slice(1)}, "ratings table lacks 1 of 7"),
        (lambda t: t | {"ratings": None}, "prose asks for a minimum_quality"),
        (lambda t: t | {"language": pl.concat([t["language"]] * 2)}, "language.*more than once"),
        (lambda t: t | {"documents": pl.concat([t["documents"]] * 2)}, "documents.*more than once"),
        (
            lambda t: t | {"documents": t["documents"].with_columns(kind=pl.lit("poetry"))},
            "kind 'poetry'",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(change: Any, message: str) -> None:
    ids = [f"document-{number}" for number in range(7)]
    tables = {
        "documents": pl.DataFrame({"id": ids, "kind": ["prose"] * 7}),
        "language": pl.DataFrame(
            {"id": ids, "language": "en", "language_score": 0.9, "error": None}
        ),
        "signals": signals(pl.DataFrame({"id": ids, "text": ["text"] * 7}))["signals"],
        "ratings": pl.DataFrame({"id": ids, "quality": 0.9, "error": None}),
        "clusters": None,
        "hits": None,
    }
    assert decided(tables).height == 7
    with pytest.raises(ValueError, match=message):
        decided(change(tables))


def test_an_empty_part_has_no_decisions() -> None:
    documents = pl.DataFrame(schema={"id": pl.String, "kind": pl.String})
    empty = (
        pl.DataFrame(schema=LANGUAGE),
        signals(documents.with_columns(text=pl.lit("")))["signals"],
    )
    found = decide(documents, *empty, None, None, None, policy=CurationPolicy())["decisions"]
    assert found.schema == DECISIONS
    assert found.height == 0


def test_golden(attributes: dict[str, pl.DataFrame]) -> None:
    found = decide(*attributes.values(), None, None, None, policy=CurationPolicy())["decisions"]
    counted = found.group_by("reason").len().sort("len", "reason", descending=[True, False])
    assert VERSION == 1
    assert dict(counted.head(6).iter_rows()) == {
        "kept": 1342,
        "c4:c4_sentences": 317,
        "fineweb:line_punct_ratio": 118,
        "gopher_quality:word_count": 97,
        "language:uncertain": 47,
        "gopher_quality:alpha_word_ratio": 12,
    }


@pytest.mark.parametrize(("quality", "reason"), [(0.5, "kept"), (0.499, "quality")])
def test_the_least_quality_is_enough(quality: float, reason: str) -> None:
    documents = pl.DataFrame({"id": ["a"], "kind": ["qa"], "text": ["What is it? It is a house."]})
    policy = CurationPolicy.model_validate({"qa": {"minimum_quality": 0.5}})
    spoken = pl.DataFrame([("a", "de", 0.1, None)], schema=LANGUAGE, orient="row")
    rated = pl.DataFrame([("a", quality, None)], schema=RATINGS, orient="row")
    measured = signals(documents)["signals"]
    found = decide(documents, spoken, measured, rated, None, None, policy=policy)["decisions"]
    assert found["reason"].to_list() == [reason]
