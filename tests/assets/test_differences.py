"""A changed cause is named as a person wrote it: the field, the file, the asset."""

from typing import Any

import pytest

from assets.declaration import Declaration, Input
from assets.differences import differences
from midtrain_dagster.core.artifacts import Manifest

FILES = [{"name": "a.md", "bytes": 1, "digest": "x"}, {"name": "b.md", "bytes": 2, "digest": "y"}]

BEFORE: dict[str, Any] = {
    "method": "table",
    "versions": {"room.method": 1},
    "section": {"policy": {"prose": {"minimum": 20.0}}, "seed": 7},
    "upstream": {
        "documents": "aa",
        "scans": {"gsm8k": "bb", "mmlu": "cc"},
        "external": {"files": {"notes": FILES}},
    },
}


def found(tiny_recipe: Any = None, **changes: Any) -> list[str]:
    now = {**BEFORE, **changes}
    declaration = Declaration(
        recipe=tiny_recipe,
        name="table",
        method=now["method"],
        versions=now["versions"],
        section=now["section"],
        inputs={"documents": Input("documents"), "scans": Input("contamination")},
        external=None,
        by_benchmark=False,
        judged=False,
    )
    before = Manifest(**BEFORE, parts=())
    return list(differences(declaration, before, now["section"], now["upstream"]))


def upstream(**changes: Any) -> dict[str, Any]:
    return {**BEFORE["upstream"], **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"versions": {"room.method": 2}}, ["the method changed: room.method, version 1 → 2"]),
        (
            {"section": {"policy": {"prose": {"minimum": 25.5}}, "seed": 7}},
            ["policy.prose.minimum: 20 → 25.5"],
        ),
        (
            {"section": {"policy": {"prose": {"minimum": 20.0}}, "added": "x" * 60}},
            ["seed: 7 → nothing", f"added: nothing → {'x' * 48}…"],
        ),
        ({"upstream": upstream(documents="zz")}, ["documents changed"]),
        (
            {"upstream": upstream(scans={"gsm8k": "bb", "mmlu": "zz", "own": "dd"})},
            ["contamination [mmlu, own] changed"],
        ),
        (
            {
                "upstream": upstream(
                    external={
                        "files": {
                            "notes": [
                                {"name": "b.md", "bytes": 3, "digest": "z"},
                                {"name": "c.md", "bytes": 1, "digest": "x"},
                            ]
                        }
                    }
                )
            },
            ["files/notes/a.md is gone", "files/notes/b.md changed", "files/notes/c.md is new"],
        ),
    ],
)
def test_differences_in_words(changes: dict[str, Any], words: list[str]) -> None:
    assert found(**changes) == words


def test_inputs_whose_causes_are_not_known_are_left_out() -> None:
    assert found(upstream={"scans": BEFORE["upstream"]["scans"]}) == []
