from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.long_context.encoder import Bytes, Tokens
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

TEXTS = st.text(alphabet='ab\u00e9\U0001f600 .!?\n"', max_size=60)


@given(TEXTS)
def test_places_in_bytes_are_ends_of_sentences(text: str) -> None:
    ids, places = Bytes().document(text)
    assert Bytes.text(ids) == text
    for place in places.tolist():
        before, after = text.encode()[:place].decode(), text.encode()[place:].decode()
        closed = before.rstrip("\"'").endswith((".", "!", "?"))
        assert closed or after.lstrip(" ").startswith("\n"), (before, after)


def test_places_in_tokens_begin_sentences(
    encoder: Tokens, documents: list[str], tokenizer: Path
) -> None:
    loaded = load_tokenizer(tokenizer)
    ids, places = encoder.document(documents[0])
    assert loaded.decode(ids) == documents[0]
    assert len(places) > 100
    for place in places[:50].tolist():
        before = loaded.decode(ids[:place])
        after = loaded.decode(ids[place:])
        assert before.rstrip("\"'\u201d\u2019)").endswith((".", "!", "?")) or after[0] == "\n"
        assert after[0].isspace()


def test_a_piece_has_the_tokens_that_it_has_in_the_whole(encoder: Tokens) -> None:
    whole = encoder.after("", "It is so. The number of a-b is 12.").tolist()
    first = encoder.after("", "It is so.").tolist()
    piece = encoder.after(".", " The number of a-b is").tolist()
    answer = encoder.after("The number of a-b is", " 12.").tolist()
    assert first + piece + answer == whole
