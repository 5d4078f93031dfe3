"""The main text of a page of HTML, by Trafilatura (Barbaresi, ACL 2021), as its kind asks for.

- **Documentation**, told by the program that says it made it (``meta name=generator``): Trafilatura
  favours recall. Such pages are nearly all text, and precision costs a tenth of it.
- **Threads** of questions, answers or posts that schema.org's ``QAPage`` or
  ``DiscussionForumPosting`` declares: every text that is marked as one (``itemprop=text``) below
  the title. Trafilatura looks for one article and takes one post of many.
- **Any other page**: Trafilatura favours precision, as FineWeb does (Penedo et al. 2024, section
  3.1): it loses some text of short pages and keeps little boilerplate.

For precision Trafilatura drops empty elements together with the text behind them: of a line with an
icon before its words nothing is left but the icon. Elements within lines are not empty here.

docs/sources.md has the comparison with Trafilatura's other modes and Resiliparse. Metadata
extraction stays off, because it guesses dates with the help of today's; so does deduplication,
which FineWeb uses, because it remembers the pages that the process saw before.
"""

import re
from copy import deepcopy
from typing import Any, Literal

VERSION = 2

_DOCUMENTATION = re.compile(
    r"\b(?:docutils|sphinx|docbook|publican|asciidoctor|antora|makeinfo|texi2\w+|texinfo|gapdoc\w*|"
    r"latex2html|latexml|tex4ht|hevea|pandoc|quarto|bookdown|pkgdown|mkdocs|mdbook|docusaurus|"
    r"vitepress|vuepress|gitbook|doxygen|rustdoc|javadoc|gtk-doc|devhelp|haddock|odoc|ex_?doc|"
    r"pdoc|epydoc|pod2html)\b",
    re.IGNORECASE,
)
_GENERATOR = (
    "//meta[translate(@name, 'GENRATO', 'genrato') = 'generator']/@content"
    " | //script[contains(@src, 'documentation_options')]/@src"
)
_THREAD = "//*[contains(@itemtype, 'schema.org/QAPage') or contains(@itemtype, 'ForumPosting')]"
_POSTS = "//*[@itemprop = 'text' and not(ancestor::*[@itemprop = 'text'])]"
_IN_LINE = ("span", "b", "em", "i", "q", "strong")
"""Of what Trafilatura drops where it is empty, that which stands within text."""
_PERMALINKS = "//a[contains(@class, 'headerlink')]"
"""The pilcrow behind each heading of a page made by Sphinx or MkDocs."""


def main_text(tree: Any, output: Literal["txt", "markdown"]) -> str | None:
    """The main text of a page, an lxml tree that stays as it is, if Trafilatura finds one."""
    import trafilatura

    for element in tree.iter(_IN_LINE):
        element.text = element.text or ""  # a node without characters, not none
    thread = _thread(tree)
    text: str | None = trafilatura.extract(
        tree if thread is None else thread,
        output_format=output,
        favor_precision=thread is None and not _is_documentation(tree),
        favor_recall=thread is not None or _is_documentation(tree),
        include_comments=False,
        prune_xpath=_PERMALINKS,
    )
    return text


def _is_documentation(tree: Any) -> bool:
    return any(
        name.endswith(".js") or _DOCUMENTATION.search(name) for name in tree.xpath(_GENERATOR)
    )


def _thread(tree: Any) -> Any | None:
    """A page of nothing but the title and the posts of a thread, if the page is one."""
    from lxml import html

    if not tree.xpath(_THREAD):
        return None
    posts = tree.xpath(_POSTS)
    if len(posts) < 2:
        return None
    article = html.Element("article")
    for part in (*tree.xpath("//h1")[:1], *posts):
        copy = deepcopy(part)
        copy.tail = None
        article.append(copy)
    page = html.Element("html")
    body = html.Element("body")
    page.append(body)
    body.append(article)
    return page
