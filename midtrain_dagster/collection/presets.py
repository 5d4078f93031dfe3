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
_MEGAMATH = "Zhou et al. 2025, arXiv 2504.02807"

_web = {"domain": "web", "kind": "prose"}
_mixed = {"domain": "general", "kind": "prose"}
_mathematics = {"domain": "mathematics", "kind": "mathematics"}
_code = {"domain": "code", "kind": "code"}
_qa = {"domain": "qa", "kind": "qa"}

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
    if "template" in given:
        filled.pop("text", None)
    return filled | given
