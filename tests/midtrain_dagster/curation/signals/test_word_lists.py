import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from midtrain_dagster.curation.signals.profanity import SEXUAL_WORDS, TOXIC_WORDS
from midtrain_dagster.curation.signals.word_lists import (
    WordListError,
    WordLists,
    findings,
    read_list,
    read_lists,
)


def test_a_list_is_json_or_lines_in_normal_form(tmp_path: Path) -> None:
    listed = ["Bad Word", "\uff37\uff2f\uff32\uff33\uff25", "bad  word", "s&m", "🖕", "13."]
    (tmp_path / "de.json").write_text(json.dumps(listed))
    (tmp_path / "de.txt").write_text("\ufeff# ours\n" + "\r\n".join(listed) + " # so it is\n\n")
    for name in ("de.json", "de.txt"):
        read = read_list(str(tmp_path / name))
        assert read.entries == ("bad word", "worse")
        assert read.passed_over == ("13.", "s&m", "🖕")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no word"),
        (b"[]", "holds no word"),
        (b"# nothing\n13.\n", "holds no word"),
        (b'{"en": []}', "a dict, not a list of texts"),
        (b'["a", 1]', "entry 2: a int, not a text"),
        (b'["a", ', "no JSON"),
        (b"\xff\xfe", "cannot be read as a list of words"),
        (b"a " * 17, "longer than 16 words"),
        (None, "cannot be read as a list of words"),
    ],
)
def test_a_list_that_is_none_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "list"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WordListError, match=message) as raised:
        read_list(str(file))
    assert str(file) in str(raised.value)


def test_a_recipe_s_english_list_stands_in_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("schlecht\n")
    ours = read_lists(WordLists(), str)
    assert (ours["sexual"], ours["toxic"]) == ({"en": SEXUAL_WORDS}, {"en": TOXIC_WORDS})
    lists = WordLists(sexual={"de": "w"}, toxic={"en": "w"}, unwanted={"de": "w"})
    assert read_lists(lists, lambda path: str(tmp_path / path)) == {
        "sexual": {"en": SEXUAL_WORDS, "de": ("schlecht",)},
        "toxic": {"en": ("schlecht",)},
        "unwanted": {"de": ("schlecht",)},
    }


def test_a_language_is_a_code() -> None:
    with pytest.raises(ValidationError, match="calls no language 'German'"):
        WordLists(toxic={"German": "w"})


def test_what_does_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("schlecht\ns&m\n")
    lists = WordLists(sexual={"de": "w"}, toxic={"de": "lost", "fr": "w"})
    found = list(findings(lists, lambda path: str(tmp_path / path), {"sexual"}, ["en", "de", "fi"]))
    assert [(each.place, each.stops) for each in found] == [
        (("sexual", "de"), False),
        (("sexual",), False),
        (("toxic", "de"), True),
        (("toxic", "fr"), False),
        (("toxic",), False),
    ]
    assert "1 entries of w are not words alone and passed over: s&m" in found[0].reason
    assert "no list of fi" in found[1].reason
    assert "also: [toxic]" in found[4].reason
    (told,) = findings(WordLists(), str, {"toxic"}, "all")
    assert "every language" in told.reason and not told.stops
