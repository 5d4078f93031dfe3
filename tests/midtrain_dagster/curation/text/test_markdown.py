import polars as pl
import pytest

from midtrain_dagster.curation.text.markdown import MARKDOWN
from midtrain_dagster.curation.text.markup import prose

WHOLE = """\
---
title: {{ page }}
---
# A heading

[![badge](https://a.b/c.svg)](https://a.b)

This is *the first* paragraph, which is
wrapped, and [links](https://a.b/c_(d)) to `code {}` and <https://e.f>.

```python
{"code": "left out"}
```

- One item with **bold** words.
- [x] Another one,
  wrapped.

      code = "in it"

Setext heading
--------------

| a | b |
|---|---|
| 1 | 2 |

    indented = "code"

!!! note
    The admonition is prose.

<!-- a comment
that goes on -->
<p align="center"><b>Tags</b> go.</p>

For example:

> Quoted words stay.
"""


def test_what_a_page_would_show_as_running_text_is_left() -> None:
    assert prose(pl.Series([WHOLE]), MARKDOWN).item().split("\n") == [
        "This is the first paragraph, which is wrapped, and links) to and .",
        "- One item with bold words.",
        "- Another one, wrapped.",
        "The admonition is prose.",
        "Tags go.",
        "Quoted words stay.",
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("````md\n```\na b c\n````\nAfter it all.", "After it all."),
        ("~~~\n```\nwords here\n~~~\nAfter it all.", "After it all."),
        ("```\nnever closed, not prose", ""),
        ("```{note}\nWords in a note.\n```\nAfter it all.", "Words in a note. After it all."),
        ("<pre>\na b\n</pre>\nAfter it all.", "After it all."),
        ("$$\nx^2 is math\n$$\nAfter it all.", "After it all."),
        ("a | b\n--|--\n1 | 2\n\nAfter it all.", "After it all."),
        ("---\nno front matter here", "no front matter here"),
        ("Words of\n\n---\n\nmore words", "Words of\nmore words"),
        (
            "1. First of all\n\n   goes on here\n2. Second",
            "1. First of all\ngoes on here\n2. Second",
        ),
        ("- a list item\n    - a nested one", "- a list item\n- a nested one"),
        ("Text[^1] and [a ref][b].\n\n[b]: https://x.y\n[^1]: A note.", "Text and a ref.\nA note."),
        ("use `a` and ``b ` c``, not <br> x < y > z", "use and , not x < y > z"),
        (r"snake_case and __bold__ \[x\] {{ var }}", "snake_case and bold [x]"),
        (">>> print(1)\n1\n\nAfter it all.", "After it all."),
        ("![only](picture.png)", ""),
        ("", ""),
    ],
)
def test_corners(text: str, left: str) -> None:
    found = prose(pl.Series([text]), MARKDOWN).item()
    assert " ".join(found.split()) == " ".join(left.split())
    assert found.count("\n") <= left.count("\n") or "note" in text
