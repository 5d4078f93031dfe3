# ruff: noqa: RUF001, SIM905 - words of many scripts
"""Tells IP addresses of the public internet from versions, sections and addresses of nobody.

As in FineWeb's step (datatrove's ``PIIFormatter``) only public addresses count; private, loopback,
link-local, documentation and reserved ones stay, as do (beyond FineWeb) multicast addresses and
IPv6 outside the blocks given to the registries. Four dotted numbers are taken for a version or a
section if all are below 100 and two of them below 20, three below 20 or two zero (each true of one
address in two hundred or fewer, and of the public resolver 8.8.8.8); if a word such as "version",
one that ends so (``packageVersion``) or a common program's name stands before them; or if they are
a product's in a browser's line (``Opera/93.184.21.34``).
"""

import ipaddress
import re

LOOKS_BACK = 40
"""Bytes before an address that are read for what they say of it."""

_LETTERS = "A-Za-z\u00c0-\u024f\u0400-\u04ff"
_LAST_WORD = re.compile(rf"([{_LETTERS}]+|[^\W\d_{_LETTERS}]+)[.\s\"'`()\[=:>§]{{0,4}}\Z")
_VERSIONS = frozenset(
    """
    v ver version versions versión versione versão versie wersja verze verzió versiyon
    sürüm sürümü release rel revision rev kernel firmware fw driver build patch update
    upgrade section sec chapter clause kapitel abschnitt article rfc oid ec версия
    версии версию обновление バージョン 版本 版 버전 الإصدار संस्करण
    """.split()
)
_VERSION_ENDS = ("version", "versions", "release", "revision", "build", "firmware")
_PROGRAMS = frozenset(
    """
    chrome chromium chromedriver webview cef electron firefox opera edg vivaldi safari flash acrobat
    shockwave java jdk jre jvm itunes quicktime whatsapp telegram skype android macos ios
    """.split()
)
_BETWEEN = frozenset(
    "is was of to from number no nr code name string id ist auf von est es на до с".split()
)
_OPERATORS = (
    ">=",
    "<=",
    "==",
    "~>",
    "~=",
    "§",
    ">= ",
    "<= ",
    "== ",
    "~> ",
    "~= ",
    "§ ",
    "(>= ",
    "(= ",
)
_PRODUCT_BEFORE = re.compile(r"(?:^|[\s(;,\"'`])[A-Za-z][\w+-]*/\Z")
"""A product and its version, as in a user agent's line (RFC 9110, 10.1.5)."""
_REGISTERED_IPV6 = re.compile(r"200[13]:|2[468ac][0-6][0-9a-f]:", re.IGNORECASE)


def is_public_address(found: str, before: str) -> bool:
    """Whether ``found`` is an IP address of the public internet; ``before`` is what precedes it."""
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    if address.version == 6:
        registered = _REGISTERED_IPV6.match(found) is not None
        return registered and address.is_global and not address.is_multicast
    numbers = sorted(map(int, found.split(".")))
    below_20, zero = (sum(number < bound for number in numbers) for bound in (20, 1))
    small = below_20 >= 3 or zero >= 2 or (numbers[3] < 100 and below_20 >= 2)
    if small or _names_version(before):
        return False
    return address.is_global and not address.is_multicast


def _names_version(before: str) -> bool:
    """Whether what precedes four dotted numbers says that they are a version or a section."""
    if before.endswith(("/", "-")):  # a product's (RFC 9110), or a package's name and version
        named = before[-2:-1].isalpha() if before[-1] == "-" else _PRODUCT_BEFORE.search(before)
        return bool(named)
    if before.rstrip().endswith(_OPERATORS):
        return True
    for _ in range(3):
        last = _LAST_WORD.search(before)
        word = last.group(1).lower() if last else ""
        if last is None or word not in _BETWEEN:
            return word in _VERSIONS or word in _PROGRAMS or word.endswith(_VERSION_ENDS)
        before = before[: last.start()]
    return False
