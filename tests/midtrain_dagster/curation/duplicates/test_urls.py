import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.curation.duplicates.urls import normal_url

PAGE = "https://example.com/A/page?b=2&a=1"
SAME = (
    "http://example.com/A/page?b=2&a=1",
    "//www.example.com/A/page/?a=1&b=2",
    "example.com/A/page?a=1&b=2",
    " HTTPS://WWW.EXAMPLE.COM:443/A/./x/../page//?a=1&b=2#top\n",
    "http://example.com.:80/A/p%61ge?a=1&b=2",
    "https://me:secret@example.com/A/page;jsessionid=1F2E?a=1&&b=2&",
    "https://example.com/A/page?a=1&amp;utm_source=x&amp;b=2",
    "https://example.com/A/page?utm_source=a&b=2&UTM_Medium=b&gclid=x&a=1&PHPSESSID=7&fbclid",
)
OTHER = (
    "https://example.com/a/page?a=1&b=2",
    "https://m.example.com/A/page?a=1&b=2",
    "https://example.com:8080/A/page?a=1&b=2",
    "https://example.com/A/page",
    "https://example.com/A/page?a=1&b=2&cid=3",
    "https://example.com/A/page?a=1&b=2&uid=3",
    "https://example.com/A/page?a=1&b=2#!/second",
    "https://example.com/A%2Fpage?a=1&b=2",
    "https://example.com/A//page?a=1&b=2",
    "ftp://example.com/A/page?a=1&b=2",
    "https://example.org/A/page?a=1&b=2",
)


@pytest.mark.parametrize("url", SAME)
def test_these_name_the_same_page(url: str) -> None:
    assert normal_url(url) == normal_url(PAGE) == "example.com/A/page?a=1&b=2"


@pytest.mark.parametrize("url", OTHER)
def test_these_name_another(url: str) -> None:
    assert normal_url(url) not in (None, normal_url(PAGE))


def test_pages_that_differ_in_their_query_stay_apart() -> None:
    pages = [
        "?12",
        "?13",
        "?a=1&a=2",
        "?a=2&a=1",
        "?q=a%26b",
        "?q=a&b",
        "?q=a%2Bb",
        "?q=a+b",
        "?p=",
        "",
    ]
    forms = [normal_url(f"http://x.org/{page}") for page in pages]
    assert len({*forms}) == len(pages)
    assert normal_url("http://x.org/?q=a%20b") == normal_url("http://x.org/?q=a+b")
    assert normal_url("http://x.org/?p=") == normal_url("http://x.org?p")


def test_hosts_and_letters_of_any_script_have_one_form() -> None:
    forms = {
        normal_url(url)
        for url in (
            "http://münchen.de/straße",
            "http://xn--mnchen-3ya.de/stra%c3%9fe",
            "https://www.MÜNCHEN.de/stra%C3%9Fe/",
        )
    }
    assert forms == {"xn--mnchen-3ya.de/stra%C3%9Fe"}
    assert normal_url("http://www.com/") == "www.com"
    assert normal_url("localhost:8000/x") == "localhost:8000/x"
    assert normal_url("[::1]/x") == "[::1]/x"


@pytest.mark.parametrize("url", ["", " ", "http://", "http://exa mple.com/", "https://a:b/", "//"])
def test_what_is_no_url_has_no_form(url: str) -> None:
    assert normal_url(url) is None


def test_urls_of_other_schemes_count_whole() -> None:
    assert normal_url("urn:isbn:0451450523") == "urn:isbn:0451450523"
    assert normal_url("DOI:10.1000/1") != normal_url("doi:10.1000/2")


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.lists(st.tuples(st.sampled_from("abc"), st.text(st.characters(exclude_categories=["Cs"])))),
    st.randoms(),
)
def test_the_form_is_a_fixed_point_and_knows_no_order(
    path: str, query: list[tuple[str, str]], order: random.Random
) -> None:
    def url(pairs: list[tuple[str, str]]) -> str:
        said = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in pairs)
        return f"https://example.com/{quote(path)}?{said}"

    form = normal_url(url(query))
    assert form is not None
    assert normal_url(form) == form
    named = dict(query)
    shuffled = list(named.items())
    order.shuffle(shuffled)
    assert normal_url(url(shuffled)) == normal_url(url(list(named.items())))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_has_a_form_or_none(text: str) -> None:
    form = normal_url(text)
    assert form is None or form


def test_a_hostile_url_is_read() -> None:
    assert normal_url("http://example.com/" + "%41;jsessionid=" * 50_000) is not None
    assert normal_url("http://example.com/?" + "&a" * 100_000) is not None
