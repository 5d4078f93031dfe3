"""Pairs of prompt and answer: of what is kept, whole, once; without what prompts have in common."""

import json

import polars as pl

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.curation.decisions import DECISIONS
from midtrain_dagster.synthesis.accepted_pairs import DOMAIN, PAIRS, conversations, learn
from midtrain_dagster.synthesis.answers import ANSWERS
from midtrain_dagster.synthesis.judging import request_of
from midtrain_dagster.synthesis.tables import REQUESTS
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.transcript import LAYOUT, restored

INTRO = "Answer.\n\nOne: 1\n\n"
ASKED = {  # id of the request: round, prompt, answer, finish
    "r1": (1, f"{INTRO}Two:", " 2", "stop"),
    "r2": (1, f"{INTRO}Three:", " 3", "length"),
    "r3": (1, f"{INTRO}Four:", " 4", "stop"),
    "r4": (1, f"{INTRO}Five:", " 5", "stop"),
    "r5": (1, f"{INTRO}Two:", " 2", "stop"),
    "n1": (2, json.dumps([{"role": "user", "content": "Say 2.", "name": None}]), "two", "stop"),
    request_of("d1", 0): (3, "Judge: 2", " 5", "stop"),
}
LED = {
    "d1": ["r1", "n1", request_of("d1", 0)],
    "d2": ["r2"],
    "d3": ["r3"],
    "d4": ["r4"],
    "d5": ["r5"],
}
EDIT = [{"start": 0, "stop": 1, "replacement": ""}]


def tables() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    rows = [
        {"id": name, "text": name, "metadata": json.dumps({"requests": requests})}
        for name, requests in LED.items()
    ]
    empty = dict.fromkeys(DOCUMENTS.names())
    documents = pl.DataFrame([{**empty, **row} for row in rows], schema=DOCUMENTS)
    decided = [
        (name, name != "d3", None, 1, EDIT if name == "d4" else []) for name in documents["id"]
    ]
    # The key of an answer is that of its prompt.
    requests = [(each, number, prompt) for each, (number, prompt, *_) in ASKED.items()]
    answers = [
        (prompt, prompt, answer, finish, 1, 1, None, None)
        for _, prompt, answer, finish in ASKED.values()
    ]
    return (
        documents,
        pl.DataFrame(decided, DECISIONS, orient="row"),
        pl.DataFrame(requests, REQUESTS, orient="row"),
        pl.DataFrame(answers, ANSWERS, orient="row"),
    )


def test_pairs_are_those_that_led_to_what_is_kept() -> None:
    learnt = learn(*tables(), share=0.0, seed=1)
    assert learnt.pairs.schema == PAIRS
    assert [(each, answer) for each, _, _, answer in learnt.pairs.iter_rows()] == [
        ("d1", " 2"),
        ("d1", "two"),
    ]
    assert learnt.beginnings == [INTRO]
    assert learnt.left_out == {"held_out": 0, "edited": 1, "cut": 1, "again": 1}


def test_held_out_documents_lend_no_pair() -> None:
    documents, *rest = tables()
    seed = next(
        seed
        for seed in range(99)
        if is_held_out(documents["id"], share=0.4, seed=seed).to_list()[:2] == [True, False]
    )
    learnt = learn(documents, *rest, share=0.4, seed=seed)
    assert "d1" not in learnt.pairs["id"].to_list()
    assert learnt.left_out["held_out"] >= 1


def test_conversations_do_without_the_beginning() -> None:
    made = conversations(learn(*tables(), share=0.0, seed=1))
    assert made.schema == DOCUMENTS
    assert set(made["domain"]) == {DOMAIN}
    assert made["id"].n_unique() == made.height
    said = [
        restored(text, json.loads(metadata)[LAYOUT])["messages"]
        for text, metadata in made.select("text", "metadata").iter_rows()
    ]
    assert said == [
        [{"role": "user", "content": "Two:"}, {"role": "assistant", "content": " 2"}],
        [{"role": "user", "content": "Say 2."}, {"role": "assistant", "content": "two"}],
    ]
