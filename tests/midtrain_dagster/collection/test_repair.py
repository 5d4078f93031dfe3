import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ftfy import fix_encoding
from ftfy.badness import MOJIBAKE_CATEGORIES, is_bad
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.collection import repair
from midtrain_dagster.collection.repair import (
    Repair,
    repaired_text,
    without_invisible,
    without_mojibake,
)
from midtrain_dagster.core.schema import document_id
from midtrain_dagster.tokens.transcript import restored

ALL = Repair(mojibake=True, invisible=True, normalise="NFC")
MOJIBAKE = "It\u2019s a na\u00efve caf\u00e9 \u2014 voil\u00e0".encode().decode("cp1252")


def known_to_ftfy() -> str:
    """Every character in ftfy's categories of mojibake, and some that are in none."""
    characters = set("a \x1a\u4e00\u0416\u3042\u0627\ufffd\U0001f600\u2022\u0402\u0152\u0153")
    for ranges in MOJIBAKE_CATEGORIES.values():
        place = 0
        while place < len(ranges):
            if ranges[place + 1 : place + 2] == "-" and place + 2 < len(ranges):
                characters |= {
                    chr(c) for c in range(ord(ranges[place]), ord(ranges[place + 2]) + 1)
                }
                place += 3
            else:
                characters.add(ranges[place])
                place += 1
    return "".join(sorted(characters))


def suspicious(line: str) -> bool:
    return repair._SUSPICIOUS.search(line.encode()) is not None


def test_suspicion_falls_on_every_pair_that_ftfy_calls_bad() -> None:
    characters = known_to_ftfy()
    assert len(characters) > 380
    for first in characters:
        for second in characters:
            line = f"x {first}{second} x{first}{second}x"
            if not suspicious(line) and is_bad(line):
                pytest.fail(ascii(line))


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from(known_to_ftfy() + "ax .?\n") | st.characters(codec="utf-8")))
@example(MOJIBAKE)
@example("\u0412\u00b0\u0412 \u0432\u0402\u2122 \u0413\u045e\u0412\u0402\u0412x")
@example("[a-z] \u00c3 \n\u00c2 x \u0153\n \u03b2\u20ac\u0386")
def test_mojibake_is_what_ftfy_makes_of_each_line(text: str) -> None:
    assert without_mojibake(text) == "\n".join(map(fix_encoding, text.split("\n")))


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(["cp1252", "latin-1"]))
def test_mojibake_of_a_whole_text_is_undone_or_left(text: str, encoding: str) -> None:
    try:
        broken = text.encode().decode(encoding)
    except UnicodeDecodeError:
        return
    assert without_mojibake(broken) in (fix_encoding(broken), text, broken)


def test_steps_that_changed_a_text_are_named() -> None:
    assert repaired_text(MOJIBAKE, ALL) == (
        "It\u2019s a na\u00efve caf\u00e9 \u2014 voil\u00e0",
        ["mojibake"],
    )
    assert repaired_text("e\u0301 so\xadft\u200b \x1b[31mred\x1b[0m\x07", ALL) == (
        "\u00e9 soft red",
        ["invisible", "NFC"],
    )
    assert repaired_text("\u201cx\u00b2\u201d \ufb01", Repair(normalise="NFKC")) == (
        "\u201cx2\u201d fi",
        ["NFKC"],
    )
    assert repaired_text("plain \u201cquotes\u201d &amp; \ufb01", ALL)[1] == []
    assert repaired_text(MOJIBAKE, Repair()) == (MOJIBAKE, [])


def test_invisible_joiners_and_directions_stay() -> None:
    text = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f52c \u200f\tx\n"
    assert without_invisible(text) == text


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_repair_leaves_nothing_of_its_kind(text: str) -> None:
    mended, steps = repaired_text(text, ALL)
    assert unicodedata.is_normalized("NFC", mended)
    assert not {"\xad", "\u200b", "\ufeff", "\x00", "\r", "\x1b"} & set(mended) or not steps
    assert bool(steps) or mended == text


def test_ids_are_of_the_repaired_text(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.txt").write_text(MOJIBAKE, encoding="utf-8")
    (tmp_path / "b.txt").write_text("fine")
    plain = collect(reader="text", paths=["."])
    collected = collect(reader="text", paths=["."], repair={"mojibake": True})
    mended, fine = collected.documents.rows(named=True)
    assert plain.texts["a.txt"] == MOJIBAKE
    assert mended["id"] == document_id("test", "a.txt", mended["text"])
    assert (mended["metadata"], fine["metadata"]) == ('{"repaired": ["mojibake"]}', "{}")


def test_repair_of_this_text_changes_with_its_version() -> None:
    # Change VERSION when this changes.
    text = (
        f"{MOJIBAKE}\n\u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u00c3\u00a9\ncafe\u0301\u200b\n"
    )
    assert repair.VERSION == 1
    assert repaired_text(text, ALL) == (
        "It\u2019s a na\u00efve caf\u00e9 \u2014 voil\u00e0\n"
        "\u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u00e9\ncaf\u00e9\n",
        ["mojibake", "invisible", "NFC"],
    )


def test_each_content_of_a_conversation_is_repaired_by_itself(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "schÃ¶n\\u200b"},'
        ' {"role": "assistant", "content": "ja"}]}\n'
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    )
    fields = {"reader": "json_lines", "kind": "instruction", "paths": ["a.jsonl"]}
    collected = collect(**fields, repair={"mojibake": True, "invisible": True})
    text = collected.texts["a.jsonl:1"]
    metadata = json.loads(collected.documents["metadata"][0])
    assert text == "user: schön\n\nassistant: ja"
    assert metadata["repaired"] == ["mojibake", "invisible"]
    said = restored(text, metadata["messages"])["messages"]
    assert [message["content"] for message in said] == ["schön", "ja"]
    assert "repaired" not in json.loads(collected.documents["metadata"][1])
