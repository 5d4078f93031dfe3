import json
from hashlib import blake2b
from typing import Any

import pytest

from midtrain_dagster.synthesis.methods.personas import (
    COOK,
    VERSION,
    Config,
    from_person,
    from_text,
    read,
)

GOLDEN = (1, "28c377d4bed305b0")

PEOPLE = {
    0: "A nurse who works at night and reads about the history of medicine.",
    1: "A sailor on a freight ship who collects stamps from every harbour.",
    2: "A NURSE, who works at night, and reads about the history of medicine!",
    3: "Nobody in particular",
}


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    common = {"domains": ["web"], "documents": 10, "generator": generator}
    return Config(**{**common, "tasks": ["instruction"], **fields})


def text(number: int) -> str:
    return f"This is text {number}, and it has a second part that says nothing of anybody."


def answer(prompt: str) -> str:
    if prompt.endswith("Related person:"):
        return (
            " A teacher of " + prompt.rpartition("Person: ")[2].split()[1] + "s at a city school."
        )
    if prompt.endswith("User prompt:"):
        return f" Write to me about what {prompt.rpartition('Person: ')[2][:20]} does all day long."
    return f" {PEOPLE[int(prompt.rpartition('This is text ')[2][0])]}\n"


def test_personas_lead_to_others_and_each_writes_something(driven, documents) -> None:
    made = driven(config(), documents(*map(text, range(4))), answer)
    assert (made.first, made.asked) == (4, 4 + 2 + 4)
    documents_made = made.accepted.documents
    assert documents_made.height == 4
    assert dict(made.accepted.rejects.select("reason", "completion").iter_rows()) == {
        "no_persona": f" {PEOPLE[3]}\n",
        "near_copy": PEOPLE[2],
    }
    told = [json.loads(each) for each in documents_made["metadata"]]
    assert [len(each["requests"]) for each in told] == [2, 2, 3, 3]
    assert {each["form"] for each in told} == {"instruction"}
    assert told[2]["persona"] == "A teacher of nurses at a city school."
    assert told[2]["seeds"] == told[0]["seeds"]
    assert told[0]["diversity"] == told[3]["diversity"]
    assert 0 < told[0]["diversity"]["distinct_1"] < told[0]["diversity"]["distinct_2"] <= 1
    fields = made.accepted.examples["fields"][0].to_list()
    assert [each["generated"] for each in fields] == [True, True, False]


def test_a_persona_that_gets_nothing_written_is_rejected_and_so_is_the_task(
    driven, documents
) -> None:
    made = driven(
        config(relations=0),
        documents(text(0), text(1)),
        lambda prompt: "No" if prompt.endswith("User prompt:") else answer(prompt),
    )
    assert made.accepted.documents.is_empty()
    assert sorted(made.accepted.rejects["reason"]) == [
        "no_task", "no_task", "unfinished", "unfinished",
    ]  # fmt: skip


def test_without_a_persona_nothing_more_is_asked(driven, documents) -> None:
    made = driven(config(relations=2), documents(text(3)), answer)
    assert (made.asked, made.accepted.documents.height) == (1, 0)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (PEOPLE[0], None),
        (f"\n Person: {PEOPLE[0]}\nMore", None),
        ("", "no_persona"),
        ("People who like it very much, and others.", "no_persona"),
        ("A nurse.", "no_persona"),
        ("A British ship that was built in Liverpool by someone who sold it.", "no_persona"),
        ("A person who is a person who is a person who is a person.", "repetition"),
        ("A nurse " * 40, "no_persona"),
        (f"Sure! {PEOPLE[0]}", "remark"),
        (COOK, "prompt_echo"),
        (PEOPLE[0][:-1], "unfinished"),
    ],
)
def test_a_persona_is_one_sentence_about_a_person(completion: str, reason: str | None) -> None:
    assert read(completion)[1] == reason


def test_prompts_end_before_the_person() -> None:
    assert from_text("One.\n\nTwo.").endswith("\n\nText: One. Two.\nPerson:")
    assert from_person(PEOPLE[1]).endswith(f"\n\nPerson: {PEOPLE[1]}\nRelated person:")


def test_golden(driven, documents) -> None:
    """Bump VERSION when this changes: what is stored was made by the old method."""
    made = driven(config(), documents(*map(text, range(4))), answer)
    tables = [made.requests.rows(), *(each.rows() for each in made.accepted)]
    assert made.accepted.documents.height
    assert (VERSION, blake2b(repr(tables).encode(), digest_size=8).hexdigest()) == GOLDEN
