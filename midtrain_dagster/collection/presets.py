"""Data sets by name: what the survey's sources are called, where they lie, and how they are read.

``{preset: wikipedia, paths: [...], take: 1000}`` stands for a source with the fields below; what
the recipe says besides wins. The source is validated and hashed as it is written out, so a preset
is a shorthand and no cause: the same fields written by hand give the same documents.

Nothing is downloaded. ``where`` is the hub id or the URI pattern to get the files from, or to name
in ``paths`` (``s3://``, ``gs://``). Licences are those of the collection; what it collects has
licences of its own. Formats, and which of them were only remembered: ``docs/sources.md``.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from midtrain_dagster.core.suggestion import did_you_mean


class Preset(NamedTuple):
    """A published data set: where it is, who to cite, and the fields of a source that reads it."""

    where: str
    citation: str
    fields: Mapping[str, Any]


def _preset(where: str, citation: str, **fields: Any) -> Preset:
    return Preset(where, citation, fields)


_PILE = "Gao et al. 2020, arXiv 2101.00027"
_REDPAJAMA = "Weber et al. 2024, arXiv 2411.12372"
_REDSTONE = "Chang et al. 2024, arXiv 2412.03398"
_SMOLLM2 = "Ben Allal et al. 2025, arXiv 2502.02737"
_MEGAMATH = "Zhou et al. 2025, arXiv 2504.02807"

_web = {"domain": "web", "kind": "prose"}
_mixed = {"domain": "general", "kind": "prose"}
_mathematics = {"domain": "mathematics", "kind": "mathematics"}
_code = {"domain": "code", "kind": "code"}
_qa = {"domain": "qa", "kind": "qa"}
_chat = {"domain": "instruction", "kind": "instruction"}

WHAT = {"text", "template", "messages"}
"""The fields that say what a document is made of: one that is given takes the place of a preset's.
"""

PRESETS: Mapping[str, Preset] = {
    "common_crawl": _preset(
        "s3://commoncrawl/crawl-data/CC-MAIN-YYYY-WW/segments/*/warc/*.warc.gz",
        "Common Crawl Foundation, commoncrawl.org",
        **_web,
        reader="warc",
    ),
    "common_crawl_wet": _preset(
        "s3://commoncrawl/crawl-data/CC-MAIN-YYYY-WW/segments/*/wet/*.warc.wet.gz",
        "Common Crawl Foundation, commoncrawl.org",
        **_web,
        reader="wet",
    ),
    "wikipedia": _preset(
        "wikimedia/wikipedia, DATE.LANGUAGE/*.parquet",
        "Wikimedia Foundation, dumps.wikimedia.org",
        domain="wikipedia",
        kind="prose",
        reader="parquet",
        url="url",
        keep=["title"],
        licence="CC-BY-SA-3.0 AND GFDL-1.3-or-later",
    ),
    "c4": _preset(
        "allenai/c4, en/*.json.gz",
        "Raffel et al. 2020, arXiv 1910.10683",
        **_web,
        reader="json_lines",
        url="url",
        date="timestamp",
        licence="ODC-By-1.0",
    ),
    "pile": _preset(
        "monology/pile-uncopyrighted, train/*.jsonl.zst",
        _PILE,
        **_mixed,
        reader="json_lines",
        keep=["meta.pile_set_name"],
    ),
    "dolma": _preset(
        "allenai/dolma, urls/v1_7.txt: *.json.gz",
        "Soldaini et al. 2024, arXiv 2402.00159",
        **_mixed,
        reader="json_lines",
        date="created",
        keep=["id", "source"],
        licence="ODC-By-1.0",
    ),
    "redpajama": _preset(
        "togethercomputer/RedPajama-Data-1T, SUBSET/*.jsonl",
        _REDPAJAMA,
        **_mixed,
        reader="json_lines",
        url="meta.url",
        date="meta.timestamp",
        keep=["meta.source", "meta.language", "source"],
    ),
    "redpajama_v2": _preset(
        "togethercomputer/RedPajama-Data-V2, documents/SNAPSHOT/*/LANGUAGE_{head,middle}.json.gz",
        _REDPAJAMA,
        **_web,
        reader="json_lines",
        text="raw_content",
        url="url",
        date="date_download",
        keep=["digest", "title", "language", "language_score", "perplexity", "bucket"],
    ),
    "matrix": _preset(
        "m-a-p/Matrix, *.jsonl",
        "Zhang et al. 2024, arXiv 2405.19327",
        **_mixed,
        reader="json_lines",
        keep=["id", "Language="],
        licence="Apache-2.0",
    ),
    "stack_exchange": _preset(
        "archive.org/details/stackexchange, SITE.7z: Posts.xml, unpacked",
        "Stack Exchange Data Dump, archive.org/details/stackexchange",
        **_qa,
        reader="stack_exchange",
        answers="short_cot",
        licence="CC-BY-SA-4.0",
    ),
    "redstone": _preset(
        "microsoft/RedStone (index only): the output of `python -m redstone_cc INDEX OUT.parquet`",
        _REDSTONE,
        **_web,
        reader="parquet",
        url="uri",
        keep=["cc_path"],
        language="en",
    ),
    "redstone_code": _preset(
        "github.com/microsoft/RedStone (programs only): the *.warc.wet.gz of its code network",
        _REDSTONE,
        **_code,
        reader="wet",
    ),
    "redstone_math": _preset(
        "github.com/microsoft/RedStone (programs only): the *.warc.wet.gz of its math network",
        _REDSTONE,
        **_mathematics,
        reader="wet",
    ),
    "redstone_qa": _preset(
        "github.com/microsoft/RedStone (programs only): the Parquet of its open-question filter",
        _REDSTONE,
        **_qa,
        reader="parquet",
        answers="answer_only",
        keep=["la"],
        language="en",
    ),
    "tulu_3": _preset(
        "allenai/tulu-3-sft-mixture, data/*.parquet",
        "Lambert et al. 2024, arXiv 2411.15124",
        **_chat,
        reader="parquet",
        messages="messages",
        keep=["id", "source"],
        licence="ODC-By-1.0",
    ),
    "smoltalk": _preset(
        "HuggingFaceTB/smoltalk, data/all/train-*.parquet",
        _SMOLLM2,
        **_chat,
        reader="parquet",
        messages="messages",
        keep=["source"],
        licence="Apache-2.0",
    ),
    "slim_orca": _preset(
        "Open-Orca/SlimOrca, *.jsonl",
        "Mukherjee et al. 2023, arXiv 2306.02707",
        **_chat,
        reader="json_lines",
        messages="conversations",
        licence="MIT",
        language="en",
    ),
    "dolly": _preset(
        "databricks/databricks-dolly-15k, databricks-dolly-15k.jsonl",
        "Conover et al. 2023, Databricks",
        **_chat,
        reader="json_lines",
        messages={"instruction": "instruction", "input": "context", "output": "response"},
        keep=["category"],
        licence="CC-BY-SA-3.0",
        language="en",
    ),
    "alpaca": _preset(
        "tatsu-lab/alpaca, data/*.parquet",
        "Taori et al. 2023, Stanford Alpaca",
        **_chat,
        reader="parquet",
        messages={"instruction": "instruction", "input": "input", "output": "output"},
        licence="CC-BY-NC-4.0",
        language="en",
    ),
    "agent_instruct": _preset(
        "THUDM/AgentInstruct, data/*.parquet",
        "Zeng et al. 2023, arXiv 2310.12823",
        domain="agent",
        kind="agent",
        reader="parquet",
        messages="conversations",
        keep=["id"],
        language="en",
    ),
    "megamath_web": _preset(
        "LLM360/MegaMath, megamath-web/*/*.parquet",
        _MEGAMATH,
        **_mathematics,
        reader="parquet",
        url="url",
        licence="ODC-By-1.0",
        language="en",
    ),
    "megamath_web_pro": _preset(
        "LLM360/MegaMath, megamath-web-pro/*.parquet",
        _MEGAMATH,
        **_mathematics,
        reader="parquet",
        url="url",
        licence="ODC-By-1.0",
        language="en",
    ),
    "megamath_qa": _preset(
        "LLM360/MegaMath, megamath-qa/*/*.parquet",
        _MEGAMATH,
        **_qa,
        reader="parquet",
        answers="short_cot",
        licence="ODC-By-1.0",
        language="en",
    ),
    "megamath_text_code_block": _preset(
        "LLM360/MegaMath, megamath-text-code-block/*.parquet",
        _MEGAMATH,
        **_mathematics,
        reader="parquet",
        licence="ODC-By-1.0",
        language="en",
    ),
    "megamath_translated_code": _preset(
        "LLM360/MegaMath, megamath-translated-code/*.parquet",
        _MEGAMATH,
        **_code,
        reader="parquet",
        licence="ODC-By-1.0",
    ),
}


class AlsoByPreset:
    """Beside a source's sections, its JSON schema has those that presets fill in: the section of a
    preset's reader with the name of the preset, and without having to say what that fills in."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        sections = handler(schema)
        by_reader = [handler.resolve_ref_schema(reference) for reference in sections["oneOf"]]
        filled_in = [filled for each in by_reader if (filled := _filled_in(each))]
        return {"anyOf": [sections, *filled_in]}


def _filled_in(section: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of sources by one reader that name a preset; None where no preset has it."""
    reader = section["properties"]["reader"]["const"]
    presets = {name: each for name, each in PRESETS.items() if each.fields["reader"] == reader}
    if not presets:
        return None
    words = "A published data set, whose format and origin it stands for (docs/sources.md)."
    filled = set.intersection(*(set(each.fields) for each in presets.values()))
    named = {"preset": {"enum": list(presets), "type": "string", "description": words}}
    return {
        **section,
        "properties": {**named, **section["properties"]},
        "required": ["preset", *(each for each in section["required"] if each not in filled)],
    }


def expanded(fields: Any) -> Any:
    """The fields of a source with those of its preset filled in; anything else as it is.

    Raises ValueError, which lists the known names, for an unknown one.
    """
    if not isinstance(fields, dict) or "preset" not in fields:
        return fields
    given = dict(fields)
    name = given.pop("preset")
    preset = PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        listed = ", ".join(sorted(PRESETS))
        raise ValueError(f"no preset {name!r}; there are {listed}{did_you_mean(name, PRESETS)}")
    filled = dict(preset.fields)
    if WHAT & given.keys():
        filled = {name: value for name, value in filled.items() if name not in WHAT}
    return filled | given
