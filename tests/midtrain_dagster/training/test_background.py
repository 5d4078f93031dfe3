"""Writing beside the training: in order, one at a time, and never in silence."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from midtrain_dagster.training import background as backgrounds
from midtrain_dagster.training.background import Background, has_room_for_a_copy


def test_background_writes_one_after_the_other_and_says_which_is_whole() -> None:
    go, done, main = threading.Event(), [], threading.current_thread()

    def write() -> None:
        assert go.wait(10)
        assert threading.current_thread() is not main

    with Background(done.append) as background:
        assert background.is_free()
        background.start(Path("one"), write)
        assert not background.is_free()
        assert done == []
        go.set()
        background.start(Path("two"), write)
        assert done[0] == Path("one")
    assert done == [Path("one"), Path("two")]


def fails() -> None:
    raise OSError("the disk is full")


@pytest.mark.parametrize("ask", ["is_free", "wait", "start"])
def test_background_fails_where_a_write_has_failed(ask: str) -> None:
    done: list[Path] = []
    with Background(done.append) as background:
        background.start(Path("one"), fails)
        with pytest.raises(OSError, match="the disk is full"):
            while True:
                if ask == "start":
                    background.start(Path("two"), fails)
                else:
                    getattr(background, ask)()
    assert done == []


def test_background_needs_room_for_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Linear(100, 10, bias=False)  # 1,000 numbers, and two moments of each
    for free, room in ((23_999, False), (24_001, True)):
        monkeypatch.setattr(backgrounds, "available_memory", lambda device, free=free: free)
        assert has_room_for_a_copy(model) is room


def test_background_is_not_left_before_all_is_written() -> None:
    done: list[Any] = []
    with pytest.raises(SystemExit), Background(done.append) as background:
        background.start(Path("one"), lambda: None)
        raise SystemExit
    assert done == [Path("one")]
