"""Tells addresses and telephones that are somebody's from what only looks like them.

- email: the domain ends in two letters or in one of the common generic names, so reserved names
  (RFC 6761: ``.test``, ``.localhost``) are none; nor are the documentation domains of RFC 2606
  (``example.com``), the names of SSH's ciphers, and what only looks like an address in a URL's
  path, its user information, or a repository's location (``git@host:path``).
- ip_address: as in FineWeb's step (datatrove's ``PIIFormatter``) only public addresses; private,
  loopback, link-local, documentation and reserved ones stay, as do (beyond FineWeb) multicast
  addresses and IPv6 outside the blocks given to the registries. Four dotted numbers are taken for
  a version or a section if all are below 100 and two of them below 20 (true of one address in two
  hundred, and of the public resolver 8.8.8.8), or if a word such as "version" stands before them.
- phone: international form (``+``) always; national forms of the given regions, if grouped as
  that country groups them. Both must be valid by the numbering plan, and not reserved for fiction
  (555-0100 to 555-0199 in North America).
"""

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_GENERIC_DOMAINS = frozenset(
    b"com org net edu gov mil int info biz name pro aero coop museum jobs mobi tel travel cat asia "
    b"app dev cloud online site tech store shop blog page wiki xyz top club live email world today "
    b"agency company digital group network services solutions studio systems team software science "
    b"foundation institute university education academy community center international global "
    b"london berlin paris nyc tokyo wien swiss bayern".split()
)
_DOCUMENTATION_DOMAIN = re.compile(rb"[@.]example\.(?:com|net|org|edu)$")
_PROTOCOL_NAME = re.compile(rb"-.*@(?:openssh\.com|libssh\.org)$")  # names of ciphers, RFC 4251


def is_email(address: bytes, before: bytes, after: bytes) -> bool:
    """Whether ``address`` is one, by itself and by the bytes ``before`` and ``after`` it."""
    address = address.lower()
    local, _, domain = address.partition(b"@")
    labels = domain.split(b".")
    suffix = labels[-1]
    known = (suffix.isalpha() and len(suffix) == 2) or suffix in _GENERIC_DOMAINS
    in_url = before.endswith((b"/", b":")) and (before.endswith(b"/") or after == b"/")
    repository = local == b"git" and after in (b":", b"/")
    code = after == b"("
    whole = all(labels) and b".." not in local
    if not (known and whole) or in_url or repository or code:
        return False
    return not (_DOCUMENTATION_DOMAIN.search(address) or _PROTOCOL_NAME.search(address))


_VERSION_BEFORE = re.compile(
    rb"(?:version|versions|ver\.?|release|revision|kernel|section|chapter|rfc|\bv|>=|<=|==|~>"
    rb"|\xc2\xa7|[A-Za-z]-)\s{0,2}\(?$",
    re.IGNORECASE,
)
_REGISTERED_IPV6 = re.compile(rb"200[13]:|2[468ac][0-6][0-9a-f]:", re.IGNORECASE)


def is_public_address(found: bytes, before: bytes) -> bool:
    """Whether ``found`` is an IP address of the public internet; ``before`` is what precedes it."""
    try:
        address = ipaddress.ip_address(found.decode("ascii"))
    except ValueError:
        return False
    if not address.is_global or address.is_multicast:
        return False
    if address.version == 6:
        return _REGISTERED_IPV6.match(found) is not None
    numbers = sorted(map(int, found.split(b".")))
    version = numbers[3] < 100 and numbers[1] < 20
    return not version and not _VERSION_BEFORE.search(before)


def international_phone(found: bytes) -> int:
    """How many bytes are a valid number with its country's code; 0 if none are."""
    import phonenumbers

    text = found.decode("ascii")
    while sum(map(str.isdigit, text)) >= 8:
        try:
            number = phonenumbers.parse(text)
        except phonenumbers.NumberParseException:
            number = None
        if number and phonenumbers.is_valid_number(number) and not _is_fiction(number):
            return len(text)
        text = re.sub(r"[^0-9]*[0-9]+$", "", text)
    return 0


def national_phone(found: bytes, regions: list[str]) -> tuple[int, int]:
    """Where in ``found`` a number is valid, and grouped as usual, in one of the regions."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    text = found.decode("ascii")
    for region in regions:
        for match in PhoneNumberMatcher(text, region, Leniency.STRICT_GROUPING, max_tries=1):
            if not _is_fiction(match.number):
                return match.start, match.end
    return 0, 0


def _is_fiction(number: "PhoneNumber") -> bool:
    """Whether a number of the North American plan is one of 555-0100 to 555-0199."""
    return number.country_code == 1 and (number.national_number or 0) // 100 % 100_000 == 55_501
