"""A folder is whole or not there, whoever else makes it."""

from pathlib import Path

import pytest

from midtrain_dagster.core.atomic_folder import discard, made_whole, partial_folder


def write(folder: Path, text: str = "mine") -> None:
    """As a checkpoint is written: one that says the same is as good."""
    with made_whole(folder, lambda: said(folder) == [text, text]) as partial:
        for name in ("one", "other"):
            (partial / name).write_text(text)


def said(folder: Path) -> list[str]:
    return [file.read_text() for file in sorted(folder.glob("*"))]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_folder_is_there_when_all_of_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "step"
    with made_whole(folder, folder.exists) as partial:
        (partial / "one").write_text("mine")
        assert not folder.exists()
        assert names(folder.parent) == {partial.name}
    assert names(folder.parent) == {"step"}
    assert names(folder) == {"one"}


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="out of range"):
        write_half(tmp_path / "step")
    assert not names(tmp_path)


def write_half(folder: Path) -> None:
    with made_whole(folder, lambda: said(folder) == ["mine", "mine"]) as partial:
        (partial / "one").write_text("mine")
        raise ValueError("out of range")


def test_a_write_that_fails_is_no_error_where_another_has_done_it(tmp_path: Path) -> None:
    write(tmp_path / "step")
    write_half(tmp_path / "step")
    assert names(tmp_path) == {"step"}
    assert said(tmp_path / "step") == ["mine", "mine"]


def test_what_is_there_stays_or_is_put_aside(tmp_path: Path) -> None:
    folder = tmp_path / "step"
    for text in ("his", "hers", "mine"):
        write(folder, text)
        first = (folder / "one").stat().st_ino
        write(folder, text)
        assert (folder / "one").stat().st_ino == first
    assert said(folder) == ["mine", "mine"]
    assert said(tmp_path / "damaged-step") == ["hers", "hers"]
    assert names(tmp_path) == {"step", "damaged-step"}


def test_a_write_that_was_discarded_is_not_made_of_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "step"
    with (
        pytest.raises(FileNotFoundError),
        made_whole(folder, folder.exists) as partial,
    ):
        (partial / "one").write_text("mine")
        discard(partial)
        (partial / "other").write_text("mine")
    assert not names(tmp_path)
    discard(partial_folder(folder))  # one that is gone
