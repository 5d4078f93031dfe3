"""The sensor asks for one refresh a change, for none while one goes on or a source is unknown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from definitions import build_definitions
from midtrain_dagster.recipe_file import parse_recipe

RECIPE = """
base:
  model: {hidden_size: 32, layers: 2, heads: 2, kv_heads: 1, intermediate_size: 64}
tokenizer: {train: {vocabulary: 512}}
sources:
  notes: {reader: text, domain: notes, kind: prose, paths: [notes]}
  pages: {reader: text, domain: pages, kind: prose, paths: [pages]}
refresh: {cron: "0 3 * * *"}
stages:
  base:
    start: random
    tokens: 8k
    batch_tokens: 1024
    sequence_length: 64
    schedule: [{phase: constant, learning_rate: 5.0e-3}]
    mixture: {domains: {notes: 1}}
"""


class Watch:
    """A folder with two sources, and the sensor of a recipe that watches them."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance = folder, instance
        for name in ("notes", "pages"):
            (folder / name).mkdir()
            (folder / name / "first.txt").write_text(f"the first of the {name}")
        self.cursor: str | None = None

    def tick(self) -> Any:
        recipe = parse_recipe(self.folder / "watched.yaml", RECIPE)
        repository = build_definitions([recipe]).get_repository_def()
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=repository
        )
        data = repository.get_sensor_def("watched_sources").evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        return data


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setenv("MIDTRAIN_ROOT", str(tmp_path / "store"))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watch(tmp_path, instance)


def test_one_request_a_change(watch: Watch) -> None:
    first = watch.tick()
    assert [request.tags["midtrain/news"] for request in first.run_requests] == [
        "notes: 1 files; pages: 1 files"
    ]
    quiet = watch.tick()
    assert quiet.run_requests == []
    assert quiet.skip_message == "no source has changed (2 files)"
    (watch.folder / "notes" / "second.txt").write_text("one more")
    (second,) = watch.tick().run_requests
    assert second.tags["midtrain/news"] == "notes: 1 new"
    (watch.folder / "notes" / "second.txt").unlink()
    (third,) = watch.tick().run_requests
    assert third.tags["midtrain/news"] == "notes: 1 gone"
    keys = {first.run_requests[0].run_key, second.run_key, third.run_key}
    assert len(keys) == 3  # also for a state that came back
    assert set(json.loads(watch.cursor or "")["digests"]) == {"notes", "pages"}


def test_tick_that_was_not_remembered_asks_for_the_same_run(watch: Watch) -> None:
    (before,) = watch.tick().run_requests
    watch.cursor = None
    (again,) = watch.tick().run_requests
    assert again.run_key == before.run_key


def test_nothing_is_asked_while_a_source_is_unknown(watch: Watch) -> None:
    watch.tick()
    (watch.folder / "pages").rename(watch.folder / "away")
    (watch.folder / "notes" / "second.txt").write_text("one more")
    told = watch.tick()
    assert told.run_requests == []
    unknown, *lines = told.skip_message.splitlines()
    assert unknown == "no refresh while this is unknown:"
    assert len(lines) == 1 and "'pages'" in lines[0] and "does not exist" in lines[0]
    (watch.folder / "away").rename(watch.folder / "pages")
    (request,) = watch.tick().run_requests
    assert request.tags["midtrain/news"] == "notes: 1 new"


def test_no_second_refresh_while_one_is_under_way(watch: Watch) -> None:
    ticks = [watch.tick()]

    @dg.op
    def midway() -> None:
        (watch.folder / "notes" / "second.txt").write_text("one more")
        ticks.append(watch.tick())

    @dg.job
    def watched_refresh() -> None:
        midway()

    watched_refresh.execute_in_process(instance=watch.instance)
    ticks.append(watch.tick())
    assert [len(each.run_requests or ()) for each in ticks] == [1, 0, 1]
    assert ticks[1].skip_message == "a refresh is under way; another one follows, for notes: 1 new"
