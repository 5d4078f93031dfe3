import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from midtrain_dagster.collection.read import versions


def test_block_list_repair_and_boilerplate_follow_one_another(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    lines = [
        {"text": f"me\xadnu\ntext {'x' * number}.", "url": f"https://{host}.org/{number}"}
        for number, host in enumerate(["kelp", "otter", "otter", "otter"])
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    collected = collect(
        reader="json_lines",
        paths=["a.jsonl"],
        url="url",
        block={"domains": ["kelp.org"]},
        repair={"invisible": True},
        boilerplate={"minimum_pages": 3},
    )
    # Of a host's three pages the repaired line goes; the blocked page was none of them.
    assert collected.texts == {f"a.jsonl:{n + 1}": f"text {'x' * n}." for n in (1, 2, 3)}
    assert collected.reasons == {"a.jsonl:1": "blocked_domain"}
    metadata = json.loads(collected.documents["metadata"][0])
    assert metadata["repaired"] == ["invisible"]
    assert metadata["boilerplate_lines"] == 1


def test_steps_count_by_their_versions_where_they_are_asked_for(
    source: Callable[..., Any],
) -> None:
    asked = {"repair": {"mojibake": True}, "boilerplate": {}, "block": {"domains": ["a.org"]}}
    plain = versions(source(reader="wet", paths=["a"]))
    assert {"collection.read", "collection.readers.wet"} <= plain.keys()
    steps = versions(source(reader="wet", paths=["a"], **asked)).keys() - plain.keys()
    assert steps == {f"collection.{step}" for step in ("repair", "boilerplate", "block_list")}
