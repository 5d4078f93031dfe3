import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.collection.block_list import Block, list_block_files, load_block_list
from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.source_file import SourceError


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "domains.gz").write_bytes(
        gzip.compress(b"# adult\nBad.example  # with its subdomains\n\n*.worse.example.\n1.2.3.4\n")
    )
    (tmp_path / "urls.txt").write_text(
        "http://Good.example/bad/Page/\ngood.example/?q=1\n# a comment\nhttps://empty.example\n"
    )
    (tmp_path / "words.txt").write_text("casino\nkasin\u00f3\n")
    return tmp_path


def refused(folder: Path, url: str | None, **fields: Any) -> str | None:
    fields = fields or {"domains": "domains.gz", "urls": "urls.txt", "words": "words.txt"}
    block = Block(**fields)
    files = list_block_files("web", block, folder)
    refusal = load_block_list(block, files).refusal("a:1", url)
    return refusal and f"{refusal.reason} {refusal.detail}"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://bad.example/", "blocked_domain bad.example"),
        ("http://user:word@WWW.Bad.Example.:8080/x", "blocked_domain bad.example"),
        ("https://a.worse.example", "blocked_domain worse.example"),
        ("http://1.2.3.4/x", "blocked_domain 1.2.3.4"),
        ("https://notbad.example/", None),
        ("https://bad.example.org/", None),
        ("https://good.example/bad/Page#part", "blocked_url good.example/bad/Page"),
        ("https://good.example/bad/page", None),
        ("https://good.example/?q=1", "blocked_url good.example/?q=1"),
        ("https://www.empty.example/", None),
        ("https://empty.example/", "blocked_url empty.example"),
        ("https://good.example/best-Casino_2024", "blocked_word casino"),
        ("https://good.example/Kasin%C3%B3", "blocked_word kasin\u00f3"),
        ("https://good.example/casinos", None),
        ("good.example/bad/Page", "blocked_url good.example/bad/Page"),
        ("http://[", None),
        (None, "missing_key no URL"),
        ("", "missing_key no URL"),
    ],
)
def test_urls_are_refused_by_domain_address_or_word(
    lists: Path, url: str | None, reason: str | None
) -> None:
    found = refused(lists, url)
    assert found is None if reason is None else found.startswith(reason)


def test_domains_may_stand_in_the_recipe(lists: Path) -> None:
    assert refused(lists, "https://x.kelp.org/", domains=["kelp.org"])
    assert refused(lists, "https://bad.example/", domains=["kelp.org"]) is None


SAME = [
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "b%C3%BCcher.example"),
    ("bu\u0308cher.example", "bücher\u3002example"),
    ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ("пример.испытание", "XN--E1AFMKFD.xn--80akhbyknj4f"),
    ("straße.example", "xn--strae-oqa.example"),
    ("☃.example", "xn--n3h.example"),
]
"""Hosts as people write them and as they are looked up: RFC 3492, IANA's test domains, UTS 46."""


@pytest.mark.parametrize("pair", SAME, ids=lambda pair: pair[1])
def test_a_host_in_other_letters_is_the_one_that_is_looked_up(lists: Path, pair) -> None:
    for listed, said in (pair, pair[::-1]):
        for url in (f"https://{said}/", f"http://www.{said}:80/x"):
            assert refused(lists, url, domains=[f"*.{listed}"])
        (lists / "idn.txt").write_text(f"http://{listed}/Page\n")
        assert refused(lists, f"https://{said}/Page", urls="idn.txt")
        assert refused(lists, f"https://{said}/page", urls="idn.txt") is None
    assert refused(lists, "https://bucher.example/", domains=["bücher.example"]) is None


@given(st.text(max_size=30))
def test_no_host_is_too_odd_to_be_compared(host: str) -> None:
    block = Block(domains=["bücher.example", host or "a"])
    refusal = load_block_list(block, {}).refusal("a:1", f"https://{host}/")
    assert refusal is None or refusal.reason == "blocked_domain"


