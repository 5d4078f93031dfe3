from collections.abc import Callable
from typing import Any

import pytest

from midtrain_dagster.core.causes import canonical, cause


def test_normalisation_that_changes_meaning_is_refused(source: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="x\u00b2 becomes x2"):
        source(reader="text", paths=["a"], kind="mathematics", repair={"normalise": "NFKC"})
    section = source(reader="text", paths=["a"], kind="code", repair={"normalise": "NFC"})
    assert canonical(section)["repair"]["normalise"] == "NFC"


def test_paths_are_no_cause(source: Callable[..., Any]) -> None:
    here, there = (source(reader="text", paths=[path], take=3) for path in ("a", "/b"))
    assert cause(here) == cause(there)
    assert canonical(here)["take"] == 3
    pages = {"reader": "json_lines", "domain": "web", "kind": "prose"}
    here, there = (
        source(reader="planted", benchmarks=["gsm8k"], pages={**pages, "paths": [path]})
        for path in ("a", "b")
    )
    assert cause(here) == cause(there)
    assert canonical(here)["pages"]["text"] == "text"
