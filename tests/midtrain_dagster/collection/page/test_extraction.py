import pytest
from trafilatura import load_html

from midtrain_dagster.collection.page.extraction import main_text

POSTS = [
    f"The {word} otter keeps a favourite stone in a pocket of loose skin under its arm, and opens "
    "mussels with it while it floats on its back among the kelp."
    for word in ("first", "second", "third", "fourth")
]


def text(markup: str) -> str:
    tree = load_html(markup)
    before = str(len(list(tree.iter())))
    found = main_text(tree, "txt") or ""
    assert str(len(list(tree.iter()))) == before  # the page stays as it is
    return found


@pytest.mark.parametrize(
    "kind", ["https://schema.org/QAPage", "http://schema.org/DiscussionForumPosting"]
)
def test_threads_keep_every_post_and_nothing_else(kind: str) -> None:
    posts = "".join(
        f'<div class="answer"><div class="votes">21</div><div itemprop="text"><p>{post}</p></div>'
        '<div class="user">answered by pup</div><ul><li class="comment">Thanks!</li></ul></div>'
        for post in POSTS
    )
    page = (
        f'<html><body itemscope itemtype="{kind}"><div id="nav">Questions Tags Users</div>'
        f"<h1>Stones?</h1>{posts}<div>Not the answer that you look for?</div></body></html>"
    )
    assert text(page) == "\n".join(["Stones?", *POSTS])
    # A page that declares no thread is an article with comments.
    assert text(page.replace(kind, "https://schema.org/Article")) != text(page)


@pytest.mark.parametrize(
    ("head", "is_documentation"),
    [
        (
            '<meta name="generator" content="Docutils 0.19: https://docutils.sourceforge.io/" />',
            True,
        ),
        ('<meta name="Generator" content="makeinfo">', True),
        ('<meta content="DocBook XSL Stylesheets V1.79.1" name=GENERATOR>', True),
        ('<script src="_static/documentation_options.js"></script>', True),
        ('<meta name="generator" content="WordPress 6.5">', False),
        ('<meta name="description" content="Sphinx">', False),
        ("", False),
    ],
)
def test_documentation_is_told_by_what_made_it(head: str, is_documentation: bool) -> None:
    # Precision takes a part of this class for boilerplate, recall keeps it.
    part = f'<div class="link"><p>{POSTS[3]}</p></div>'
    body = f"<div><h1>Otters</h1><p>{POSTS[0]}</p><p>{POSTS[1]}</p>{part}<p>{POSTS[2]}</p></div>"
    page = f"<html><head><title>Otters</title>{head}</head><body>{body}</body></html>"
    assert (POSTS[3] in text(page)) is is_documentation


@pytest.mark.parametrize("tag", ["i", "b", "em", "strong", "span", "q"])
@pytest.mark.parametrize("content", ["", "<img src=otter.png>", "<svg></svg>"])
def test_text_behind_empty_elements_stays(tag: str, content: str) -> None:
    page = (
        f"<html><body><article><p>{POSTS[0]}</p><p>Stones <{tag} class=icon>{content}</{tag}> "
        f"<noscript><img src=otter.png></noscript> sink.</p><p>{POSTS[1]}</p></article></body>"
    )
    assert text(page).split("\n")[1].split() == ["Stones", "sink."]