@settings(max_examples=50, deadline=None)
@given(
    st.sets(st.text("ab.", min_size=1, max_size=5).filter(lambda text: text.strip(".*"))),
    st.text("ab.", max_size=8),
)
def test_domains_block_what_a_set_of_them_would(listed: set[str], host: str) -> None:
    block = Block(domains=[*sorted(listed), "other"])
    entries = {entry.strip(".*") for entry in listed}
    labels = host.strip(".").split(".")
    expected = any(
        ".".join(labels[first:]) in entries for first in range(len(labels)) if labels[first]
    )
    refusal = load_block_list(block, {}).refusal("a", f"http://{host}/x")
    assert (refusal is not None) == expected


def test_lists_take_eight_bytes_an_entry_and_are_read_once(tmp_path: Path) -> None:
    count = 50_000
    (tmp_path / "long.txt").write_text(
        "".join(f"site{number}.example\n" for number in range(count))
    )
    block = Block(domains="long.txt")
    files = list_block_files("web", block, tmp_path)
    loaded = load_block_list(block, files)
    assert loaded.domains.nbytes == 8 * count
    assert load_block_list(block, files).domains is loaded.domains
    assert all(loaded.refusal("a", f"http://www.site{n}.example") for n in range(0, count, 9999))
    assert not any(loaded.refusal("a", f"http://site{n}.org/") for n in range(0, count, 99999))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"# nothing\n", "has no entry"),
        ("a.txt", b"caf\xe9.example", "cannot be read"),
        ("a.gz", gzip.compress(b"bad.example\n" * 999)[:-9], "cannot be read"),
        ("missing.txt", None, "is no file"),
    ],
)
def test_lists_that_are_broken_stop_the_run(
    tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=message):
        refused(tmp_path, "http://a.example", words=name)


def test_causes_are_the_content_and_not_the_place(lists: Path, source: Callable[..., Any]) -> None:
    here, there = (
        source(reader="warc", paths=["a"], block={"domains": path, "words": "w"})
        for path in ("a.txt", "/elsewhere/b.txt")
    )
    assert cause(here) == cause(there)
    named = source(reader="warc", paths=["a"], block={"domains": ["kelp.org"], "words": "w"})
    assert cause(named) != cause(here)
    before = list_block_files("web", Block(words="words.txt"), lists)
    (lists / "words.txt").rename(lists / "others.txt")
    moved = list_block_files("web", Block(words="others.txt"), lists)
    assert cause(moved) == cause(before)
    (lists / "others.txt").write_text("casino\n")
    assert cause(list_block_files("web", Block(words="others.txt"), lists)) != cause(before)


def test_lists_are_written_out_as_they_may_be_read_again() -> None:
    block = Block(domains="domains.gz", words="words.txt")
    assert Block.model_validate(block.model_dump(mode="json")) == block
    assert block.paths == {"domains": "domains.gz", "words": "words.txt"}


def test_sections_name_a_list_and_lists_their_files() -> None:
    with pytest.raises(ValidationError, match="name a list"):
        Block()
    with pytest.raises(SourceError, match="no file for the block list of words"):
        load_block_list(Block(words="w"), {})


def test_documents_of_blocked_urls_are_rejections(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    urls = ["https://kelp.org/a", "https://otter.org/b", None]
    lines = [json.dumps({"text": f"text {number}", "link": url}) for number, url in enumerate(urls)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    section = {"reader": "json_lines", "paths": ["a.jsonl"], "url": "link"}
    collected = collect(**section, block={"domains": ["kelp.org"]})
    assert list(collected.texts) == ["a.jsonl:2"]
    assert collected.reasons == {"a.jsonl:1": "blocked_domain", "a.jsonl:3": "missing_key"}
    assert collected.detail("a.jsonl:1") == "kelp.org (of https://kelp.org/a)"
