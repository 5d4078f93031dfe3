"""Which sources and benchmarks of a recipe are published data sets, as far as it says so.

A preset is a shorthand that is gone when the recipe is read; its text still names it. A path may
name a data set of the hub by itself.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from midtrain_dagster.collection import presets as sources
from midtrain_dagster.evaluation import registry as benchmarks

_HUB = re.compile(r"([A-Za-z0-9_-]+/[\w.-]+?)(?:,|\s|$)")
_IN_PATH = re.compile(r"hf://datasets/([^/@]+/[^/@]+)")


def source_sets(text: str) -> dict[str, str]:
    """The hub id of each source of a recipe that is known to be a data set there."""
    return {
        name: found
        for name, fields in _section(text, "sources").items()
        if (found := _of_paths(fields) or _where(sources.PRESETS.get(str(fields.get("preset")))))
    }


def benchmark_sets(text: str) -> dict[str, str]:
    """The hub id of each benchmark that is known to be a data set there."""
    return {
        name: found
        for name, fields in _section(text, "benchmarks").items()
        if (found := _of_paths(fields) or _where(benchmarks.PRESETS.get(str(fields.get("preset")))))
    }


def benchmark_titles(text: str) -> dict[str, str]:
    """What benchmarks that name a preset are called."""
    named = {
        name: str(fields.get("preset")) for name, fields in _section(text, "benchmarks").items()
    }
    return {
        name: benchmarks.PRESETS[preset].title
        for name, preset in named.items()
        if preset in benchmarks.PRESETS
    }


def _section(text: str, name: str) -> dict[str, Mapping[str, Any]]:
    found = yaml.safe_load(text).get(name) or {}
    return {key: fields for key, fields in found.items() if isinstance(fields, Mapping)}


def _where(preset: Any) -> str | None:
    found = None if preset is None else _HUB.match(preset.where)
    return found[1] if found else None


def _of_paths(fields: Mapping[str, Any]) -> str | None:
    paths = fields.get("paths") or []
    listed = [paths] if isinstance(paths, str) else list(paths)
    found = [match[1] for path in listed if (match := _IN_PATH.match(str(path)))]
    return found[0] if found else None
