from pathlib import Path
from random import Random

import pytest

from benchmarks.extraction import score
from benchmarks.extraction_pages import LAYOUTS, _filled, _labelled

SENTENCES = [f"Otter number {number} floats on its back among the kelp." for number in range(40)]


@pytest.mark.parametrize("layout", sorted(LAYOUTS.glob("*.html")), ids=lambda path: path.stem)
def test_every_layout_has_main_text_and_boilerplate(layout: Path) -> None:
    markup = layout.read_text(encoding="utf-8")
    filled = _filled(markup, SENTENCES, Random(0))
    assert "$" not in filled.replace("$1", "").replace("$8", "").replace("$5", "")
    label = _labelled(filled, "//*[@main]", "//*[@nothing]")
    page = _labelled(filled, "//body", "//*[@nothing]")
    assert 20 < len(label) < len(page)
    assert filled == _filled(markup, SENTENCES, Random(0))
    assert " main>" in filled


def test_nested_labels_count_once() -> None:
    markup = "<body><div main><p>one two</p></div><p main>three</p><p>four</p></body>"
    assert _labelled(markup, "//*[@main]", "//*[@nothing]") == ["one", "two", "three"]


def test_scores_compare_multisets_of_words() -> None:
    # Two of three words are right, and two of four are found: F1 is 4/7.
    assert score(["a", "b", "b", "c"], "B, b d") == (2 / 3, 0.5, pytest.approx(4 / 7))
    assert score(["a"], "") == (0, 0, 0)
