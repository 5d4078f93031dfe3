"""Tells e-mail addresses that are somebody's from what only looks like them, and where they start.

The local part may hold all that RFC 5322 and 6531 allow without quotes, and a quoted one; the
domain ends in a suffix of the public suffix list, in any script. Of signs that are allowed but
mostly part an address from what stands before it (``to=a@b.de``, ``|a@b.de``) the meaning is judged
by what follows.

Not an address are reserved names (RFC 6761: ``.test``, ``.localhost``), the documentation domains
of RFC 2606 (``example.com``), the names of SSH's ciphers, calls and units of systemd, and what only
looks like one in a URL's path, its user information or a repository's location (``git@host:path``).
"""

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

LOOKS_BACK, LOOKS_AHEAD = 24, 24
"""Bytes before and behind an address that are read for what they say of it."""

_DOCUMENTATION_DOMAIN = re.compile(r"(?:^|\.)example\.(?:com|net|org|edu)$")
_PROTOCOL_NAME = re.compile(r"-.*@(?:openssh\.com|libssh\.org)$")  # names of ciphers, RFC 4251
_OF_CODE = frozenset({"target", "zip", "mov", "call", "map", "select", "data", "foo", "prof"})
"""Suffixes of domains that hardly anybody has an address under, but many a program a name."""

_ESCAPE = re.compile(r".*%(?:2[02ACF]|3[A-F]|40|0[9AD]|5[BD]|7[BCD])", re.IGNORECASE)
"""Of a URL's escapes those of signs that part an address from what stands before it."""
_BACKSLASH = re.compile(r"(?:u00[0-9a-f]{2}|x[0-9a-f]{2}|[nrt])(?=\w)", re.IGNORECASE)
_VERP = re.compile(r"(?:srs[01]|prvs|btv1|msprvs1)[=+-]", re.IGNORECASE)
"""How return paths begin that carry an address (SRS, BATV)."""
_OPENER = re.compile(r"[brfu]{0,2}(['`])", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/\s@]*:\Z")
_CALL = re.compile(r"\((?:$|[\w.,'\"=\[\]-]*\))", re.ASCII)
_EDGE = re.compile(r"^[^\w]+")


def email(found: str, before: str, behind: str) -> tuple[int, int]:
    """Where in ``found`` an address stands, in characters; an empty span if none does.

    ``found`` is all around an ``@`` that signs of addresses can reach; ``before`` and ``behind``
    are what stands around it.
    """
    written, _, reached = found.rpartition("@")
    domain = _domain(reached, behind)
    if not domain:
        return 0, 0
    stop = len(written) + 1 + len(domain)
    after = found[stop : stop + 1] or behind[:1]
    local = written
    if not written.startswith('"'):
        if not written.isascii():
            local = _one_script(written)
        local = _unwrapped(local, before if local == written else "", after)
    if not local or ".." in local or len(local) > 64:
        return 0, 0
    if local == "git" and after in {":", "/"}:
        return 0, 0
    if _CALL.match(found[stop:] + behind) or domain.startswith("self."):
        return 0, 0  # as in a product of matrices
    address = f"{local}@{domain}".lower()
    if _PROTOCOL_NAME.search(address):
        return 0, 0
    return len(written) - len(local), stop


def _one_script(written: str) -> str:
    """The end of a local part that is in one script, for words of another run on before it."""
    script, start = "", len(written)
    for sign in reversed(written):
        category = unicodedata.category(sign)[0]
        if not sign.isascii() and category not in "LMN":
            break
        if category == "L":
            own = _script(sign)
            if script and own != script:
                break
            script = own
        start -= 1
    return written[start:]


@lru_cache(4096)
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return "CJK" if name in {"HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "HALFWIDTH"} else name


def _unwrapped(local: str, before: str, after: str) -> str:
    """The local part without what stands before an address in markup, code and URLs."""
    if local.isalnum() and not before.endswith(("/", ":", "\\")):
        return local
    if before.endswith("@") and "/" in local:  # one address after the other
        return _unwrapped(local.partition("/")[2], "", after)
    if "/" in local:
        head = local.partition("/")[0]
        if "//" in local or not head.strip("~."):  # a URL's query may hold one, its path does not
            start = max(local.rfind(sign) for sign in "?&=#")
            return "" if start < 0 else _unwrapped(local[start + 1 :], "", after)
        if "." in head and _is_registrable(head):
            return ""
    if _PASSWORD.search(before):
        return ""
    return _EDGE.sub("", _unquoted(_behind_signs(local, before, after), after))


def _behind_signs(local: str, before: str, after: str) -> str:
    """The local part behind escapes, assignments and brackets."""
    if before.endswith("\\"):
        local = _BACKSLASH.sub("", local, count=1) if _BACKSLASH.match(local) else local
    escaped = _ESCAPE.match(local)
    if escaped:
        local = local[escaped.end() :]
    if "=" in local and not _VERP.match(local):
        head, _, tail = local.rpartition("=")
        if not ("." in tail and "." not in head and _is_registrable(tail)):
            local = tail
    for sign in "{}|":
        local = local.rpartition(sign)[2] if after != "{" else local
    return local


def _unquoted(local: str, after: str) -> str:
    """The local part behind the quote, or emphasis, that opens before it and closes behind it."""
    if local.startswith("_") and after == "_":
        return local.lstrip("_")
    opened = _OPENER.match(local)
    if opened and after == opened.group(1):
        return local[opened.end() :]
    return local.rpartition("`")[2] if after == "`" else local


def _domain(reached: str, behind: str) -> str:
    """The beginning of what follows ``@`` that is a domain somebody can have, or nothing."""
    name = reached
    if not name.isascii():
        name = _scripts_apart(name)
    name = name.rstrip(".-")
    whole = name == reached.rstrip(".-")
    while "." in name:
        if _is_registrable(name.lower()):
            suffix = name.rpartition(".")[2].lower()
            known = not _DOCUMENTATION_DOMAIN.search(name.lower()) and suffix not in _OF_CODE
            return name if known and (whole or reached[len(name) : len(name) + 1] != "-") else ""
        name, whole = name.rpartition(".")[0], False
    return ""


def _scripts_apart(name: str) -> str:
    """A domain's labels, each in one script; a word of another that runs on behind is left out."""
    script = ""
    for at, sign in enumerate(name):
        category = unicodedata.category(sign)[0]
        if sign == ".":
            script = ""
        elif sign != "-" and category not in "LMN":
            return name[:at]
        elif category == "L":
            own = _script(sign)
            if script and own != script:
                return name[:at]
            script = own
    return name


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=True)


@lru_cache(65536)
def _is_registrable(name: str) -> bool:
    """Whether a domain has labels of the right form and stands under a public suffix."""
    labels = name.split(".")
    if any(not label or len(label) > 63 or label[0] == "-" or label[-1] == "-" for label in labels):
        return False
    return not labels[-1].isdigit() and _suffixes().is_private(name)
