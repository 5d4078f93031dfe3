"""reStructuredText (docutils, Sphinx): which lines are prose, and what of a paragraph is.

Literal blocks, doctests, tables, headings, comments, targets and options are left out, and with
them directives whose content is no prose; the content of notes and of described functions stays.
An indented block behind a colon counts as code unless it is a list, as in text that was made of
reStructuredText and has lost its second colon.
"""

import polars as pl

from midtrain_dagster.curation.text import line_roles as roles
from midtrain_dagster.curation.text.markup import BODY, NEXT, Language

_NOT_PROSE = "|".join(
    (
        "code code-block sourcecode highlight literalinclude include parsed-literal prompt console",
        "command-output program-output productionlist testcode testsetup testcleanup testoutput",
        "doctest ipython jupyter-execute plot graphviz digraph mermaid uml raw math image figure",
        "table list-table csv-table flat-table tabularcolumns toctree contents sectnum index grid",
        r"autosummary auto\w+ currentmodule module default-role role meta title replace unicode",
        "date target-notes bibliography inheritance-diagram rst-class kernel-doc cmake-module",
    )
).replace(" ", "|")
_ITEM = r"^(?:[-*+\u2022]|\(?(?:\d{1,9}|[a-zA-Z#])[.)]|:[\w-]+\s[^:]+:)\s+"
_HIDING = rf"^\.\.\s+(?:\w+:)?(?:{_NOT_PROSE})::"
_DIRECTIVE = r"^\.\.\s+[\w:+.-]+::"
_EXPLICIT = r"^(?:\.\.|__)(?:\s|$)"
_LINE = r"^[=\-~^\"'`*+#:._<>!$%&,/;?@|\\]{3,}$"
_ROW = r"^(?:\+[-=+]+\+$|\|)"
_OPTION = r"^:[\w-]+:(?:\s|$)"
_BORDER = r"^=+(?:\s+=+)+$"

_is_border = BODY.str.contains(_BORDER)
_is_title = NEXT.str.contains(_LINE)
_does = (
    pl.when(BODY == "").then(roles.BLANK)
    .when(_is_border).then(roles.OPENS)
    .when(BODY.str.contains(_HIDING) | (BODY == "::")).then(roles.HIDES)
    .when(BODY.str.contains(_DIRECTIVE)).then(roles.DROPPED)
    .when(BODY.str.contains(_EXPLICIT)).then(roles.HIDES)
    .when(_is_title | BODY.str.contains(f"{_LINE}|{_ROW}|{_OPTION}")).then(roles.DROPPED)
    .when(BODY.str.contains(r"^>>>\s")).then(roles.UNTIL_BLANK)
    .when(BODY.str.ends_with("::")).then(roles.LITERAL)
    .when(BODY.str.ends_with(":")).then(roles.COLON)
    .when(BODY.str.contains(_ITEM)).then(roles.ITEM)
    .otherwise(roles.TEXT)
)  # fmt: skip

RESTRUCTUREDTEXT = Language(
    does=_does,
    opens=pl.when(_is_border).then(roles.TABLE),
    closes={roles.TABLE: _is_border & (NEXT == "")},
    fence="^(`{3,})",
    item=_ITEM,
    quote="^\ufeff",
    code_indent=0,
    replacements=(
        ("``.+?``", ""),
        (r":[\w:+.-]+:`([^`<]*?)\s*(?:<[^>`]*>)?`", "$1"),
        (r"`([^`<]*?)\s*(?:<[^>`]*>)?`_{0,2}", "$1"),
        (r"\[[\w#*-]+\]_", ""),
        (r"\|[^|\s][^|]*\|_?", ""),
        (r"(?:https?|ftp)://[^\s)\]>]+", ""),
        (r"^([*+\u2022]) ", "- "),
        (r"\*+|(\w)__?(\s|$)", "$1$2"),
        ("::$", ":"),
        (r"\\(.)", "$1"),
    ),
)
