import json
from hashlib import blake2b

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.synthesis.question_answer import (
    EXAMPLES,
    PROMPTS,
    REJECTS,
    STOP,
    VERSION,
    Pair,
    SynthesisConfig,
    accept,
    choose_documents,
    locate,
    parse,
    prompt,
    prompts,
)

GOLDEN = (1, "09cec12f427fd5a1")

CASTLE = (
    "The castle of “Großenstein” was built in 1384 by Karl  von Stein, who never\nlived in it. "
    "It burned down in 1702. Today a café and a small museum stand on its walls, and "
    "about 20,000 people visit them in a year. The way up is steep."
)


def config(**fields: object) -> SynthesisConfig:
    generator = {"engine": "transformers", "model": "m"}
    return SynthesisConfig(
        **{"domains": ["web"], "documents": 10, "generator": generator, **fields}
    )


def documents(*texts: str, domain: str = "web") -> pl.DataFrame:
    rows = [
        (f"d{i}", text, "s", domain, "prose", "plain", "de" if i == 1 else None, f"f:{i}", "{}")
        for i, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=DOCUMENTS, orient="row")


def answered(*completions: str, text: str = CASTLE) -> dict[str, pl.DataFrame]:
    """Accept completions, each about a document of its own with the same text."""
    sources = documents(*[text] * len(completions))
    table = prompts(sources, config(passage_bytes=1000)).with_columns(
        completion=pl.Series(completions, dtype=pl.String)
    )
    return accept(table, sources, generator="a model")


def test_choice_depends_on_ids_only() -> None:
    table = documents(*[f"{i} {CASTLE}" for i in range(50)])
    chosen = choose_documents(table, config())["id"].to_list()
    assert len(chosen) == 10
    assert choose_documents(table.reverse(), config())["id"].to_list() == chosen
    assert choose_documents(table, config(seed=1))["id"].to_list() != chosen
    halves = [choose_documents(table[:20], config()), choose_documents(table[20:], config())]
    assert choose_documents(pl.concat(halves), config())["id"].to_list() == chosen


def test_choice_is_by_domain_and_length() -> None:
    table = pl.concat([documents(CASTLE, "short"), documents(CASTLE, domain="code")])
    assert choose_documents(table, config())["id"].to_list() == ["d0"]
    assert choose_documents(table, config(domains=["books"])).is_empty()


SENTENCES = st.lists(
    st.tuples(st.text("aé “”", min_size=1, max_size=150), st.sampled_from([". ", "!\n", "\n\n"])),
    max_size=8,
).map(lambda parts: "".join(text + end for text, end in parts))


@settings(max_examples=80, deadline=None)
@given(SENTENCES, st.integers(1, 3))
def test_passages_are_spans_of_their_document(text: str, pairs: int) -> None:
    table = prompts(documents(text), config(pairs=pairs, passage_bytes=100))
    assert table.schema == PROMPTS
    assert table.height <= pairs
    assert (table.height == 0) == (not text.strip())
    last = 0
    for row in table.iter_rows(named=True):
        passage = text.encode()[row["start"] : row["stop"]].decode()
        assert row["start"] >= last
        assert passage == passage.strip() != ""
        assert len(passage.encode()) <= 2 * 100
        assert row["prompt"] == prompt(passage)
        last = row["stop"]


def test_passages_are_whole_sentences() -> None:
    table = prompts(documents(CASTLE), config(pairs=9, passage_bytes=100))
    passages = [CASTLE.encode()[a:b].decode() for a, b in table.select("start", "stop").rows()]
    assert passages == [
        CASTLE[: CASTLE.index(" It burned")],
        CASTLE[CASTLE.index("It burned") : CASTLE.index(" Today")],
        CASTLE[CASTLE.index("Today") : CASTLE.index(" The way")],
        "The way up is steep.",
    ]
    assert table["id"][0] == "d0:0-93"


def test_the_prompt_shows_examples_and_ends_before_the_question() -> None:
    text = prompt("One.\n\nTwo.")
    assert text.count("Answer: ") == len(EXAMPLES)
    assert text.endswith(f"{STOP[0]}Passage: One. Two.\nQuestion:")


def test_the_examples_would_be_accepted() -> None:
    for passage, question, answer in EXAMPLES:
        assert locate(answer, passage)
        assert parse(f" {question}\nAnswer: {answer}\n\nPassage") == (question, answer)


@pytest.mark.parametrize(
    ("completion", "pair"),
    [
        (" Who? \nAnswer: A man.\n", Pair("Who?", "A man")),
        ("Question: Who?\n\n Answer:  “me”", Pair("Who?", "me")),
        (" Who?\nAnswer:", Pair("Who?", "")),
        (" Who is it\nAnswer: me", Pair("", "me")),
        ("", Pair("", "")),
        ("\nWho?\nAnswer: me", Pair("Who?", "me")),
    ],
)
def test_parse(completion: str, pair: Pair) -> None:
    assert parse(completion) == pair


