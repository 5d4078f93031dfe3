import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PARAGRAPH = (
    "The sea otter keeps a favourite stone in a pocket of loose skin under its arm, and opens "
    "mussels with it while it floats on its back among the kelp. "
) * 3
PAGE = """<!DOCTYPE html>
<html><head><title>Otters</title>{meta}</head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/about">About us</a></li></ul></nav>
<main><article><h1>Sea otters</h1><p>{text}</p><p>{last}</p></article></main>
<footer><p>Copyright. All rights reserved.</p></footer>
</body></html>"""


def page(meta: str = "", last: str = "Naïve otters sleep in cafés.") -> str:
    return PAGE.format(meta=meta, text=PARAGRAPH, last=last)


def test_pages_become_their_main_text(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.html").write_bytes(page().replace("\n", "\r\n").encode())
    collected = collect(reader="html", paths=["."])
    expected = f"Sea otters\n{PARAGRAPH.strip()}\nNaïve otters sleep in cafés."
    assert collected.texts == {"a.html": expected}
    assert collected.documents["format"].item() == "web_page"


def test_a_page_with_code_is_markdown(tmp_path: Path, collect: Callable[..., Any]) -> None:
    code = "</p><pre>def f(x):\n    return {x}\n</pre><p>Otters write no code."
    (tmp_path / "a.html").write_bytes(page(last=code).encode())
    (tmp_path / "b.html").write_bytes(page(last="<pre></pre>None is here.").encode())
    collected = collect(reader="html", paths=["."])
    assert "\n```\ndef f(x):\n    return {x}\n```\n" in collected.texts["a.html"]
    formats = collected.documents.select("locator", "format").rows()
    assert formats == [("a.html", "markdown"), ("b.html", "web_page")]


@pytest.mark.parametrize(
    ("encoding", "meta"),
    [
        ("cp1252", '<meta charset="iso-8859-1">'),
        ("iso8859-2", '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2">'),
        ("utf-16", ""),
        ("utf-8-sig", '<meta charset="iso-8859-1">'),
        ("cp1254", '<meta charset="iso-8859-9">'),
        ("utf-8", '<!-- <meta charset="iso-8859-1"> -->'),
        ("utf-8", '<meta charset="klingon">'),
    ],
)
def test_encodings_are_those_declared(
    tmp_path: Path, collect: Callable[..., Any], encoding: str, meta: str
) -> None:
    last = "Kočka říká: dobrý den." if encoding == "iso8859-2" else "It\u2019s a naïve otter."
    (tmp_path / "a.html").write_bytes(page(meta, last).encode(encoding))
    assert collect(reader="html", paths=["."]).texts["a.html"].endswith(last)


def test_pages_may_be_compressed_and_lose_their_permalinks(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    heading = '<h1>Sea otters<a class="headerlink" href="#otters">\u00b6</a></h1>'
    data = page().replace("<h1>Sea otters</h1>", heading).encode()
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(data))
    (tmp_path / "b.html.gz").write_bytes(gzip.compress(data)[:-20])
    collected = collect(reader="html", paths=["."])
    assert collected.texts["a.html.gz"].startswith("Sea otters\nThe sea otter keeps")
    assert collected.reasons == {"b.html.gz": "broken_stream"}


def test_encodings_may_stand_in_an_xml_declaration(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    declared = '<?xml version="1.0" encoding="iso-8859-2"?>\n' + page(last="Ko\u010dka.")
    (tmp_path / "a.xhtml").write_bytes(declared.encode("iso8859-2"))
    assert collect(reader="html", paths=["."]).texts["a.xhtml"].endswith("Ko\u010dka.")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (page().encode("latin-1"), "invalid_encoding"),
        (page('<meta charset="klingon">').encode("latin-1"), "invalid_encoding"),
        (page('<meta charset="utf-8">').encode("latin-1"), "invalid_encoding"),
        (page('<meta charset="iso-2022-kr">', "x").encode(), "invalid_encoding"),
        (b"<html><head><title>Otters</title></head><body></body></html>", "no_text"),
        (b"\x00\x01\x02 not a page", "no_text"),
        (b"", "empty"),
        (b"<p>" + b"x" * 20_000, "too_large"),
    ],
)
def test_pages_that_cannot_be_taken_are_rejected(
    tmp_path: Path, collect: Callable[..., Any], data: bytes, reason: str
) -> None:
    (tmp_path / "a.html").write_bytes(data)
    collected = collect(reader="html", paths=["a.html"])
    assert collected.reasons == {"a.html": reason}
    assert collected.documents.is_empty()
