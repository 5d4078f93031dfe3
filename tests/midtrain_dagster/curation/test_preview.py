from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.curation.duplicates.config import default_duplicates
from midtrain_dagster.curation.duplicates.methods.minhash import Config
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.preview import preview

SENTENCES = (
    "The otter swims in the cold river, and the heron stands beside it. ",
    "Every morning the miller opens the gate, and the water turns the wheel. ",
    "Nobody remembers who planted the apple trees that grow behind the old barn. ",
    "When the days become short, the children bring wood to the house on the hill. ",
    "She writes a letter to her brother, who has lived abroad for seven years. ",
    "It is said that the bridge was built by a man from the next village. ",
)
GOOD = "".join(SENTENCES)
GERMAN = "Der Fluss ist im Winter kalt, und niemand weiß, wer die Bäume gepflanzt hat. " * 2


def documents(**texts: str) -> pl.DataFrame:
    rows = {name: [None] * len(texts) for name in DOCUMENTS}
    said = {"source": "notes", "domain": "d", "kind": "prose", "format": "markdown"}
    rows |= {name: [value] * len(texts) for name, value in said.items()}
    named = [*texts]
    rows |= {"id": named, "text": [*texts.values()], "locator": [f"{each}.md" for each in named]}
    return pl.DataFrame(rows | {"metadata": ["{}"] * len(texts)}, schema=DOCUMENTS)


def judged(table: pl.DataFrame, model: Path | None, **said: object) -> dict[str, tuple]:
    policy = CurationPolicy.model_validate(said)
    made = preview(table, policy=policy, duplicates=default_duplicates(), model=model)
    assert made["id"].to_list() == table["id"].to_list()
    rows = made.select("id", "reason", "measured").iter_rows()
    return {name: (reason, measured) for name, reason, measured in rows}


def test_documents_are_dropped_for_the_reasons_of_a_run_with_what_was_measured(
    language_model: Path,
) -> None:
    table = documents(
        good=f"{GOOD}\n\n```\n{{}}\n```",
        again=f"{GOOD}\n\n```\n[]\n```\n\nAnd so on.",
        short="Too few words.",
        german=GERMAN,
    )
    found = judged(table, language_model, prose={"minimum_ratings": {"quality": 1}})
    assert found["again"] == (None, None)
    assert found["good"] == ("duplicate", "of again.md")
    assert found["short"] == ("gopher_quality:word_count", "word_count 3, asked at least 50")
    reason, measured = found["german"]
    assert (reason, measured[:3]) == ("language:de", "de ")
    assert "language" not in str(judged(table, None, languages="all"))


def test_the_rated_best_of_duplicates_is_the_longest_where_nothing_is_rated() -> None:
    table = documents(one=GOOD, two=GOOD + "And more.")
    method = Config(keep="best_rated")
    policy = CurationPolicy(languages="all")
    made = preview(table, policy=policy, duplicates=(method,), model=None)
    assert made["reason"].to_list() == ["duplicate", None]


LINKS = "".join(
    f"- [Project {n}](https://a.b/{n}) [docs](https://a.b/{n}/docs)\n" for n in range(60)
)
AUTHORS = "".join(f"- Jane Doe{n} <jane{n}@a.b>\n" for n in range(80))
NAVIGATION = "".join(f"[Home](/) | [Chapter {n}](/c/{n}) | [Next](/n)\n\n" for n in range(30))
STUFFED = "Buy cheap watches online now with free shipping today. " * 40
ENCODED = "".join(f"{n:x}QmFzZTY0IGVuY29kZWQgZGF0YQ" * 6 + "\n" for n in range(40))
LICENCE = "THE SOFTWARE IS PROVIDED AS IS, WITHOUT WARRANTY OF ANY KIND, AND SO ON.\n\n" * 12
TEMPLATE = "## Steps\n\n## Expected\n\n## Actual\n\n- [ ] I have read the rules.\n" * 3


@pytest.mark.parametrize(
    "text", [LINKS, AUTHORS, NAVIGATION, STUFFED, ENCODED, LICENCE, TEMPLATE, "```\n{}\n```"]
)
def test_what_is_no_prose_is_dropped_in_markdown_too(text: str, language_model: Path) -> None:
    ((reason, _),) = judged(documents(one=text), language_model).values()
    assert reason is not None


def test_words_are_looked_for_by_the_list_of_the_language(language_model: Path) -> None:
    lists = {"unwanted": {"en": ("otter",), "de": ("fluss",)}}
    policy = CurationPolicy.model_validate(
        {
            "languages": ["en", "de"],
            "prose": {"rules": [], "also": ["unwanted"]},
            "word_lists": {"unwanted": {"en": "en.txt", "de": "de.txt"}},
        }
    )
    table = documents(good=GOOD, german=GERMAN, fluss=GOOD.replace("otter", "Fluss"))
    made = preview(
        table,
        policy=policy,
        duplicates=default_duplicates(),
        model=language_model,
        word_lists=lists,
    )
    reasons = dict(made.select("id", "reason").iter_rows())
    assert reasons["german"] == "unwanted:unwanted_word_ratio"
    assert reasons["fluss"] is None