@pytest.mark.parametrize(
    ("answer", "span"),
    [
        ("karl von stein", "Karl  von Stein"),
        ('"GROSSENSTEIN"', None),
        ('"Großenstein" was', "“Großenstein” was"),
        ("never lived", "never\nlived"),
        ("20,000", "20,000"),
        ("20", "20"),
        ("138", None),
        ("af", None),
        (".*", None),
        (" ", None),
    ],
)
def test_locate(answer: str, span: str | None) -> None:
    found = locate(answer, CASTLE)
    assert (CASTLE[slice(*found)] if found else None) == span


def test_an_accepted_pair_says_where_its_answer_stands() -> None:
    result = answered(" Who built the castle?\nAnswer: karl von stein.")
    (row,) = result["documents"].rows(named=True)
    assert result["documents"].schema == DOCUMENTS
    assert row["text"] == f"{CASTLE}\n\nQuestion: Who built the castle?\nAnswer: Karl  von Stein"
    assert (row["kind"], row["domain"], row["source"]) == ("qa", "qa", "synthetic_question_answer")
    metadata = json.loads(row["metadata"])
    span = metadata["answer"]
    assert CASTLE.encode()[span["start"] : span["stop"]].decode() == "Karl  von Stein"
    assert metadata["document"] == "d0"
    assert metadata["generator"] == "a model"
    assert metadata["passage"] == {"start": 0, "stop": len(CASTLE.encode())}
    assert result["rejects"].is_empty()


def test_offsets_count_from_the_document_not_the_passage() -> None:
    sources = documents("x", CASTLE)
    table = prompts(sources, config(pairs=9, passage_bytes=100)).filter(
        pl.col("prompt").str.contains("burned")
    )
    table = table.with_columns(completion=pl.lit(" When did it burn down?\nAnswer: 1702"))
    (row,) = accept(table, sources, generator="m", domain="quiz")["documents"].rows(named=True)
    span = json.loads(row["metadata"])["answer"]
    assert CASTLE.encode()[span["start"] : span["stop"]] == b"1702"
    assert (row["language"], row["domain"]) == ("de", "quiz")
    assert row["text"].startswith("It burned down in 1702.\n\nQuestion:")


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (" the castle", "no_question"),
        ("", "no_question"),
        (" Who built the castle?", "no_answer"),
        (" Who built the castle?\nAnswer: ...", "no_answer"),
        (" What do zebras mostly eat?\nAnswer: 1702", "prompt_echo"),
        (f" What of the castle?\nAnswer: {CASTLE[80:220]}", "answer_too_long"),
        (" Who built the castle?\nAnswer: a giant", "answer_not_located"),
        (" Who is Karl von Stein?\nAnswer: von Stein", "question_repeats_answer"),
        (" What is the planet nearest the sun?\nAnswer: 1702", "question_not_about_passage"),
        (" What is it?\nAnswer: 1702", "question_not_about_passage"),
    ],
)
def test_every_rejection_has_its_reason(completion: str, reason: str) -> None:
    result = answered(completion)
    assert result["documents"].is_empty()
    assert result["rejects"].schema == REJECTS
    assert result["rejects"].select("reason", "completion").rows() == [(reason, completion)]


def test_a_question_is_taken_once() -> None:
    result = answered(
        " Who built the castle?\nAnswer: a giant",
        " Who built the castle?\nAnswer: Karl von Stein",
        " Who  built the Castle?\nAnswer: von Stein",
    )
    assert result["documents"].height == 1
    assert result["rejects"]["reason"].to_list() == ["answer_not_located", "duplicate_question"]


def test_nothing_to_accept() -> None:
    result = answered()
    assert (result["documents"].schema, result["rejects"].schema) == (DOCUMENTS, REJECTS)


def test_golden() -> None:
    """Bump VERSION when this changes: stored pairs were made by the old method."""
    sources = documents(CASTLE, *(passage for passage, _, _ in EXAMPLES))
    table = prompts(sources, config(pairs=2, passage_bytes=150))
    completions = [
        " Who built the castle?\nAnswer: Karl von Stein.",
        " Is it?\nAnswer: 1702",
        " Which river flows for 2,850 km?\nAnswer: the Danube",
        " Which country?\nAnswer: Germany",
    ]
    table = table.with_columns(
        completion=pl.Series((completions * table.height)[: table.height], dtype=pl.String)
    )
    result = accept(table, sources, generator="m")
    made = [table.rows(), result["documents"].rows(), result["rejects"].rows()]
    assert result["documents"].height == 2
    assert (VERSION, blake2b(repr(made).encode(), digest_size=8).hexdigest()) == GOLDEN
