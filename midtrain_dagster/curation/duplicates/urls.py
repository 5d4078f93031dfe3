"""The form in which two URLs are compared: that they name the same page, by what they say alone.

The URL is read as a browser reads it (the WHATWG URL standard, by the library Ada): host in lower
case and in ASCII, default port and dot segments gone, what must be escaped escaped. Of what is left
these make no difference:

- ``http`` or ``https``, a ``www.`` before the domain, a dot behind it, name and password;
- slashes at the end of the path, ``;jsessionid=...`` there;
- percent escapes of letters, digits and ``-._~``, and the case of the others' digits (RFC 3986,
  section 6.2.2);
- the order of the query's parameters with different names, parameters that say who came from where
  (`TRACKING`) or which visit it was, an ``=`` without a value, an ``&amp;`` of HTML's;
- the fragment, unless a script makes a page of it (``#!`` and ``#/``).

Anything else does: letter case in the path, every other parameter, ``index.html``, ``m.``. Pages
that are the same all the same are left to the comparison of texts. Two that differ must not become
one: so parameters are named exactly, where a pattern such as courlan's drops ``cid``, ``source``
and ``uid`` too, which choose the page on many a site.
"""

import re
from urllib.parse import unquote_to_bytes

VERSION = 2

TRACKING = frozenset(
    (
        *(
            "gclid",
            "gclsrc",
            "dclid",
            "gbraid",
            "wbraid",
            "gad_source",
            "gad_campaignid",
            "srsltid",
        ),
        *("fbclid", "fb_action_ids", "fb_action_types", "fb_source", "fb_ref", "igshid", "igsh"),
        *("msclkid", "yclid", "ysclid", "_openstat", "twclid", "ttclid", "li_fat_id", "epik"),
        *("mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "__hssc", "__hstc", "__hsfp"),
        *("hsctatracking", "vero_id", "vero_conv", "oly_anon_id", "oly_enc_id", "rb_clickid"),
        *("ml_subscriber", "ml_subscriber_hash", "s_cid", "wickedid", "_ga", "_gl", "gs_l", "spm"),
        *("cmpid", "ncid", "ref_src", "__twitter_impression", "phpsessid", "jsessionid"),
        *("pk_campaign", "pk_kwd", "pk_keyword", "pk_source", "pk_medium", "pk_content", "pk_cid"),
    )
)
"""Parameters that say nothing of a page, in lower case: those that the browsers Firefox and Brave
strip, the global rules of ClearURLs, and numbers of sessions."""

TRACKING_PREFIXES = ("utm_", "mtm_", "matomo_", "piwik_", "hsa_", "itm_", "otm_", "aspsessionid")

_WITH_SCHEME = re.compile(r"[a-z][a-z0-9+-]*:(?!\d+(?:[/?#]|$))", re.IGNORECASE)
_ESCAPES = re.compile(r"%[0-9A-Fa-f]{2}")
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normal_url(url: str) -> str | None:
    """The form in which the URL is compared; None if it is none.

    One without a scheme (``//host/page``, ``host/page``) is taken for a page of the web's. Of other
    schemes than the web's the whole URL counts.
    """
    from ada_url import URL

    written = url.strip()
    if not _WITH_SCHEME.match(written):
        written = f"http://{written.lstrip('/')}"
    try:
        parsed = URL(written)
    except ValueError:
        return None
    if parsed.protocol not in ("http:", "https:"):
        return str(parsed.href)
    host = parsed.hostname.rstrip(".")
    if host.startswith("www.") and host.count(".") > 1:
        host = host.removeprefix("www.")
    port = f":{parsed.port}" if parsed.port else ""
    path = _SESSION.sub("", _ESCAPES.sub(_unescaped, parsed.pathname)).rstrip("/")
    query = _query(parsed.search)
    fragment = parsed.hash if parsed.hash.startswith(("#!", "#/")) else ""
    return f"{host}{port}{path}{query}{fragment}"


def _query(search: str) -> str:
    """What of a query counts, sorted by name; what one name says twice keeps its order."""
    said = []
    for part in search.removeprefix("?").replace("&amp;", "&").split("&"):
        name, _, value = _ESCAPES.sub(_unescaped, part).replace("%20", "+").partition("=")
        tracks = name.lower() in TRACKING or name.lower().startswith(TRACKING_PREFIXES)
        if (name or value) and not tracks:
            said.append((name, value))
    said.sort(key=lambda pair: pair[0])
    joined = "&".join(f"{name}={value}" if value else name for name, value in said)
    return f"?{joined}" if joined else ""


def _unescaped(escape: "re.Match[str]") -> str:
    byte = unquote_to_bytes(escape[0])
    return byte.decode() if byte[0] in _UNRESERVED else escape[0].upper()
