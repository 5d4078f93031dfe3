"""Every preset reads a file in its data set's layout; docs/sources.md says how that is known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.collection.presets import PRESETS, expanded
from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.causes import cause

FIXTURES = Path(__file__).parent / "fixtures"
SOURCE = TypeAdapter[Any](Source)

LIGHT = (
    "The lighthouse keeper wrote the weather into a book every morning, and the book outlived the "
    "light."
)
BREAD = (
    "Knead the dough for ten minutes, let it rest for an hour, and bake it until the crust sounds "
    "hollow."
)
SUM = (
    "The sum of the first n odd numbers is n squared, because each odd number adds one more border "
    "to a square."
)
URL = "https://example.org"
UUID = "urn:uuid:00000000-0000-4000-8000-00000000000"
BREAD_PAGE = {"url": f"{URL}/bread", "date": "2023-03-20T18:12:03Z"}
SQUARES = {"url": f"{URL}/squares"}

EXPECTED: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "common_crawl": {
        f"CC-MAIN-20230320175948-20230320205948-00000.warc.gz:{UUID}3": (
            f"Bread\n{BREAD}\n{LIGHT}\n{SUM}",
            BREAD_PAGE,
        )
    },
    "common_crawl_wet": {
        f"CC-MAIN-20230320175948-20230320205948-00000.warc.wet.gz:{UUID}2": (
            f"Home\nBread\n{BREAD}\nImprint\n",
            {**BREAD_PAGE, "languages": "eng"},
        ),
        f"CC-MAIN-20230320175948-20230320205948-00000.warc.wet.gz:{UUID}3": (
            "Brot\nDer Teig ruht eine Stunde, bevor er gebacken wird.\n",
            {**BREAD_PAGE, "url": f"{URL}/brot", "languages": "deu,eng"},
        ),
    },
    "wikipedia": {
        "20231101.simple/train-00000-of-00001.parquet:0": (
            BREAD,
            {"url": "https://simple.wikipedia.org/wiki/Bread", "title": "Bread"},
        ),
        "20231101.simple/train-00000-of-00001.parquet:1": (
            LIGHT,
            {"url": "https://simple.wikipedia.org/wiki/Lighthouse", "title": "Lighthouse"},
        ),
    },
    "c4": {
        "en/c4-train.00000-of-01024.json.gz:1": (
            BREAD,
            {"url": f"{URL}/bread", "date": "2019-04-25T12:57:54Z"},
        ),
        "en/c4-train.00000-of-01024.json.gz:2": (
            LIGHT,
            {"url": f"{URL}/light", "date": "2019-04-21T10:07:13Z"},
        ),
    },
    "pile": {
        "train/00.jsonl.zst:1": (BREAD, {"meta.pile_set_name": "Pile-CC"}),
        "train/00.jsonl.zst:2": (SUM, {"meta.pile_set_name": "StackExchange"}),
    },
    "dolma": {
        "c4-0000.json.gz:1": (
            BREAD,
            {"date": "2019-04-25T12:57:54Z", "id": "8f1f8b7e0c4a", "source": "c4"},
        )
    },
    "redpajama": {
        "c4/c4-train.00000-of-01024.jsonl:1": (
            BREAD,
            {
                "url": f"{URL}/bread",
                "date": "2019-04-25T12:57:54Z",
                "meta.language": "en",
                "meta.source": "c4",
            },
        ),
        "common_crawl/2019-30/en_head_0000.json.gz.dedup.classifier.jsonl.zst:1": (
            LIGHT,
            {"source": "cc/2019-30/en_head_0000.json.gz/line401859"},
        ),
        "stackexchange/stackexchange.jsonl:1": (
            "Q: Why is the crust hard?\n\nA: Because its water has gone.",
            {
                "url": "https://cooking.stackexchange.com/questions/1",
                "date": "2023-03-29",
                "meta.language": "en",
                "meta.source": "stackexchange",
            },
        ),
    },
    "redpajama_v2": {
        "documents/2023-06/0000/en_head.json.gz:1": (
            LIGHT,
            {
                "url": f"{URL}/light",
                "date": "2023-01-28T21:32:02Z",
                "digest": "sha1:NZMKMHDLMYXWQ6XBYQ2QJ2RPC6LSNJHE",
                "title": "The light",
                "language": "en",
                "language_score": 0.97,
                "perplexity": 203.1,
                "bucket": "head",
            },
        )
    },
    "matrix": {
        "cc_technology.0000.jsonl:1": (LIGHT, {"id": "a1", "Language=": "en"}),
        "cc_technology.0000.jsonl:2": ("面团要静置一小时。", {"id": "a2", "Language=": "zh"}),
    },
    "stack_exchange": {
        "cooking.stackexchange.com/Posts.xml:1": (
            "Question: How long must dough rest?\n\nHow long must dough rest?\n\n- an hour\n"
            "- a night\n\nAnswer: It depends on `t`:\n\n```\nif t < 20:\n    rest = 2\n```",
            {
                "date": "2010-07-09T19:09:41.347",
                "tags": "<bread><dough>",
                "score": 42,
                "answer_score": 20,
                "accepted": True,
                "licence": "CC-BY-SA-2.5",
            },
        ),
        "cooking.stackexchange.com/Posts.xml:6": (
            "Question: Which flour?\n\nWhich flour?\n\nAnswer: Rye & wheat.",
            {
                "date": "2011-01-02T08:00:00.000",
                "tags": "<bread>",
                "score": 5,
                "answer_score": 4,
                "accepted": False,
                "licence": "CC-BY-SA-2.5",
            },
        ),
    },
    "redstone": {
        "general.parquet:0": (
            LIGHT,
            {
                "url": f"{URL}/light",
                "cc_path": "crawl-data/CC-MAIN-2023-23/segments/1685224643388.45/warc/"
                "CC-MAIN-20230527223515-20230528013515-00000.warc.gz",
            },
        )
    },
    "redstone_code": {
        f"CC-MAIN-20221127073607-20221127103607-00007.warc.wet.gz:{UUID}2": (
            "Reversing a list\n<code-encode><metadata lang=Python prob=0.99 />\nx = x[::-1]\n"
            "</code-encode>\n",
            {**BREAD_PAGE, "url": f"{URL}/code", "languages": "eng"},
        )
    },
    "redstone_math": {
        f"CC-MAIN-20221127073607-20221127103607-00007.warc.wet.gz:{UUID}2": (
            "Odd numbers\n<math-tex>\\sum_{k=1}^{n} (2k-1) = n^2</math-tex>\n",
            {**BREAD_PAGE, "url": f"{URL}/squares", "languages": "eng"},
        )
    },
    "redstone_qa": {
        "00000.parquet:0": (
            "Question: Why is the crust hard?\nAnswer: Its water has gone.",
            {"la": "en"},
        )
    },
    "megamath_web": {"2014/000_00000.parquet:0": (SUM, SQUARES)},
    "megamath_web_pro": {"000_00000.parquet:0": (SUM, SQUARES)},
    "megamath_qa": {
        "qwen-2.5/000_00000.parquet:0": (
            "Question: What is 1 + 3 + 5?\n\nAnswer: Two borders around one: 3 squared, so 9.",
            {},
        )
    },
    "megamath_text_code_block": {
        "000_00000.parquet:0": (
            "The sum is a square.\n\n```python\nassert sum(range(1, 7, 2)) == 9\n```",
            {},
        )
    },
    "tulu_3": {
        "data/train-00000-of-00006.parquet:0": (
            f"user: How is bread made?\n\nassistant: {BREAD}",
            {"id": "bread_1", "source": "bread"},
        )
    },
    "smoltalk": {
        "data/all/train-00000-of-00009.parquet:0": (
            f"system: Be brief.\n\nuser: How is bread made?\n\nassistant: {BREAD}",
            {"source": "bread"},
        )
    },
    "slim_orca": {
        "oo-labeled_correct.gpt4.sharegpt.jsonl:1": (
            f"system: Be brief.\n\nuser: How is bread made?\n\nassistant: {BREAD}",
            {},
        )
    },
    "dolly": {
        "databricks-dolly-15k.jsonl:1": (
            f"user: What did the keeper write?\n\n{LIGHT}\n\nassistant: The weather.",
            {"category": "closed_qa"},
        ),
        "databricks-dolly-15k.jsonl:2": (
            f"user: How is bread made?\n\nassistant: {BREAD}",
            {"category": "open_qa"},
        ),
    },
    "alpaca": {
        "data/train-00000-of-00001-a09b74b3ef9c3b56.parquet:0": (
            f"user: How is bread made?\n\nassistant: {BREAD}",
            {},
        )
    },
    "agent_instruct": {
        "data/os-00000-of-00001.parquet:0": (
            "user: Count the files.\n\nassistant: Act: bash\n\n```bash\nls | wc -l\n```\n\n"
            "user: The output of the OS:\n12\n\nassistant: Act: answer(12)",
            {"id": "os_0"},
        )
    },
    "megamath_translated_code": {
        "000_00000.parquet:0": ("def squares(n):\n    return [k * k for k in range(n)]\n", {})
    },
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_read_a_file_of_their_data_set(name: str, collect: Callable[..., Any]) -> None:
    preset = PRESETS[name].fields
    said = {key: preset[key] for key in ("licence", "answers") if key in preset}
    # `collect` says a domain and a kind, which would win over the preset's.
    fields = {"domain": preset["domain"], "kind": preset["kind"]}
    collected = collect(preset=name, paths=[str(FIXTURES / name / "**")], **fields)
    documents = collected.documents
    found = {
        locator: (text, json.loads(metadata))
        for locator, text, metadata in documents.select("locator", "text", "metadata").iter_rows()
    }
    for _, metadata in found.values():
        assert ("messages" in preset) == (metadata.pop("messages", None) is not None)
    assert found == {
        locator: (text, said | metadata) for locator, (text, metadata) in EXPECTED[name].items()
    }
    assert set(documents["domain"]) == {preset["domain"]}
    assert set(documents["kind"]) == {preset["kind"]}
    unanswered = {"cooking.stackexchange.com/Posts.xml:2": "unanswered"}
    assert collected.reasons == (unanswered if name == "stack_exchange" else {})


def test_presets_are_no_cause() -> None:
    short = SOURCE.validate_python({"preset": "c4", "paths": ["c4"], "take": 5})
    written = SOURCE.validate_python({**PRESETS["c4"].fields, "paths": ["elsewhere"], "take": 5})
    assert cause(short) == cause(written)


def test_presets_yield_to_what_is_said() -> None:
    fields = {"preset": "redpajama", "paths": ["github"], "domain": "code", "kind": "code"}
    source = SOURCE.validate_python({**fields, "keep": ["meta.license"]})
    assert (source.domain, source.kind, source.keep) == ("code", "code", ["meta.license"])
    assert source.url == "meta.url"
    template = {"preset": "redpajama_v2", "paths": ["a"], "template": "{title}\n{raw_content}"}
    assert SOURCE.validate_python(template).template_keys == ["title", "raw_content"]
    source = SOURCE.validate_python({"preset": "alpaca", "paths": ["a"], "text": "text"})
    assert (source.text, source.messages) == ("text", None)


@pytest.mark.parametrize("name", ["wikpedia", 7, None])
def test_presets_of_an_unknown_name_list_the_known(name: Any) -> None:
    with pytest.raises(
        ValidationError, match=r"no preset .*; there are .*c4, common_crawl, .*wikip"
    ):
        SOURCE.validate_python({"preset": name, "paths": ["a"]})


def test_presets_leave_the_paths_to_be_said() -> None:
    with pytest.raises(ValidationError, match="paths"):
        SOURCE.validate_python({"preset": "pile"})


def test_sources_without_preset_stay_as_they_are() -> None:
    fields = {"reader": "text", "paths": ["a"]}
    assert expanded(fields) is fields


def test_presets_stand_in_the_documentation_with_their_citations() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text().replace("\n", " ")
    for name, preset in PRESETS.items():
        assert f"`{name}`" in page
        assert preset.where
        assert preset.citation.split(", arXiv ")[-1].split(",")[0] in page
