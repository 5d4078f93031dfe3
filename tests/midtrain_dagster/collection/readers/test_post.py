import pytest

from midtrain_dagster.collection.readers.post import markdown


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("no markup &amp; one line", "no markup & one line"),
        ("<p>two\nlines,  <em>one</em> <a href='b'>paragraph</a></p>", "two lines, one paragraph"),
        ("<p>one</p>\n\n<p>two</p>", "one\n\ntwo"),
        ("<p>one<br>two</p>", "one\ntwo"),
        ("<p>say <code>a  b</code></p>", "say `a b`"),
        ("<pre class='x'><code>a\n\n  b &lt; 1\n</code></pre>", "```\na\n\n  b < 1\n```"),
        ("<blockquote><p>a<br>b</p><p>c</p></blockquote><p>d</p>", "> a\n> b\n\n> c\n\nd"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<p>x</p><ol><li>a</li><li>b</li></ol><p>y</p>", "x\n\n1. a\n2. b\n\ny"),
        ("<ul><li>a<ol><li>b</li></ol></li><li>c</li></ul>", "- a\n  1. b\n- c"),
        ("<ul><li><p>a</p><p>b</p></li></ul>", "- a\n\n  b"),
        ("<!DOCTYPE html>", ""),
        ("a<!-- comment -->b", "ab"),
        ("<p>a</p><hr><img src='b' alt='c'>", "a"),
        ("</ul></blockquote><li>left open", "- left open"),
        ("<pre>left open\n1 < 2", "```\nleft open\n1 < 2\n```"),
    ],
)
def test_posts_become_markdown(html: str, text: str) -> None:
    assert markdown(html) == text
