from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.segments import line_segments


def naive(text: str, least: int, most: int) -> list[str]:
    """The same by joining texts."""
    found, held = [], []

    def close() -> None:
        if held:
            start = text.index(held[0])
            found.append(text[start : text.index(held[-1]) + len(held[-1])])
        held.clear()

    for line in text.splitlines():
        words = line.strip()
        if not words:
            continue
        if held:
            start = text.index(held[0])
            joined = text[start : text.index(words) + len(words)]
            if len(joined.encode()) > most:
                close()
        if len(words.encode()) <= most:
            held.append(words)
        else:
            close()
    close()
    return [each for each in found if len(each.encode()) >= least]


LINE = st.builds(
    lambda words, gap: gap + " ".join(words) + gap,
    st.lists(st.sampled_from(["ä", "mill", "tower"]), max_size=6),
    st.sampled_from(["", " "]),
)


@given(st.lists(LINE, max_size=12), st.integers(0, 20), st.integers(10, 60))
def test_segments_are_joined_lines(lines: list[str], least: int, most: int) -> None:
    # A number makes every line one of its own, so that it is found where it stands.
    text = "\n".join(
        f"<{number}>{line}" if line.strip() else line for number, line in enumerate(lines)
    )
    spans = line_segments(text, least=least, most=most, count=100)
    assert [text[start:stop] for start, stop in spans] == naive(text, least, most)
    assert line_segments(text, least=least, most=most, count=1) == spans[:1]


def test_a_line_that_is_too_long_parts_its_neighbours() -> None:
    text = "one\ntwo\n" + "x" * 50 + "\nthree\nfour"
    spans = line_segments(text, least=0, most=20, count=9)
    assert [text[start:stop] for start, stop in spans] == ["one\ntwo", "three\nfour"]
