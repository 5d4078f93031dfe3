import polars as pl
import pytest

from midtrain_dagster.curation.text.markup import prose
from midtrain_dagster.curation.text.restructuredtext import RESTRUCTUREDTEXT

WHOLE = """\
=====
Title
=====

.. image:: picture.png
   :alt: left out

Words with ``code``, a :class:`~role.Role`, a `link <https://a.b>`_ and
a footnote [1]_; this ends with two colons::

    {"literal": "block"}

.. note:: what stands here is left out

   The note's words are prose.

.. code-block:: python

   left.out()

- One item, which
  is wrapped.

>>> a.doctest()
True

===== =====
a     b
===== =====
1     2
===== =====

.. _target: https://a.b
.. a comment
   of two lines

:param name: What it means.
:maxdepth: 2

Indented behind a colon:

   this is code

These are options:

   - an item of a list

Section
-------

The last words.
"""


def test_what_a_page_would_show_as_running_text_is_left() -> None:
    assert prose(pl.Series([WHOLE]), RESTRUCTUREDTEXT).item().split("\n") == [
        "Words with , a ~role.Role, a link and a footnote ; this ends with two colons:",
        "The note's words are prose.",
        "- One item, which is wrapped.",
        ":param name: What it means.",
        "- an item of a list",
        "The last words.",
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Paragraph.\n\n::\n\n   literal\n\nAfter it.", "Paragraph. After it."),
        ("- one item of many::\n\n      code\n\n  goes on", "- one item of many: goes on"),
        ("+---+---+\n| a | b |\n+---+---+\n\nAfter it.", "After it."),
        (".. function:: f(x)\n\n   It does so.", "It does so."),
        ("term\n   its definition", "term its definition"),
        ("", ""),
    ],
)
def test_corners(text: str, left: str) -> None:
    assert " ".join(prose(pl.Series([text]), RESTRUCTUREDTEXT).item().split()) == left
