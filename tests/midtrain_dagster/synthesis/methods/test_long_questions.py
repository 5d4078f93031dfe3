import json
from hashlib import blake2b
from typing import Any

import pytest

from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.synthesis.methods.long_questions import VERSION, Config
from tests.scripted_answers import made_by

GOLDEN = (1, "70f412a0028362e9")

TOWNS = ["Aalen", "Bergen", "Celle", "Dublin", "Essen", "Florenz", "Genua", "Husum"]
PARAGRAPHS = [
    f"The lighthouse of {town} was finished in {1810 + at} by a mason called Karl{at}. About "
    f"{town} there are {3 + at} islands, and a ferry goes to the largest of them in summer."
    for at, town in enumerate(TOWNS)
]
TEXT = "\n\n".join(PARAGRAPHS)


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    small = {"minimum_bytes": 400, "maximum_bytes": 4_000, "chunk_bytes": 200}
    return Config(**{"domains": ["web"], "documents": 9, "generator": generator, **small, **fields})


def passage_of(row: dict[str, Any]) -> str:
    return row["prompt"].rpartition("Passage: ")[2].partition("\n")[0]


def said(row: dict[str, Any], number: int, _: Any) -> str:
    town = passage_of(row).split()[3]
    year = passage_of(row).partition("finished in ")[2][:4]
    return f" When was the lighthouse of {town} finished?\nAnswer: {year}"


def test_the_document_is_shown_whole_and_its_questions_after_it(documents) -> None:
    made = made_by(config(questions=4), documents(TEXT), said)
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"].startswith(f"{TEXT}\n\nQuestion: When was the lighthouse of ")
    assert (row["domain"], row["kind"]) == ("long_qa", "qa")
    metadata = json.loads(row["metadata"])
    assert len(metadata["questions"]) == len(metadata["requests"]) == made.first == 4
    depths = sorted(each["depth"] for each in metadata["questions"])
    # One of each quarter of the text.
    assert [int(4 * depth) for depth in depths] == [0, 1, 2, 3]
    answers = [line[8:] for line in row["text"].split("\n") if line.startswith("Answer: ")]
    for told, answer in zip(metadata["questions"], answers, strict=True):
        assert TEXT.encode()[told["start"] : told["stop"]].decode() == answer
        assert told["depth"] == pytest.approx(told["start"] / len(TEXT.encode()), abs=1e-4)
    assert metadata["seeds"] == [{"document": "d0", "start": 0, "stop": len(TEXT)}]


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", "no_question"),
        (" When was the lighthouse of {town} finished?\nAnswer: 2024", "answer_not_located"),
        (" When was the lighthouse finished?\nAnswer: {year}", "not_of_one_place"),
        (" When was the lighthouse of Essen finished?\nAnswer: {year}", "not_of_one_place"),
        (" Which planet is nearest the sun?\nAnswer: {year}", "question_not_about_passage"),
    ],
)
def test_rejection_has_its_reason(documents, completion: str, reason: str) -> None:
    def script(row: dict[str, Any], number: int, request: Any) -> str:
        passage = passage_of(row)
        town, year = passage.split()[3], passage.partition("finished in ")[2][:4]
        return completion.format(town=town, year=year) if town == "Bergen" else said(row, 1, None)

    made = made_by(config(), documents(TEXT), script)
    assert made.accepted.rejects["reason"].to_list() == [reason]
    assert len(json.loads(made.accepted.documents["metadata"][0])["questions"]) == 7


def test_questions_are_asked_once_and_failures_cost_themselves(documents) -> None:
    def script(row: dict[str, Any], number: int, request: Any) -> Any:
        town = passage_of(row).split()[3]
        if town == "Celle":
            return Completion("", fault="failed", detail="no")
        return said(row, 1, None)

    made = made_by(config(), documents(TEXT), script)
    assert made.accepted.rejects["reason"].to_list() == ["failed"]
    nothing = made_by(config(), documents(TEXT), lambda row, number, _: "")
    assert nothing.accepted.documents.is_empty()
    assert nothing.accepted.rejects.height == 8


def test_short_documents_are_not_asked_about_and_longer_ones_in_pieces(documents) -> None:
    assert config().choose(documents(TEXT[:380])).is_empty()
    made = made_by(config(maximum_bytes=700), documents(TEXT), said)
    assert made.accepted.documents.height == 2
    seeds = [json.loads(each)["seeds"][0] for each in made.accepted.documents["metadata"]]
    assert seeds[0]["stop"] == seeds[1]["start"]
    second = made.accepted.documents["metadata"][1]
    for told in json.loads(second)["questions"]:
        assert TEXT[told["start"] : told["stop"]].isdigit()


def test_golden(documents) -> None:
    """Bump VERSION when this changes: stored documents were made by the old method."""
    every = made_by(config(questions=3), documents(TEXT), said).accepted
    told = [table.rows() for table in every]
    assert (VERSION, blake2b(repr(told).encode(), digest_size=8).hexdigest()) == GOLDEN
