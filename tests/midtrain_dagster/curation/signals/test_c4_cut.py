"""Against datatrove's C4 filter restated over strings, as FineWeb uses it."""

import itertools
import re

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.c4 import POLICY_PHRASES
from midtrain_dagster.curation.signals.c4_cut import left
from midtrain_dagster.curation.signals.chunk import Chunk
from midtrain_dagster.tokens.edits import EDIT, apply_edits

PIECES = [
    *("three words here.", "one. two! ", " and more", "\n", "\n", "\n\n", "\r", "\r\n", "\x0c"),
    *("[1]", "[edit]", "[]", "[x]", "[citation needed]", "]", "[", "\u2028", "\x85", "\u00a0"),
    *("java", "script", "JavaScript", "use ", "cookies", "Privacy Policy", "lorem ", "ipsum", "{"),
    *("a" * 1001, " ", "  ", "é à ü", "漢字 漢 字", "\t"),
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=18).map("".join)
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")


def naive(text: str) -> str:
    kept = []
    for whole in text.splitlines():
        line = whole.strip()
        runs = line.split()
        line = CITATION.sub("", line)
        spoken = line.lower()
        if any(len(run) > 1000 for run in runs) or len(runs) < 3:
            continue
        if "javascript" in spoken or any(phrase in spoken for phrase in POLICY_PHRASES):
            continue
        kept.append(line)
    return "\n".join(kept).strip()


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3))
@example(["[1] [2] [3]\n[1] a b\n c d [2]\n[3] [4] [5]", "", "one two three", " one two three\n"])
@example(["java[1]script is here now\nmenu\nuse [2]cookies or not\nthis stays here[3] now"])
@example(["a b c\r\nd e f\u2028g h i\n\n\nj k l"])
def test_what_is_left_and_the_edits_that_leave_it(texts: list[str]) -> None:
    chunk = Chunk(text_buffer(pl.Series("text", texts, pl.String)))
    expected = list(map(naive, texts))
    cut = chunk.c4_cut
    after = left(chunk.text, cut)
    data = after.buffer.tobytes()
    bounds = after.offsets.tolist()
    assert [data[a:b].decode() for a, b in itertools.pairwise(bounds)] == expected

    assert chunk.datatrove_words_after_c4.tolist() == chunk.after_c4.datatrove.count.tolist()

    edits = [
        [
            {
                "start": cut.starts[span] - chunk.text.offsets[row],
                "stop": cut.stops[span] - chunk.text.offsets[row],
                "replacement": "\n" if cut.joins[span] else "",
            }
            for span in range(cut.offsets[row], cut.offsets[row + 1])
        ]
        for row in range(len(texts))
    ]
    edited = apply_edits(pl.Series(texts), pl.Series(edits, dtype=pl.List(EDIT)))
    assert edited.to_list() == expected
    # No span is empty, none changes nothing, and a text that stays whole has none.
    assert all(span["start"] < span["stop"] for each in edits for span in each)
    for text, each in zip(texts, edits, strict=True):
        assert bool(each) == (naive(text) != text)
