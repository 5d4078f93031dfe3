"""Manual pages as prose: the text of a page written in roff, with the macros of man or mdoc.

No formatter is run and nothing is laid out. :func:`read_page` is the way in; ``roff`` knows the
language, ``characters`` its special characters, ``mdoc`` the BSD macros, ``page`` puts a page
together. The package uses the standard library alone.
"""

from roff_text.page import ManualPage, read_page

VERSION = 1
"""Raise it when a page's text changes."""

__all__ = ["VERSION", "ManualPage", "read_page"]
