"""Markdown (CommonMark 0.31, GFM): which lines are prose, and what of a paragraph is.

Code, tables, headings, front matter, comments, badges and the targets of links are left out; what
a page made of it would show as running text stays, an item of a list with its marker. Admonitions
of MkDocs and of MyST are prose.
"""

import polars as pl

from midtrain_dagster.curation.text import line_roles as roles
from midtrain_dagster.curation.text.markup import BODY, NEXT, Language

_ITEM = r"^(?:[-*+]|\d{1,9}[.)])\s+"
_HEADING = r"^#{1,6}(?:\s|$)"
_UNDERLINE = r"^(?:=+|-{2,})$"
_RULE = r"^(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,}|=+)$"
_ROW = r"^\|"
_DELIMITER = r"^\|?\s*:?-+:?\s*(?:\|\s*:?-*:?\s*)+$"
_DEFINITION = r"^\[[^\]^]+\]:\s"
# Around prose, in MkDocs, MyST, GitHub's alerts, templates and MDX.
_CONTAINER = (
    r"^(?::{3,}|[!?]{3}\+?\s|===\s|\[!\w+\]$|(?i:<!doctype)|\{[%#].*[%#]\}$|import\s.*\sfrom\s)"
)
_FRONT = r"^(?:---|\+\+\+)$"
_BACKTICKS = r"^`{3,}[^`]*$"
_TILDES = r"^~{3,}"
_PROSE_FENCE = (
    r"^[`~]{3,}\{(?:admonition|attention|caution|danger|error|hint|important|note|seealso|tip|"
    r"warning|deprecated|version\w+|dropdown|margin|sidebar|topic|card|grid|tab-\w+)\}"
)
_TAGS = {
    roles.COMMENT: ("^<!--", "-->"),
    roles.PREFORMATTED: (r"(?i)^<pre\b", "(?i)</pre>"),
    roles.SCRIPT: (r"(?i)^<script\b", "(?i)</script>"),
    roles.STYLE: (r"(?i)^<style\b", "(?i)</style>"),
}

_opens = pl.coalesce(
    pl.when(BODY.str.contains(_PROSE_FENCE)).then(roles.PROSE),
    pl.when(BODY.str.contains(_BACKTICKS)).then(roles.BACKTICKS),
    pl.when(BODY.str.contains(_TILDES)).then(roles.TILDES),
    pl.when(BODY == "$$").then(roles.DOLLARS),
    pl.when(BODY.str.contains(_FRONT)).then(roles.FRONT),
    *(
        pl.when(BODY.str.contains(start) & ~BODY.str.contains(end)).then(mark)
        for mark, (start, end) in _TAGS.items()
    ),
)
_closes = {
    roles.BACKTICKS: BODY.str.contains("^`{3,}$"),
    roles.TILDES: BODY.str.contains("^~{3,}$"),
    roles.DOLLARS: BODY == "$$",
    roles.FRONT: BODY.str.contains(_FRONT),
    **{mark: BODY.str.contains(end) for mark, (_, end) in _TAGS.items()},
}
_alone = "|".join((_HEADING, _RULE, _ROW, _DELIMITER, _DEFINITION, _CONTAINER))
_is_item = BODY.str.contains(_ITEM)
_does = (
    pl.when(BODY == "").then(roles.BLANK)
    .when(~_is_item & NEXT.str.contains(_DELIMITER)).then(roles.UNTIL_BLANK)
    .when(_opens.is_not_null()).then(roles.OPENS)
    .when(~_is_item & NEXT.str.contains(_UNDERLINE)).then(roles.DROPPED)
    .when(BODY.str.contains(_alone)).then(roles.DROPPED)
    .when(BODY.str.contains(r"^>>>\s")).then(roles.UNTIL_BLANK)
    .when(_is_item).then(roles.ITEM)
    .otherwise(roles.TEXT)
)  # fmt: skip

MARKDOWN = Language(
    does=_does,
    opens=_opens,
    closes=_closes,
    fence="^(`{3,}|~{3,})",
    item=_ITEM,
    quote=r"^(?:[ ]{0,3}>[ ]?)+",
    code_indent=4,
    replacements=(
        ("``.+?``|`[^`]+`", ""),
        (r"\$\$[^$]+\$\$|\$[^$\s](?:[^$]*[^$\s])?\$", ""),
        (r"<!--.*?-->|<[A-Za-z/!][^>]*>", ""),
        (r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?", ""),
        (r"\[([^\[\]]*)\](?:\([^)]*\)|\[[^\]]*\])", "$1"),
        (r"\[\^[^\]]+\]:?", ""),
        (r"\{\{.*?\}\}|\{%.*?%\}|\{[:#.][^}]*\}|\{\w+\}", ""),
        (r"(?:https?|ftp)://[^\s)\]>]+", ""),
        (r"\\([[:punct:]])", "$1"),
        (r"^[-*+] (?:\[[ xX]\] )?", "- "),
        (r"\*+|~~|\b_+|_+\b", ""),
    ),
)
