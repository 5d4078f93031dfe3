import json
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.methods.rephrase import VERSION, Config
from midtrain_dagster.synthesis.passages import plain
from midtrain_dagster.synthesis.styles.catalogue import SETS, STYLES
from midtrain_dagster.synthesis.styles.style import STOP
from midtrain_dagster.synthesis.tables import EXAMPLES, REJECTS

GOLDEN = (3, "27344a9eba6da41f")

TOWER = (
    "The tower of the old mill was finished in 1871 by Anna Brandt, and about 2,400 sacks of flour "
    "left it in every month until the river was moved."
)
GOOD = (
    "Anna Brandt finished the old mill's tower in 1871. Until they moved the river, some 2,400 "
    "sacks of flour were shipped from there each month."
)


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"domains": ["web"], "documents": 10, "generator": generator, **fields})


def test_prompt_shows_examples_and_ends_before_the_rephrasing() -> None:
    text = STYLES["medium"].prompt("One.\n\nTwo.")
    assert text.count("Rephrased: ") == len(STYLES["medium"].examples) == 3
    assert text.endswith(f"{STOP[0]} One. Two.\nRephrased:")


def test_seeds_are_spread_over_styles_and_sets(documents) -> None:
    method = config(style=["easy", "mind", "easy"])
    names = {method.style_of(f"d{number}") for number in range(200)}
    assert names == {"easy", *SETS["mind"]}
    assert method.request.max_new_tokens == 800
    assert config(style="easy", max_new_tokens=50).request.max_new_tokens == 50
    sources = documents(*[TOWER] * 20)
    for identity, prompt in method.prompts(sources).select("document", "prompt").iter_rows():
        assert prompt == STYLES[method.style_of(identity)].prompt(TOWER)


def test_a_style_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValidationError, match="no style 'easier'; there are the sets wrap, nemo"):
        config(style=["easy", "easier"])
    with pytest.raises(ValidationError, match="at least 1 item"):
        config(style=[])


LINES = "\n".join(
    f"In {1900 + year} the mill gave {year * 7 + 11} sacks of flour to the people of the town, and "
    "the river that moved it was high in most of the months of that year."
    for year in range(20)
)


def again(passage: str) -> str:
    """Every line of such a passage in other words."""
    figures = [word for word in plain(passage).split() if word.isdigit()]
    return " ".join(
        f"High water moved the river's mill most months; {sacks} flour sacks went out to people "
        f"living in town during {year} that way."
        for year, sacks in zip(figures[::2], figures[1::2], strict=True)
    )


def test_segments_of_a_document_are_cut_at_lines_and_joined_again(documents) -> None:
    method = config(style="wikipedia", passages=10, passage_bytes=1000)
    sources = documents(LINES, LINES)
    table = method.prompts(sources)
    assert table.height > 4
    passages = [LINES[row["start"] : row["stop"]] for row in table.iter_rows(named=True)]
    half = table.height // 2
    assert "\n".join(passages[:half]) == LINES
    said = [f"Here is a paraphrased version:\n**{again(each)}**" for each in passages]
    said[1] = "Sure! " + again(passages[1])
    completed = table.with_columns(completion=pl.Series(said))
    made = method.accept(completed, sources, Collector(method, source="s", written_by="m"))
    first, second = made.documents.rows(named=True)
    kept = [again(each) for each in passages]
    assert first["text"] == "\n".join([kept[0], *kept[2:half]])
    assert second["text"] == "\n".join(kept[half:])
    told = json.loads(first["metadata"])
    assert told["requests"] == [*table["id"][:1], *table["id"][2:half]]
    assert [seed["start"] for seed in told["seeds"]] == [table["start"][0], *table["start"][2:half]]
    assert made.rejects.select("id", "reason").rows() == [(table["id"][1], "remark")]


def test_a_joined_document_must_have_a_length(documents) -> None:
    method = config(style="wikipedia")
    sources = documents(LINES.splitlines()[0])
    table = method.prompts(sources)
    completed = table.with_columns(completion=pl.lit(again(LINES.splitlines()[0])))
    made = method.accept(completed, sources, Collector(method, source="s", written_by="m"))
    assert made.rejects["reason"].to_list() == ["too_little"]


def test_accepted_rephrasing_stands_alone_and_names_its_passage(answered) -> None:
    made = answered(config(), f" {GOOD}\nPassage: another", text=TOWER)
    (row,) = made.documents.rows(named=True)
    assert row["text"] == GOOD
    assert (row["kind"], row["domain"], row["source"]) == ("prose", "rephrased", "synthetic_it")
    passage = {"start": 0, "stop": len(TOWER)}
    assert json.loads(row["metadata"]) == {
        "family": "distillation",
        "form": "rephrased",
        "thought": "none",
        "generator": "a model",
        "prompt_version": 2,
        "requests": [f"d0:0-{len(TOWER)}"],
        "seeds": [{"document": "d0", **passage}],
        "document": "d0",
        "passage": passage,
        "style": "medium",
        "scores": {"content_recall": 0.786, "content_cosine": 0.693, "copied": 0.083},
    }
    (example,) = made.examples.rows(named=True)
    assert [tuple(field.values()) for field in example["fields"]] == [
        ("Rephrased", GOOD, True),
        ("Passage", TOWER, False),
    ]


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", "empty"),
        (" ...\nAnna Brandt", "empty"),
        (STYLES["medium"].examples[0][1], "prompt_echo"),
        (GOOD.removesuffix("."), "unfinished"),
        ("Anna Brandt finished the tower in 1871.", "too_short"),
        (f"{GOOD} {GOOD}", "too_long"),
        (f"Sure! {GOOD}", "remark"),
        (GOOD.replace("2,400", "many"), "numbers_lost"),
        (GOOD.replace("1871", "1872"), "number_added"),
        (GOOD.replace("each", "each of 12"), "number_added"),
        (GOOD.replace("they", "King Otto"), "name_added"),
        (
            "In 1871 somebody made a thing that nobody has now heard of, and 2,400 others came out "
            "at times, as Anna Brandt said to us.",
            "content_lost",
        ),
        (TOWER, "copy"),
        (TOWER.replace("in every month", "monthly"), "copy"),
    ],
)
def test_rejection_has_its_reason(answered, completion: str, reason: str) -> None:
    made = answered(config(), completion, text=TOWER)
    assert made.documents.is_empty()
    assert made.rejects.select("reason", "completion").rows() == [(reason, completion)]


def test_rephrasing_is_taken_once(answered) -> None:
    made = answered(config(), GOOD, GOOD.replace(" ", "  "), text=TOWER)
    assert made.documents["text"].to_list() == [GOOD]
    assert made.rejects["reason"].to_list() == ["duplicate"]


def test_tables_of_no_completions_have_their_schemas(answered) -> None:
    made = answered(config())
    assert [table.schema for table in made] == [DOCUMENTS, REJECTS, EXAMPLES]


def test_golden(documents) -> None:
    """Bump VERSION when this changes: stored rephrasings were made by the old method."""
    sources = documents(TOWER, TOWER.replace("1871", "1872"))
    method = config()
    table = method.prompts(sources).with_columns(completion=pl.lit(f" {GOOD}\n"))
    result = method.accept(
        table, sources, Collector(method, source="synthetic_rephrase", written_by="m")
    )
    made = [table.rows(), *(each.rows() for each in result)]
    assert (result.documents.height, result.rejects.height) == (1, 1)
    assert (VERSION, blake2b(repr(made).encode(), digest_size=8).hexdigest()) == GOLDEN
