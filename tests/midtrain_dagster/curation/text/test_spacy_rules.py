from midtrain_dagster.curation.text.spacy_rules import (
    AFTER_DIGIT,
    BITS,
    EXCEPTION,
    LONGEST,
    PREFIX,
    REJOINED,
    SUFFIX,
    place,
    rules,
    string_hash,
)


def slot_of(string: str) -> int | None:
    table, key = rules(), string_hash(string.encode())
    slot = key >> (64 - BITS)
    while table.kinds[slot] and table.keys[slot] != key:
        slot = (slot + 1) % table.keys.size
    return slot if table.kinds[slot] else None


def test_classes_of_characters() -> None:
    classes = rules().classes
    assert classes[ord("(")] & PREFIX and classes[ord(")")] & SUFFIX
    assert classes[ord("$")] & PREFIX and not classes[ord("$")] & SUFFIX
    assert not classes[ord("a")] & (PREFIX | SUFFIX)


def test_strings_are_found_with_their_cuts() -> None:
    table = rules()
    assert table.pieces[slot_of("don't")] == 1 << 2
    assert table.kinds[slot_of("don't")] == EXCEPTION
    assert table.kinds[slot_of("a.m.")] == EXCEPTION | REJOINED
    assert (table.pieces[slot_of("a.m.")], table.plain[slot_of("a.m.")]) == (0, 1 << 3)
    assert table.kinds[slot_of("km²")] == AFTER_DIGIT
    assert slot_of("house") is None


def test_lengths_are_known_by_first_and_last_byte() -> None:
    lengths = rules().lengths
    for string in ("don't", "km²", "Mr."):
        spelt = string.encode()
        assert lengths[place(spelt[0], spelt[-1])] >> len(spelt) & 1
    assert lengths.max() < 1 << (LONGEST + 1)
