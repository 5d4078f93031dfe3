"""Assigned values that look random, and what is a placeholder for a key.

Keys with a vendor's mark are `key_scanner`'s. A value without a mark (``api_key = "..."``) counts
only if it is as random as a key: its bytes carry at least 3.5 bits each (gitleaks' bound for
generic keys); where it is hexadecimal 3 bits (detect-secrets' bound), and it has 32 digits, for
shorter ones are names of keys. Some run of eight letters and digits has both, or it is put together
of words and numbers (``us-intl-104-2024-layout``). A public key is no secret, nor are documented
placeholders (``AKIAIOSFODNN7EXAMPLE``, ``your-token-here``).
"""

import re
from collections import Counter
from math import log2

_PLACEHOLDER = re.compile(
    rb"example|placeholder|change.?me|your|dummy|redacted|xxxx|sample|1234567|abcdefg",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(rb"[0-9a-f]+|[0-9A-F]+")
_PUBLIC = re.compile(
    rb"pub(?:lic)?[\s_-]?key|key[\s_-]?id|fingerprint|host[\s_-]?key", re.IGNORECASE
)
_MIXED = re.compile(rb"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{8}")
_WORDS = re.compile(rb"[a-z]{3,}|[A-Z][a-z]{3,}")


def is_placeholder(key: bytes) -> bool:
    """Whether a key only shows where one goes; long ones spell such words by chance."""
    return len(key) <= 100 and _PLACEHOLDER.search(key) is not None


def looks_random(value: bytes) -> bool:
    """Whether a value is as random as a key: letters and digits, few words, high entropy."""
    if is_placeholder(value) or not _MIXED.search(value):
        return False
    if _HEXADECIMAL.fullmatch(value):
        return len(value) >= 32 and entropy(value) >= 3.0
    spelt = sum(map(len, _WORDS.findall(value)))
    return entropy(value) >= 3.5 and spelt <= len(value) / 2


def names_public_key(before: bytes) -> bool:
    """Whether the last line of ``before``, up to an assigned value, speaks of a public key."""
    return _PUBLIC.search(before[before.rfind(b"\n") + 1 :]) is not None


def entropy(value: bytes) -> float:
    """Shannon entropy of the bytes' own distribution, in bits per byte."""
    counts = Counter(value).values()
    return -sum(count / len(value) * log2(count / len(value)) for count in counts)
